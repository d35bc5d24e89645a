"""Searches walked by the server: where they end, when they are left to the Pod, and that nobody finds anything else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.autopath import is_first_step, later_steps
from fairlead.clusterdns.found import View
from fairlead.clusterdns.names import to_name, to_text
from fairlead.clusterdns.records import Question, Rcode, RRType
from fairlead.clusterdns.search import candidates, search_list, walk
from fairlead.clusterdns.zone import Outside
from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from tests.support.dns_cases import CLUSTER, SUFFIX, ZONE, external, namespace, snapshot
from tests.unit.clusterdns.test_responder import objects

CORP = ("corp", "lan")
WALKING = replace(ZONE, outside=Outside.FORWARD, autopath=())


def pod(name, ip, phase="Running", **spec):
    document = {
        "metadata": {"name": name, "namespace": "testns"},
        "spec": spec,
        "status": {"podIP": ip, "phase": phase},
    }
    return decode(Pod, document)


PODS = [
    pod("usual", "10.1.0.1"),
    pod("starting", "10.1.0.2", phase="Pending"),
    pod("over", "10.1.0.3", phase="Failed"),
    pod("own-list", "10.1.0.4", dnsConfig={"searches": ["lan"]}),
    pod("own-ndots", "10.1.0.5", dnsConfig={"options": [{"name": "ndots", "value": "1"}]}),
    pod("no-cluster-dns", "10.1.0.6", dnsPolicy="Default"),
    pod("on-the-node", "10.1.0.7", hostNetwork=True),
    pod("one-of-two", "10.1.0.8"),
    pod("two-of-two", "10.1.0.8"),
    pod("successor", "10.1.0.3"),
]
VIEW = View(snapshot([*CLUSTER, *PODS]), WALKING)


def ends(name, client="10.1.0.1", qtype=RRType.A, view=VIEW):
    """The names where the later steps of a search may end; those that the world outside is asked for in brackets."""
    question = Question(to_name(name), qtype)
    steps = later_steps(question, client, view) if is_first_step(question, view.zone) else ()
    found = [(to_text(step.answer[0].data[0].name), step.outside) for step in steps]
    return [f"[{name}]" if outside else name for name, outside in found]


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("www.example.com", ["[www.example.com.]"]),
        ("svc1.testns", [f"svc1.{SUFFIX}"]),
        ("svc1.testns.svc", [f"svc1.{SUFFIX}"]),
        ("gone.testns", ["[gone.testns.]"]),
        ("testns.svc", ["[testns.svc.]"]),  # a Namespace has no records of any type: the search goes on
        ("ext2gone.testns", ["[ext2gone.testns.]"]),
        ("example", []),  # without a dot it is a name of the cluster, or nothing
        ("a.b.c.d.e", ["[a.b.c.d.e.]"]),
        ("a.b.c.d.e.f", []),  # has ndots dots: the Pod has asked for the name itself already
    ],
)
def test_where_a_search_ends(searched, found):
    assert ends(f"{searched}.{SUFFIX}") == found


@pytest.mark.parametrize(
    ("client", "walked"),
    [
        ("10.1.0.1", True),
        ("10.1.0.2", True),
        ("10.1.0.3", True),
        ("10.1.0.4", False),
        ("10.1.0.5", False),
        ("10.1.0.6", False),
        ("10.1.0.7", False),
        ("10.1.0.8", False),
        ("10.1.0.9", False),
    ],
)
def test_for_whom_it_is_certain(client, walked):
    assert bool(ends(f"www.example.com.{SUFFIX}", client)) == walked


@pytest.mark.parametrize(
    "name",
    [
        "www.example.com.default.svc.cluster.local.",  # the first step of Pods in another Namespace
        "www.example.com.svc.cluster.local.",
        "www.example.com.cluster.local.",
        "www.example.com.",
    ],
)
def test_other_steps_are_left_alone(name):
    assert ends(name) == []


def test_off_by_default():
    assert not is_first_step(Question(to_name(f"www.example.com.{SUFFIX}"), RRType.A), ZONE)


def test_the_search_domains_of_the_nodes_come_before_the_name_itself():
    view = VIEW._replace(zone=replace(WALKING, autopath=(CORP,)))
    assert ends(f"db.prod.{SUFFIX}", view=view) == ["[db.prod.corp.lan.]", "[db.prod.]"]


def test_a_type_that_the_name_does_not_have_ends_the_search_too():
    """Else musl, which takes a denial of one type for that of both, would go on searching."""
    (step,) = later_steps(Question(to_name(f"svc1.testns.{SUFFIX}"), RRType.AAAA), "10.1.0.1", VIEW)
    assert step.rcode is Rcode.NOERROR
    assert [rrset.rtype for rrset in step.answer] == [RRType.CNAME]


inside = st.sampled_from(
    [f"{x}.{y}" for x in ("a", "b", "a.b", "_http._tcp.a", "10-0-0-1") for y in ("testns", "other")]
)


@settings(max_examples=200)
@given(st.lists(objects, max_size=12), inside, st.sampled_from([RRType.A, RRType.AAAA, RRType.SRV]))
def test_no_pod_finds_anything_else_than_by_its_own_search(cluster, searched, qtype):
    view = View(snapshot([namespace("testns"), *PODS, *cluster]), replace(WALKING, outside=Outside.NXDOMAIN))
    first = Question(to_name(f"{searched}.{SUFFIX}"), qtype)
    if answer(first, view).rcode is not Rcode.NXDOMAIN:
        return  # the first step has an answer of its own
    own = walk(candidates(searched, search_list("testns", view.zone.origin)), qtype, view)[-1].answer
    for step in later_steps(first, "10.1.0.1", view):
        assert {*step.answer[1:]} == {*own.answer}


def test_an_alias_of_the_cluster_is_followed_behind_the_alias_of_the_search():
    cluster = snapshot([*CLUSTER, *PODS, external("again", f"svc1.{SUFFIX}")])
    (step,) = later_steps(
        Question(to_name(f"again.testns.{SUFFIX}"), RRType.A), "10.1.0.1", VIEW._replace(snapshot=cluster)
    )
    assert [rrset.rtype for rrset in step.answer] == [RRType.CNAME, RRType.CNAME, RRType.A]

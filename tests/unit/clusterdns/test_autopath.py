"""Autopath: the end of a search, searches left to the Pod, and equal results."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import Ask, DnsRequest, Run
from fairlead.clusterdns.names import Name, to_name, to_text
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.records import Answer, NameTarget, Origin, Question, Rcode, Reason, RRType
from fairlead.clusterdns.search import candidates, search_list, walk
from fairlead.clusterdns.server_blocks import ServerBlocks
from fairlead.clusterdns.upstreams import Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside
from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from tests.support.dns_cases import CLUSTER, SUFFIX, ZONE, external, namespace
from tests.support.dns_servers import block_over
from tests.unit.clusterdns.test_responder import objects

CORP = ("corp", "lan")
WALKING = replace(ZONE, outside=Outside.FORWARD)
FORWARD = Forward(((),), Upstream((UpstreamServer("192.0.2.1"),)))


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


def authority_over(*objects_, zone=WALKING) -> Authority:
    authority = Authority(zone)
    for object_ in objects_:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    return authority


AUTHORITY = authority_over(*CLUSTER, *PODS)


def searched_by(name, client="10.1.0.1", qtype=RRType.A, authority=AUTHORITY, node_search=(), outside=()):
    """The answer to a first step, and the names asked of the world outside, which has those of ``outside``."""
    zone = authority.zone
    blocks = ServerBlocks((block_over(zone, Autopath((zone,), node_search), behind=(FORWARD,)),), authority)
    run = Run(blocks.answer(DnsRequest(Question(to_name(name), qtype), blocks, client)))
    asked: list[str] = []
    while isinstance(run.step, Ask):
        asked.append(to_text(run.step.question.name))
        rcode = Rcode.NOERROR if asked[-1] in outside else Rcode.NXDOMAIN
        run.resume(Answer(rcode, Origin(Reason.UPSTREAM)))
    return run.step, asked


def ends(name, client="10.1.0.1", **options):
    """Where the search may end: the names asked of the world outside in brackets, and the alias told in the end."""
    answer_, asked = searched_by(name, client, **options)
    walked = [f"[{name}]" for name in asked]
    return walked + ([to_text(alias_of(answer_))] if answer_.origin.reason is Reason.SEARCH else [])


def alias_of(answer_: Answer) -> Name:
    target = answer_.answer[0].data[0]
    assert isinstance(target, NameTarget)
    return target.name


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
def test_for_which_clients_the_search_is_certain(client, walked):
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
    found, asked = searched_by(name)
    assert (found.origin.reason is Reason.SEARCH, asked) == (False, [name] if name == "www.example.com." else [])


def test_the_search_domains_of_the_nodes_come_before_the_name_itself():
    name = f"db.prod.{SUFFIX}"
    assert ends(name, node_search=(CORP,)) == ["[db.prod.corp.lan.]", "[db.prod.]"]
    found = ends(name, node_search=(CORP,), outside=("db.prod.corp.lan.",))
    assert found == ["[db.prod.corp.lan.]", "db.prod.corp.lan."]


def test_a_type_that_the_name_does_not_have_ends_the_search_too():
    """Else musl, which takes a denial of one type for that of both, would go on searching."""
    step, _ = searched_by(f"svc1.testns.{SUFFIX}", qtype=RRType.AAAA)
    assert step.rcode is Rcode.NOERROR
    assert [rrset.rtype for rrset in step.answer] == [RRType.CNAME]


inside = st.sampled_from(
    [f"{x}.{y}" for x in ("a", "b", "a.b", "_http._tcp.a", "10-0-0-1") for y in ("testns", "other")]
)


@settings(max_examples=200)
@given(st.lists(objects, max_size=12), inside, st.sampled_from([RRType.A, RRType.AAAA, RRType.SRV]))
def test_autopath_gives_the_result_of_the_pods_own_search(cluster, searched, qtype):
    authority = authority_over(namespace("testns"), *PODS, *cluster, zone=replace(WALKING, outside=Outside.NXDOMAIN))
    view = authority.view
    first = Question(to_name(f"{searched}.{SUFFIX}"), qtype)
    if answer(first, view).rcode is not Rcode.NXDOMAIN:
        return  # the first step has an answer of its own
    steps = walk(candidates(searched, search_list("testns", view.zone.origin)), qtype, lambda q: answer(q, view))
    found, _ = searched_by(f"{searched}.{SUFFIX}", qtype=qtype, authority=authority)
    if found.origin.reason is Reason.SEARCH:
        assert {*found.answer[1:]} == {*steps[-1].answer.answer}


def test_an_alias_of_the_cluster_is_followed_behind_the_alias_of_the_search():
    cluster = authority_over(*CLUSTER, *PODS, external("again", f"svc1.{SUFFIX}"))
    step, _ = searched_by(f"again.testns.{SUFFIX}", authority=cluster)
    assert [rrset.rtype for rrset in step.answer] == [RRType.CNAME, RRType.CNAME, RRType.A]

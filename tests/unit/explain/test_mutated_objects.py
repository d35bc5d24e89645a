"""Objects of whole clusters with one field of any other type or value: nothing breaks, and the object is named."""

import contextlib
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.explain.anonymous import Anonymizer
from fairlead.explain.changing.applied import apply
from fairlead.explain.changing.compare import compare
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import examine
from fairlead.explain.journey.ends import parse_goal, parse_start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.journey.story import tell
from fairlead.explain.proxying import Proxying
from fairlead.explain.render.text import render_text
from fairlead.explain.subjects import SubjectError, explain, parse_subject
from tests.support.broken_clusters import BROKEN, DB, DB_PODS, HEALTHY, NODE_PORT, client, whole
from tests.support.cluster_dumps import changed, cluster, container, headless, node, pod, policy, service, web, workload
from tests.support.full import some_of

SCALARS = [None, True, False, 0, -1, 99999, 2**70, 1.5, float("nan"), 80, "80", "", "x", "*", "None", "::1"]
NO_ADDRESSES = ["10.0.0.300", "1.2.3.4/33", "fd00::/129"]
NESTED = [[], {}, [None], [[]], ["x"], [{}], {"a": None}, {"a": [1]}, [{"a": "b"}, None, 3]]
JUNK = st.sampled_from([*SCALARS, *NO_ADDRESSES, *NESTED])
SUBJECTS = (
    "svc/web", "pod/web-0", "sts/db", "netpol/deny-all", "node/node-1", "10.96.0.10", "10.96.0.10:80", "port/80",
    "dns/web.default.svc.cluster.local", "endpointslice/web-0",
)  # fmt: skip
JOURNEYS = (("pod/web-0", "web:80"), ("outside", "192.168.0.2:30080"), ("host", "10.96.0.10:80"))
RICH = whole(
    service(**NODE_PORT),
    web(),
    workload("Deployment", "web", containers=[container(env=[{"name": "DB_HOST", "value": "db"}])]),
    headless("db", selector={"app": "db"}),
    DB,
    DB_PODS,
    policy("deny-all", policyTypes=["Ingress"]),
    client("http://web"),
)


def places(value, path=()):
    """The path of every value below this one."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield (*path, key)
        yield from places(each, (*path, key))


@st.composite
def mutations(draw):
    """A cluster in which one field of one object is something else, and that object."""
    documents = list(draw(st.sampled_from([RICH, *(case.documents for case in (*BROKEN, *HEALTHY))])))
    index = draw(st.integers(0, len(documents) - 1))
    document = copy.deepcopy(documents[index])
    *way, last = draw(st.sampled_from(list(places(document))))
    place = document
    for key in way:
        place = place[key]
    place[last] = draw(JUNK)
    documents[index] = document
    return documents, document


@given(mutations())
@settings(deadline=None, max_examples=some_of(60, 150))
def test_mutated_objects_break_nothing(mutation):
    documents, document = mutation
    read = cluster(documents)
    words = Anonymizer(read)
    for finding in examine(read):
        words.finding(finding)
    for subject in SUBJECTS:
        with contextlib.suppress(SubjectError):
            assert render_text(explain(read, parse_subject(subject), Proxying()))
    for start, goal in JOURNEYS:
        with contextlib.suppress(SubjectError):
            first, last = parse_start(read, start, "default", None), parse_goal(goal, "tcp")
            assert tell(read, Rulebook(read, Proxying()), first, last).text
    changes = cluster([document], whole=False)
    assert compare(cluster(RICH), apply(cluster(RICH), changes), Proxying(), with_rules=True).statement.text


WRONG = [
    (service(), "spec.ports", "none", "spec.ports"),
    (service(), "spec.ipFamilies", ["IPv5"], 'spec.ipFamilies[0]: Unsupported value: "IPv5"'),
    (service(), "spec.externalIPs", ["10.0.0.300"], 'spec.externalIPs[0]: Invalid value: "10.0.0.300"'),
    (service(), "spec.loadBalancerSourceRanges", ["1.2.3.4/33"], "must be a valid CIDR value"),
    (service(), "spec.ports", [{"port": 0}], "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535"),
    (service(), "metadata.labels", {"a": 1}, "metadata.labels"),
    (pod("web-0"), "status.podIPs", [{"ip": "x"}], "status.podIPs[0]"),
    (pod("web-0"), "spec.containers", [{"name": "main", "env": 3}], "spec.containers[0].env"),
    (pod("web-0"), "status.containerStatuses", {}, "status.containerStatuses"),
    (node(), "spec.podCIDR", "x", "spec.podCIDRs"),
    (workload("Deployment", "web"), "spec.replicas", "two", "spec.replicas"),
    (workload("StatefulSet", "db"), "spec.template.metadata", 4, "spec.template.metadata"),
    (policy("p"), "spec.ingress", [{"from": [{"ipBlock": {"cidr": "x"}}]}], "spec.ingress[0].ipBlock"),
]


@pytest.mark.parametrize(("document", "path", "value", "words"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_the_bad_object_and_its_field_are_named(document, path, value, words):
    bad = changed(document, path, value)
    meta = bad["metadata"]
    read = cluster([d for d in RICH if (d["kind"], d["metadata"]["name"]) != (bad["kind"], meta["name"])] + [bad])
    (fault,) = read.faults
    assert fault.ref == Ref(bad["kind"], meta.get("namespace", ""), meta["name"])
    assert words in fault.message
    assert any(str(fault.ref) in statement.text for statement in not_checked(read))


@pytest.mark.parametrize(
    ("documents", "bad"),
    [
        ([service(), pod("web-0")], changed(pod("web-0"), "status.podIPs", [{"ip": "x"}])),
        ([service(), *web(), client("http://web")], changed(service(), "spec.ports", "none")),
        ([headless("db", selector={"app": "db"}), DB, *DB_PODS], changed(headless("db"), "spec.ports", 4)),
    ],
    ids=["Pod", "Service", "governing Service"],
)
def test_unreadable_objects_are_not_called_missing(documents, bad):
    kept = [d for d in documents if (d["kind"], d["metadata"]["name"]) != (bad["kind"], bad["metadata"]["name"])]
    assert [f.text for f in examine(cluster([*whole(*kept), bad]))] == []


def test_an_object_that_cannot_be_read_is_not_called_absent():
    read = cluster([*whole(), changed(service(), "spec.ports", "none")])
    with pytest.raises(SubjectError, match=r"Service default/web: Expected .* at `\$\.spec\.ports`"):
        explain(read, parse_subject("svc/web"), Proxying())


def test_lists_within_lists_end():
    endless: dict = {"kind": "List", "items": []}
    endless["items"].append(endless)
    assert cluster([endless, {"kind": "List", "items": [service()]}]).snapshot.services

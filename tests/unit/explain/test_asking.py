"""A name as a Pod asks for it: the order of the search, the answer to each question, and questions after its end."""

import pytest

from fairlead.explain.asking import search_of
from fairlead.explain.statements import Verdict
from fairlead.explain.subjects import NoSuchObject, SubjectError
from fairlead.model.names import ObjectKey
from tests.support.broken_clusters import client, whole
from tests.support.cluster_dumps import cluster, headless, service, web

READ = cluster(whole(service(), headless("direct"), web(), client(), client(namespace="shop")))
POD = ObjectKey("default", "client")


def asked(name, pod=POD, type_="A"):
    return [(s.name, s.result) for s in search_of(READ, name, pod, type_).steps if s.is_asked]


@pytest.mark.parametrize(
    ("name", "pod", "steps"),
    [
        ("web", POD, [("web.default.svc.cluster.local.", "NOERROR")]),
        (
            "web.default",
            POD,
            [("web.default.default.svc.cluster.local.", "NXDOMAIN"), ("web.default.svc.cluster.local.", "NOERROR")],
        ),
        ("web.default.svc.cluster.local.", POD, [("web.default.svc.cluster.local.", "NOERROR")]),
        ("web.default.svc.cluster.local", None, [("web.default.svc.cluster.local.", "NOERROR")]),
    ],
)
def test_the_search_goes_in_order(name, pod, steps):
    assert asked(name, pod) == steps


def test_questions_after_the_end_of_a_search_are_marked():
    steps = search_of(READ, "web", POD, "A").steps
    assert [s.name for s in steps if not s.is_asked] == ["web.svc.cluster.local.", "web.cluster.local.", "web."]
    assert [s.ends for s in steps] == [True, False, False, False]


def test_the_reason_for_the_order_is_reported():
    told = search_of(READ, "web", POD, "A").statement
    assert told.parts[0].text == "the name has 0 dots, fewer than ndots 5: the search list is tried first"
    assert told.outcome is Verdict.CHECKED


def test_records_and_types():
    (step,) = [s for s in search_of(READ, "direct", POD, "A").steps if s.is_asked]
    assert len(step.records) == 2
    assert asked("direct", type_="AAAA")[0] == ("direct.default.svc.cluster.local.", "NODATA")
    assert asked("10.0.96.10.in-addr.arpa", None, "PTR")[0][1] in ("NXDOMAIN", "NOERROR", "OUTSIDE")


@pytest.mark.parametrize(
    ("name", "pod", "type_", "error"),
    [
        ("", POD, "A", SubjectError),
        (".", POD, "A", SubjectError),
        ("web", ObjectKey("default", "nobody"), "A", NoSuchObject),
        ("web", POD, "ANY", SubjectError),
        ("web", POD, "", SubjectError),
    ],
)
def test_invalid_questions_are_refused(name, pod, type_, error):
    with pytest.raises(error):
        search_of(READ, name, pod, type_)

"""The Services that ``doctor`` examines for a subject."""

import pytest

from fairlead.explain.doctor.concern import services_that_concern
from fairlead.explain.subjects import NoSuchObject, SubjectError, parse_subject
from fairlead.model.names import ObjectKey
from tests.support.cluster_dumps import cluster, headless, service, web, workload

DB = workload("StatefulSet", "db", serviceName="db")
CLUSTER = cluster([service(), *web(), headless("db", selector={"app": "db"}), DB])


@pytest.mark.parametrize(
    ("subject", "services"), [("svc/web", {"web"}), ("pod/web-0", {"web"}), ("statefulset/db", {"db"})]
)
def test_a_subject_has_its_services(subject, services):
    found = services_that_concern(CLUSTER, parse_subject(subject, "default"))
    assert set(found) == {ObjectKey("default", name) for name in services}


@pytest.mark.parametrize("subject", ["svc/missing", "pod/missing", "statefulset/missing"])
def test_a_missing_object_is_reported(subject):
    with pytest.raises(NoSuchObject, match="missing"):
        services_that_concern(CLUSTER, parse_subject(subject, "default"))


def test_other_kinds_are_refused():
    with pytest.raises(SubjectError, match="give a Service, a Pod or a StatefulSet"):
        services_that_concern(CLUSTER, parse_subject("node/node-1", "default"))

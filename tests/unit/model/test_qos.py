"""The QoS class of a Pod, from what its containers ask for."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.qos import AskedResources, qos_class
from fairlead.nodeagent.manifest import RunPod

ALL = {"cpu": "1", "memory": "1Gi"}
NOTHING = AskedResources(None, None)
CASES = [
    ([NOTHING], None, "BestEffort"),
    ([AskedResources({"cpu": "0"}, {"memory": "0"})], None, "BestEffort"),
    ([AskedResources({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"})], None, "BestEffort"),
    ([AskedResources({"cpu": "1000m", "memory": "1024Mi"}, ALL)], None, "Guaranteed"),
    ([AskedResources(ALL | {"ephemeral-storage": "1Gi"}, ALL)], None, "Guaranteed"),
    ([AskedResources(ALL, ALL), AskedResources(ALL, ALL)], None, "Guaranteed"),
    ([AskedResources(ALL | {"cpu": "500m"}, ALL)], None, "Burstable"),
    ([AskedResources(ALL, {"memory": "1Gi"})], None, "Burstable"),
    ([AskedResources({"cpu": "1"}, None)], None, "Burstable"),
    ([AskedResources(ALL, ALL), NOTHING], None, "Burstable"),
    ([AskedResources(None, ALL)], None, "Burstable"),
    ([NOTHING], AskedResources(ALL, ALL), "Guaranteed"),
    ([AskedResources(ALL, ALL)], AskedResources({"cpu": "2"}, None), "Burstable"),
    ([AskedResources({"cpu": "1"}, None)], AskedResources({}, {}), "Burstable"),
]


@pytest.mark.parametrize(("containers", "of_pod", "quality"), CASES)
def test_quality_of_service(containers, of_pod, quality):
    assert qos_class(containers, of_pod) == quality


def run_pod(status, **spec):
    return decode(RunPod, {"metadata": {"name": "p"}, "spec": spec, "status": status})


@pytest.mark.parametrize(
    ("status", "quality"), [({}, "Guaranteed"), ({"qosClass": "Burstable"}, "Burstable")], ids=["unsettled", "settled"]
)
def test_a_node_reports_the_stored_qos_class_or_computes_it(status, quality):
    resources = {"requests": ALL, "limits": ALL}
    pod = run_pod(status, containers=[{"name": "c", "resources": resources}])
    assert pod.qos_class == quality


def test_init_containers_count():
    asking = {"name": "i", "resources": {"requests": ALL}}
    assert run_pod({}, containers=[{"name": "c"}], initContainers=[asking]).qos_class == "Burstable"

"""What load balancers are told."""

import pytest

from fairlead.dataplane.health import LocalHealth, RulesPulse, health_document, is_node_eligible, local_health
from fairlead.model.decode import decode
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

WEB = ObjectKey("ns", "web")
CHECKED = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30500}


def health(*endpoints, **spec):
    return local_health(snapshot(service(**{**CHECKED, **spec}), endpoint_slice(list(endpoints))), WEB, "here")


def test_distinct_ready_addresses_on_this_node_are_counted():
    listed = [
        endpoint("10.0.0.1"),
        endpoint("10.0.0.1"),
        endpoint("10.0.0.2"),
        endpoint("10.0.0.3", state="draining"),
        endpoint("10.0.0.4", "there"),
    ]
    assert health(*listed) == LocalHealth(WEB, 30500, 2)


@pytest.mark.parametrize(
    "spec", [{"type": "NodePort"}, {"externalTrafficPolicy": "Cluster"}, {"healthCheckNodePort": 0}], ids=str
)
def test_other_services_have_no_health_check(spec):
    assert health(endpoint("10.0.0.1"), **spec) is None


def test_the_body_is_upstreams():
    assert LocalHealth(WEB, 30500, 2).document(is_proxy_healthy=True) == {
        "service": {"namespace": "ns", "name": "web"},
        "localEndpoints": 2,
        "serviceProxyHealthy": True,
    }


def doomed(**metadata):
    return decode(Node, {"metadata": {"name": "here", **metadata}, "spec": {"taints": []}})


def test_a_node_about_to_go_is_not_eligible():
    tainted = {"metadata": {"name": "here"}, "spec": {"taints": [
        {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]}}  # fmt: skip
    assert is_node_eligible(node())
    assert not is_node_eligible(None)
    assert not is_node_eligible(decode(Node, tainted))
    assert not is_node_eligible(doomed(deletionTimestamp="2026-01-01T00:00:00Z"))


def test_a_change_may_wait_for_a_minute():
    pulses = {"IPv4": RulesPulse(updated=100.0, queued=130.0), "IPv6": RulesPulse(updated=120.0)}
    assert all(pulse.is_healthy(189.0) for pulse in pulses.values())
    assert not pulses["IPv4"].is_healthy(190.0)
    assert health_document(pulses, 190.0, str, is_eligible=True) == {
        "lastUpdated": "100.0",
        "currentTime": "190.0",
        "nodeEligible": True,
        "status": {
            "IPv4": {"lastUpdated": "100.0", "healthy": False},
            "IPv6": {"lastUpdated": "190.0", "healthy": True},
        },
    }

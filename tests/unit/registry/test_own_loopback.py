"""A cluster with a part of 127.0.0.0/8 of its own: addresses there are like any, and all others are refused as ever."""

import pytest

from fairlead.registry.backend import proxyable
from fairlead.registry.field_errors import NOT_LOOPBACK
from fairlead.registry.status import ApiError
from fairlead.registry.strategy import ClusterConfig
from tests.support.api_world import ApiWorld

OWN = ClusterConfig(("127.40.224.0/20",), own_loopback=("127.40.0.0/16",))
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
ENDPOINTS = "/api/v1/namespaces/default/endpoints"
SERVICES = "/api/v1/namespaces/default/services"
STATUS = "/api/v1/nodes/n/status"
MERGE = "application/merge-patch+json"


def slice_with(address):
    return {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [{"addresses": [address]}]}


def endpoints_with(address):
    return {"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": address}], "ports": [{"port": 80}]}]}


def service_with(address):
    return {"metadata": {"name": "s"}, "spec": {"externalIPs": [address], "ports": [{"port": 80}]}}


WRITES = [(SLICES, slice_with), (ENDPOINTS, endpoints_with), (SERVICES, service_with)]


@pytest.mark.parametrize(("path", "body"), WRITES, ids=["slice", "endpoints", "service"])
def test_only_its_own_addresses_are_accepted(path, body):
    world = ApiWorld(cluster=OWN)
    for other in ("127.0.0.1", "127.41.0.1"):
        assert NOT_LOOPBACK in world.refused("POST", path, body(other))["message"]
    world.do("POST", path, body("127.40.241.1"))


def test_other_faults_of_the_same_document_are_still_reported():
    body = slice_with("127.40.1.2") | {"addressType": "IPv6"}
    assert "must be a valid IPv6 address" in ApiWorld(cluster=OWN).refused("POST", SLICES, body)["message"]


def test_a_node_may_be_there():
    world = ApiWorld(cluster=OWN)
    world.do("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
    status = {"status": {"addresses": [{"type": "InternalIP", "address": "127.40.240.11"}]}}
    world.do("PATCH", STATUS, status, content_type=MERGE)
    status["status"]["addresses"][0]["address"] = "127.0.0.1"
    assert world.refused("PATCH", STATUS, status, content_type=MERGE)["code"] == 422


def test_requests_are_forwarded_only_there():
    assert proxyable("127.40.240.11", OWN) == "127.40.240.11"
    for other in ("127.0.0.1", "127.41.0.1", "::1"):
        with pytest.raises(ApiError, match="address not allowed"):
            proxyable(other, OWN)


def test_a_cluster_has_none_by_default():
    with pytest.raises(ApiError, match="address not allowed"):
        proxyable("127.40.240.11")
    assert NOT_LOOPBACK in ApiWorld().refused("POST", SLICES, slice_with("127.40.1.2"))["message"]

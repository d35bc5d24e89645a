"""What a cluster begins with, and what of it comes back."""

import pytest

from fairlead.registry.bootstrap import bootstrap, ensure_kubernetes_service
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from tests.unit.api_world import ApiWorld

ADVERTISED = ("192.0.2.1", 6443)
KUBERNETES = (
    "/api/v1/namespaces/default/services/kubernetes",
    "/api/v1/namespaces/default/endpoints/kubernetes",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
)


def test_a_second_bootstrap_writes_nothing():
    world = ApiWorld()
    assert not bootstrap(world.state, ADVERTISED, world.env).changes


def test_the_kubernetes_service_comes_back():
    world = ApiWorld()
    before = [world.do("GET", path) for path in KUBERNETES]
    for path in (KUBERNETES[0], KUBERNETES[2]):  # the Endpoints go with the Service
        world.do("DELETE", path)
    world.state = ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env).state
    after = [world.do("GET", path) for path in KUBERNETES]
    assert after[0]["spec"] == before[0]["spec"]
    assert after[1]["subsets"] == before[1]["subsets"]
    assert after[2]["endpoints"] == before[2]["endpoints"]
    assert not ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env).changes


def test_it_does_not_take_an_address_that_another_service_has():
    world = ApiWorld()
    world.do("DELETE", KUBERNETES[0])
    thief = {"metadata": {"name": "thief"}, "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}}
    world.do("POST", "/api/v1/namespaces/default/services", thief)
    with pytest.raises(ApiError, match="already allocated"):
        ensure_kubernetes_service(Step(world.state), ADVERTISED, world.env)

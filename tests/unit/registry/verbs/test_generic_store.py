"""What a write costs, counted: calls of functions, Python's own included, and how often a document is encoded.

Each bound is a tenth more than the write takes. What is added to the way of all writes, every client pays with each of
them; a bound is raised only for what is worth that.
"""

import json

import msgspec
import pytest

from fairlead.registry.documents.patching import STRATEGIC_MERGE_PATCH
from tests.support.api_world import ApiWorld, config_map, pod
from tests.support.counted_calls import calls

NAMESPACE = "/api/v1/namespaces/default"
MAPS, SERVICES, PODS = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/services", f"{NAMESPACE}/pods"


def service(name):
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"ports": [{"name": "http", "port": 80}]}}


@pytest.fixture(scope="module")
def world():
    """One that has seen each kind, so that nothing is made for the first time."""
    made = ApiWorld()
    for url, make in ((MAPS, config_map), (SERVICES, service), (PODS, pod)):
        changed = made.do("POST", url, make("first"))
        made.do("PUT", f"{url}/first", {**changed, "metadata": {**changed["metadata"], "labels": {"x": "y"}}})
    return made


CREATES = [(MAPS, config_map, 415), (SERVICES, service, 940), (PODS, pod, 1040)]


@pytest.mark.parametrize(("url", "make", "most"), CREATES)
def test_a_create_takes_few_calls(world, url, make, most):
    assert calls(lambda: world.ask("POST", url, make("counted"))) <= most


UPDATES = [(MAPS, config_map, 460), (SERVICES, service, 1240), (PODS, pod, 1335)]


@pytest.mark.parametrize(("url", "make", "most"), UPDATES)
def test_an_update_takes_few_calls(world, url, make, most):
    document = world.do("POST", url, make("updated"))
    document["metadata"]["labels"] = {"x": "z"}
    body = json.dumps(document).encode()
    assert calls(lambda: world.ask("PUT", f"{url}/updated", body)) <= most


def test_an_update_of_a_status_takes_few_calls(world):
    """As a node agent makes one of each Pod, again and again."""
    status = {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}
    conditions = [{"type": name, "status": "True"} for name in ("Initialized", "Ready", "ContainersReady")]
    patch = json.dumps({"status": {**status, "conditions": conditions}}).encode()
    world.do("POST", PODS, pod("reported"))
    for name in ("first", "reported"):
        taken = calls(lambda name=name: world.ask("PATCH", f"{PODS}/{name}/status", patch, STRATEGIC_MERGE_PATCH))
    assert taken <= 2250


def test_a_create_is_encoded_to_be_stored_and_once_to_be_checked(world, monkeypatch):
    encoded = []
    encode = msgspec.json.encode
    monkeypatch.setattr(msgspec.json, "encode", lambda value, **how: encoded.append(value) or encode(value, **how))
    world.ask("POST", MAPS, config_map("encoded", a="b"))
    assert [value["metadata"]["name"] for value in encoded] == ["encoded"] * 2

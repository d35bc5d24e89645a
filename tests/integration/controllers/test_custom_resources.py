"""Kinds that users define, with the real kubectl, the real API server and the controllers beside it."""

import json

import pytest

from tests.support.api_servers import Kubectl, running_api_server, wait_until
from tests.support.controller_processes import Namespaced, running_controllers
from tests.support.kubectls import newest

NAME = "backups.example.com"


@pytest.fixture(scope="module", params=newest(), ids=lambda path: path.name)
def cluster(request, tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server, running_controllers(server) as controllers:
        yield Kubectl(request.param, server, tmp_path_factory.mktemp("home")), controllers


@pytest.fixture
def kubectl(cluster):
    kubectl = cluster[0]
    kubectl("apply", "-f", "-", stdin=definition())
    kubectl("wait", "--for=condition=Established", f"crd/{NAME}", "--timeout=30s")
    yield kubectl
    kubectl("delete", "crd", NAME, "--ignore-not-found", "--timeout=60s")


def definition():
    spec = {
        "type": "object",
        "required": ["schedule"],
        "properties": {
            "schedule": {"type": "string", "description": "When to make one."},
            "copies": {"type": "integer", "minimum": 1, "default": 2},
        },
    }
    status = {"type": "object", "properties": {"copies": {"type": "integer"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.copies", "statusReplicasPath": ".status.copies"},
        },
        "additionalPrinterColumns": [{"name": "Schedule", "type": "string", "jsonPath": ".spec.schedule"}],
    }
    names = {"plural": "backups", "kind": "Backup", "shortNames": ["bk"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def backup(name, **spec):
    metadata = {"name": name}
    return {
        "apiVersion": "example.com/v1",
        "kind": "Backup",
        "metadata": metadata,
        "spec": {"schedule": "daily", **spec},
    }


def test_a_custom_kind_is_used_like_any_other_kind(kubectl):
    kubectl("apply", "-f", "-", stdin=backup("nightly"))
    assert kubectl("get", "bk").split()[:4] == ["NAME", "SCHEDULE", "nightly", "daily"]
    assert json.loads(kubectl("get", "backup", "nightly", "-o", "json"))["spec"]["copies"] == 2
    kubectl("scale", "backup/nightly", "--replicas=5")
    assert kubectl("get", "backup", "nightly", "-o", "jsonpath={.spec.copies}") == "5"
    kubectl("apply", "--server-side", "-f", "-", stdin=backup("other", copies=3))
    kubectl("patch", "backup", "other", "--type=merge", "-p", '{"spec": {"schedule": "weekly"}}')
    assert kubectl("get", "backup", "other", "-o", "jsonpath={.spec.schedule}") == "weekly"
    assert "When to make one." in kubectl("explain", "backup.spec.schedule")
    kubectl("delete", "backups", "--all")


def test_invalid_objects_are_refused(kubectl):
    refused = kubectl.fails("apply", "-f", "-", stdin=backup("bad", copies=0))
    assert "spec.copies in body should be greater than or equal to 1" in refused
    refused = kubectl.fails("apply", "-f", "-", stdin=backup("bad", extra=1))
    assert 'unknown field "spec.extra"' in refused


def test_dependents_are_deleted_with_their_owner(kubectl):
    kubectl("apply", "-f", "-", stdin=backup("owner"))
    uid = kubectl("get", "backup", "owner", "-o", "jsonpath={.metadata.uid}")
    owner = {"apiVersion": "example.com/v1", "kind": "Backup", "name": "owner", "uid": uid}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [owner]}}
    kubectl("create", "-f", "-", stdin=owned)
    kubectl("delete", "backup", "owner")
    wait_until(lambda: "owned" not in kubectl("get", "configmaps", "-o", "name"))


def test_objects_go_with_their_definition_and_their_namespace(kubectl):
    kubectl("create", "namespace", "team")
    team = Namespaced(kubectl, "team")
    team("apply", "-f", "-", stdin=backup("a"))
    kubectl("delete", "namespace", "team", "--timeout=60s")
    assert kubectl("get", "backups", "-A", "-o", "name") == ""
    kubectl("apply", "-f", "-", stdin=backup("b"))
    kubectl("delete", "crd", NAME, "--timeout=60s")
    assert "backups" not in kubectl("api-resources", "-o", "name")


def test_controllers_that_start_later_know_the_kind(cluster, kubectl):
    _, controllers = cluster
    kubectl("apply", "-f", "-", stdin=backup("early"))
    controllers.end()
    controllers.start()
    kubectl("delete", "crd", NAME, "--timeout=60s")
    kubectl("apply", "-f", "-", stdin=definition())
    assert kubectl("get", "backups", "-o", "name") == ""

"""Operators' libraries with kinds of their own: kopf as a process, pykube-ng as a library."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pykube
import pytest
from pykube.exceptions import HTTPError
from pykube.objects import NamespacedAPIObject, object_factory

from tests.support import kopf_operator
from tests.support.api_servers import Kubectl, running_api_server
from tests.support.kubectls import kubectls
from tests.support.labs import eventually

GROUP, VERSION = "flavours.example.com", "v1"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"flavours.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "flavours", "singular": "flavour", "kind": "Flavour", "shortNames": ["fl"]},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Made", "type": "string", "jsonPath": ".status.made"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"colour": {"type": "string", "enum": ["white", "brown", "pink"]}},
                            },
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def kubectl(server, tmp_path_factory):
    kubectl = Kubectl(kubectls()[-1], server, tmp_path_factory.mktemp("home"))
    kubectl("create", "-f", "-", stdin=DEFINITION)
    return kubectl


def flavour(name, colour):
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Flavour", "metadata": metadata, "spec": {"colour": colour}}


@contextmanager
def running_kopf(server):
    program = [Path(sys.executable).parent / "kopf", "run", kopf_operator.__file__, "--namespace=default"]
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}
    process = subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_kopf_follows_its_objects_through_their_life(server, kubectl):
    def made():
        return kubectl("get", "fl", "vanilla", "-o", "jsonpath={.status.made}")

    with running_kopf(server):
        kubectl("create", "-f", "-", stdin=flavour("vanilla", "white"))
        eventually(lambda: made() == "white vanilla")
        shown = kubectl.json("get", "fl", "vanilla")
        assert shown["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
        assert "white vanilla" in kubectl("get", "flavours")
        kubectl("patch", "fl", "vanilla", "--type=merge", "-p", '{"spec":{"colour":"pink"}}')
        eventually(lambda: made() == "white to pink")
        kubectl("delete", "fl", "vanilla", "--timeout=60s")
        assert "No resources found" in kubectl.try_("get", "fl")[2]


def test_pykube_uses_kinds_built_in_and_defined(server, kubectl):
    api = pykube.HTTPClient(pykube.KubeConfig.from_file(str(server.kubeconfig)))
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    pykube.Pod(api, pod).create()
    assert [each.name for each in pykube.Pod.objects(api).filter(field_selector={"metadata.name": "p"})] == ["p"]
    kind = object_factory(api, f"{GROUP}/{VERSION}", "Flavour")
    assert issubclass(kind, NamespacedAPIObject)
    kind(api, flavour("chocolate", "brown")).create()
    found = kind.objects(api).get(name="chocolate")
    found.patch({"spec": {"colour": "pink"}})
    assert kind.objects(api).get(name="chocolate").obj["spec"] == {"colour": "pink"}
    with pytest.raises(HTTPError, match="Unsupported value"):
        kind(api, flavour("mint", "green")).create()
    found.delete()
    assert not list(kind.objects(api))

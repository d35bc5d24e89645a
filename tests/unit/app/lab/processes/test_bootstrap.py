"""The first objects of a lab: a document that cannot be applied is named, and does not keep the others back."""

import asyncio

import httpx2
import msgspec
import pytest

from fairlead.app.lab.plan import LabManifest
from fairlead.app.lab.processes.bootstrap import _apply_all
from fairlead.drivers.kube.client import KubeClient, Unreachable

MAPS = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}


def a_map(**metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def applied(*documents, answer=lambda _: httpx2.Response(200, content=b'{"kind": "ConfigMap"}')):
    """The paths of requests that write, and what is reported, when an API server answers like this."""
    written, reports = [], []

    def respond(request):
        if request.method == "GET":
            return httpx2.Response(200, content=msgspec.json.encode(MAPS))
        written.append(request.url.path)
        return answer(request)

    async def run():
        http = httpx2.AsyncClient(base_url="http://api", transport=httpx2.MockTransport(respond))
        async with KubeClient(http) as client:
            manifests = [LabManifest(f"m, document {n}", document) for n, document in enumerate(documents, 1)]
            return await _apply_all(client, manifests, reports.append)

    wanted = asyncio.run(run())
    return wanted, written, reports


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (a_map(name="bad", labels={"x": "\ud800"}), "ConfigMap/bad"),
        (a_map(name="bad", labels={None: "x"}), "ConfigMap/bad"),
        (a_map(name=7), "ConfigMap/7"),
        (a_map(name=["x"]), "ConfigMap/['x']"),
        (a_map(name="bad", namespace={"a": 1}), "ConfigMap/bad"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": ["x"]}, "ConfigMap/?"),
        ({"apiVersion": "v1", "kind": ["x"]}, "['x']/?"),
        ({}, "?/?"),
    ],
)
def test_a_document_that_cannot_be_sent_is_named_and_the_others_are_applied(document, named):
    wanted, written, reports = applied(document, a_map(name="good"))
    assert (wanted, written) == (None, ["/api/v1/namespaces/default/configmaps/good"])
    (message,) = reports[0]["refused"]
    assert message.startswith(f"m, document 1: {named}: ")


def test_a_server_that_is_gone_is_no_documents_fault():
    def gone(request):
        raise httpx2.ConnectError("gone")

    with pytest.raises(Unreachable):
        applied(a_map(name="good"), answer=gone)

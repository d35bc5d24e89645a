"""Requests for certificates, approved and signed with real keys against an API that a test holds."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.app.controllers.context import SigningAuthority
from fairlead.drivers.identity.certificates import CertificateSubject, authority_certificate, facts_of, new_key
from fairlead.drivers.identity.requests import new_request
from tests.support.controller_runs import running, until
from tests.support.fake_api import FakeApi

pytestmark = [pytest.mark.anyio, pytest.mark.io]
NODE = CertificateSubject("system:node:n1", ("system:nodes",))
APPROVED = {"type": "Approved", "status": "True"}


class Cluster(FakeApi):
    """Knows who may have which requests approved."""

    allowed = frozenset({("system:bootstrap:a", "nodeclient")})

    async def create(self, path, document, query=None):
        if not path.endswith("/subjectaccessreviews"):
            return await super().create(path, document, query)
        spec = document["spec"]
        return {"status": {"allowed": (spec["user"], spec["resourceAttributes"]["subresource"]) in self.allowed}}

    async def ask(self, pem, *conditions, name="r", username="system:bootstrap:a", hours=0):
        made = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        spec = {
            "request": base64.b64encode(pem).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
            "username": username,
        }
        metadata = {"name": name, "uid": "u", "creationTimestamp": made}
        kind = "CertificateSigningRequest"
        document = {"kind": kind, "metadata": metadata, "spec": spec, "status": {"conditions": list(conditions)}}
        await self.put(document, "certificatesigningrequests")

    @property
    def requests(self):
        return self.all("certificatesigningrequests")

    def types(self):
        return [each["type"] for request in self.requests for each in request["status"].get("conditions") or ()]


@pytest.fixture
def authority(tmp_path):
    key = new_key()
    (tmp_path / "ca.key").write_bytes(key)
    (tmp_path / "ca.crt").write_bytes(authority_certificate(key))
    return SigningAuthority(tmp_path / "ca.crt", tmp_path / "ca.key")


async def test_a_node_that_begins_gets_its_certificate(authority):
    api = Cluster()
    await api.ask(new_request(NODE).request)
    async with running(api, "certificate", authority=authority):
        await until(api, lambda: api.requests[0]["status"].get("certificate"))
    assert api.types() == ["Approved"]
    assert facts_of(base64.b64decode(api.requests[0]["status"]["certificate"])).subject == NODE


async def test_requests_without_automatic_approval_wait(authority):
    api = Cluster()
    await api.ask(new_request(NODE).request, username="somebody")
    async with running(api, "certificate", authority=authority):
        api.allowed = frozenset()
        await api.ask(new_request(NODE).request, APPROVED, username="somebody")
        await until(api, lambda: api.requests[0]["status"].get("certificate"))
    assert api.types() == ["Approved"]


@pytest.mark.parametrize("pem", [b"nonsense", new_request(CertificateSubject("jane")).request])
async def test_requests_that_cannot_be_signed_fail_once(authority, pem):
    api = Cluster()
    await api.ask(pem, APPROVED)
    async with running(api, "certificate", authority=authority):
        await until(api, lambda: api.types() == ["Approved", "Failed"])
        await api.put(api.requests[0], "certificatesigningrequests")  # looked at again, before the next one
        await api.ask(pem, APPROVED, name="s")
        await until(api, lambda: len(api.types()) >= 4)
    assert api.types() == ["Approved", "Failed"] * 2


async def test_a_request_that_nobody_decided_goes_after_a_day(authority):
    api = Cluster()
    await api.ask(new_request(NODE).request, username="somebody", hours=25)
    async with running(api, "certificate", authority=authority):
        await until(api, lambda: not api.requests)


async def test_without_an_authority_nothing_is_read():
    api = Cluster()
    await api.ask(new_request(NODE).request)
    async with running(api, "certificate"):
        assert api.list_requests == 0

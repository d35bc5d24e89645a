"""A node's certificate: requested, awaited, renewed in time; with real keys and a fake API server."""

import asyncio
import base64

import pytest

from fairlead.app.node.standalone import certificate as module
from fairlead.app.node.standalone.certificate import (
    CLIENT,
    SERVING,
    NodeCertificate,
    RefusedRequest,
    node_subject,
    renewal_time,
)
from fairlead.drivers.identity.certificates import authority_certificate, new_key
from fairlead.drivers.identity.requests import Validity, sign_request
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.troubles import Troubles

pytestmark = pytest.mark.io
KEY = new_key()
AUTHORITY = authority_certificate(KEY)
SUBJECT = node_subject("n1", ("n1", "192.0.2.1"))


class Requests:
    """An API server with nothing but requests for certificates, each of which it answers after some looks."""

    def __init__(self, verdict="issued", looks=0):
        self.verdict, self.looks = verdict, looks
        self.made, self.failures = [], []
        self.troubles = Troubles("https://api", "somebody")

    async def create(self, path, document):
        if self.failures:
            raise self.failures.pop()
        name = f"csr-{len(self.made)}"
        self.made.append(document)
        return {**document, "metadata": {"name": name, "uid": f"uid-{name}"}}

    async def get(self, path):
        name = path.rpartition("/")[2]
        number = int(name.removeprefix("csr-"))
        if number >= len(self.made) or self.verdict == "gone":
            self.verdict = "issued"
            raise KubeError(404, "NotFound", "not found")
        self.looks -= 1
        status = {} if self.looks >= 0 else self.status(self.made[number]["spec"])
        return {"metadata": {"name": name, "uid": f"uid-{name}"}, "status": status}

    def status(self, spec):
        if self.verdict in ("Denied", "Failed"):
            return {"conditions": [{"type": self.verdict, "status": "True", "reason": "Why", "message": "because"}]}
        signed = sign_request(AUTHORITY, KEY, base64.b64decode(spec["request"]), 3600, is_server=True)
        return {"certificate": base64.b64encode(signed).decode()}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    for name in ("LOOK_EVERY", "LOOK_SELDOM", "TROUBLED", "ASK_AGAIN"):
        monkeypatch.setattr(module, name, 0.0)


def certificate_of(folder, server, told=lambda line: None, kind=SERVING, subject=SUBJECT):
    return NodeCertificate(folder, "serving", kind, subject, server, told)


def test_a_request_names_its_signer_and_is_put_in_place_with_its_key(tmp_path):
    server = Requests()
    certificate = certificate_of(tmp_path, server)
    asyncio.run(certificate.obtain())
    (made,) = server.made
    assert made["metadata"] == {"generateName": "csr-"}
    assert made["spec"]["signerName"] == "kubernetes.io/kubelet-serving"
    assert made["spec"]["usages"] == ["digital signature", "server auth"]
    assert asyncio.run(certificate.validity()).subject == SUBJECT
    assert {path.name for path in tmp_path.iterdir()} == {"serving.crt", "serving.key"}
    assert (tmp_path / "serving.key").stat().st_mode & 0o077 == 0


def test_a_client_certificate_is_another_signers(tmp_path):
    server = Requests()
    asyncio.run(certificate_of(tmp_path, server, kind=CLIENT, subject=node_subject("n1")).obtain())
    assert server.made[0]["spec"]["signerName"] == "kubernetes.io/kube-apiserver-client-kubelet"
    assert server.made[0]["spec"]["usages"] == ["digital signature", "client auth"]


def test_the_reason_for_a_waiting_request_is_logged_once(tmp_path):
    lines = []
    asyncio.run(certificate_of(tmp_path, Requests(looks=5), lines.append).obtain())
    assert lines == ["waiting for approval: kubectl certificate approve csr-0"]


def test_a_node_that_is_started_again_waits_for_the_same_request(tmp_path):
    server = Requests(looks=10**6)

    async def interrupted():
        task = asyncio.create_task(certificate_of(tmp_path, server).obtain())
        while server.looks > 10**6 - 3:  # noqa: ASYNC110 (it happens in a task that has no event)
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(interrupted())
    server.looks = 0
    asyncio.run(certificate_of(tmp_path, server).obtain())
    assert len(server.made) == 1


def test_a_request_for_other_addresses_is_not_waited_for(tmp_path):
    server = Requests(verdict="Denied")
    with pytest.raises(RefusedRequest):
        asyncio.run(certificate_of(tmp_path, server).obtain())
    server.verdict = "issued"
    asyncio.run(certificate_of(tmp_path, server, subject=node_subject("n1", ("n1",))).obtain())
    assert len(server.made) == 2


@pytest.mark.parametrize("verdict", ["Denied", "Failed"])
def test_a_refusal_says_why(tmp_path, verdict):
    with pytest.raises(RefusedRequest, match=rf"csr-0 for a certificate: {verdict} \(Why: because\)"):
        asyncio.run(certificate_of(tmp_path, Requests(verdict)).obtain())


def test_a_request_that_has_gone_is_made_again(tmp_path):
    server = Requests("gone")
    asyncio.run(certificate_of(tmp_path, server).obtain())
    assert len(server.made) == 2


def test_an_api_server_that_is_away_is_asked_again(tmp_path):
    server = Requests()
    server.failures = [Unreachable("away"), KubeError(503, "ServiceUnavailable", "soon")]
    asyncio.run(certificate_of(tmp_path, server).obtain())
    assert server.failures == []


def test_a_refused_certificate_is_requested_again_while_the_node_runs(tmp_path):
    server = Requests("Denied")

    async def keep():
        task = asyncio.create_task(certificate_of(tmp_path, server).obtain_patiently())
        while len(server.made) < 2:  # noqa: ASYNC110 (it happens in a task that has no event)
            await asyncio.sleep(0.01)
        server.verdict = "issued"
        await task

    asyncio.run(keep())
    assert (tmp_path / "serving.crt").exists()


def test_a_valid_certificate_is_for_this_node_and_within_its_time(tmp_path):
    certificate = certificate_of(tmp_path, Requests())
    assert not asyncio.run(certificate.is_good(0.0))
    asyncio.run(certificate.obtain())
    found = asyncio.run(certificate.validity())
    assert asyncio.run(certificate.is_good(found.start))
    assert not asyncio.run(certificate.is_good(found.start - 1))
    assert not asyncio.run(certificate.is_good(found.end))
    assert not asyncio.run(certificate_of(tmp_path, Requests(), subject=node_subject("n2")).is_good(found.start))
    (tmp_path / "serving.crt").write_text("nonsense")
    assert not asyncio.run(certificate.is_good(found.start))


@pytest.mark.parametrize(("chance", "moment"), [(0.0, 170.0), (0.5, 180.0), (1.0, 190.0)])
def test_a_certificate_is_renewed_between_seven_and_nine_tenths_of_its_life(chance, moment):
    assert renewal_time(Validity(100.0, 200.0, SUBJECT), chance) == pytest.approx(moment)

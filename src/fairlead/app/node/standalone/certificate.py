"""One certificate of a node: requested by a CertificateSigningRequest, awaited, and renewed before it expires.

The request is saved, so that a restarted node waits for the same request. Upstream:
client-go ``util/certificate/certificate_manager.go``, ``pkg/kubelet/certificate``.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec

from fairlead.drivers.identity.certificates import CertificateSubject
from fairlead.drivers.identity.pki import certificate_files, write_private
from fairlead.drivers.identity.requests import RequestError, Validity, new_request_beside, validity_beside
from fairlead.drivers.kube.client import CERTIFICATE_REQUESTS, KubeClient, KubeError, Unreachable
from fairlead.drivers.time_of_day import clock_reaches
from fairlead.model.certificate_requests import (
    APPROVED,
    DENIED,
    FAILED,
    NODE_CLIENT_SIGNER,
    NODE_PREFIX,
    NODE_SERVING_SIGNER,
    NODES,
    CertificateSigningRequest,
)
from fairlead.model.decode import decode

LOOK_EVERY = 1.0  # seconds, while a request waits; less often once it has waited for long
LOOK_SELDOM = 15.0
TROUBLED = 5.0  # seconds until an API server that could not be asked is asked again
ASK_AGAIN = 60.0  # seconds after which a request that was refused is made again
EARLIEST, LATEST = 0.7, 0.9  # of a certificate's life, when it is renewed: by chance, as client-go does

log = logging.getLogger(__name__)
_CHANCE = SystemRandom()  # so that not all nodes of a cluster renew at once


class RefusedRequest(Exception):
    """A request was denied, or its signer failed to sign it; the message says why."""


class _Pending(msgspec.Struct):
    """A pending request: its object, its subject, and its key."""

    name: str
    uid: str
    subject: CertificateSubject
    key: bytes


@dataclass(frozen=True)
class CertificateKind:
    """A type of certificate: its signer and its usages."""

    signer: str
    usages: tuple[str, ...]


CLIENT = CertificateKind(NODE_CLIENT_SIGNER, ("digital signature", "client auth"))
SERVING = CertificateKind(NODE_SERVING_SIGNER, ("digital signature", "server auth"))


def node_subject(node: str, hosts: tuple[str, ...] = ()) -> CertificateSubject:
    """Whom the certificates of a node are for."""
    return CertificateSubject(NODE_PREFIX + node, (NODES,), hosts)


class NodeCertificate:
    """A certificate in ``certificate_files`` of a folder.

    Args:
        client: the client that requests it.
        told: called once for each request, with a message about the wait.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        kind: CertificateKind,
        subject: CertificateSubject,
        client: KubeClient,
        told: Callable[[str], None],
    ) -> None:
        self.files = certificate_files(folder, name)
        self._pending_file = folder / f"{name}.request"
        self._kind, self._subject, self._client, self._told = kind, subject, client, told

    async def validity(self) -> Validity | None:
        """From when until when the present one is good, and for whom; None where there is none that can be read."""
        certificate, key = self.files
        if not (certificate.exists() and key.exists()):
            return None
        try:
            return await validity_beside(certificate.read_bytes())
        except RequestError:
            return None

    async def is_good(self, now: float) -> bool:
        """Whether the present one is good at a time (seconds since the epoch), and for its subject."""
        found = await self.validity()
        return found is not None and found.start <= now < found.end and found.subject == self._subject

    async def obtain(self) -> None:
        """Request a certificate, and store it.

        Raises:
            RefusedRequest: it was denied, or has failed.
        """
        while True:
            try:
                pending = await self._pending_request()
                certificate = await self._issued(pending)
            except (KubeError, Unreachable) as error:
                self._client.troubles.met(error, f"have a certificate of {self._kind.signer}", self._kind.signer)
                await asyncio.sleep(TROUBLED)
                continue
            self._client.troubles.over(self._kind.signer)
            if certificate is not None:
                write_private(self.files[1], pending.key)
                write_private(self.files[0], certificate)
                self._pending_file.unlink(missing_ok=True)
                return

    async def obtain_patiently(self) -> None:
        """Like ``obtain``, but refused requests are repeated after a while."""
        while True:
            try:
                await self.obtain()
            except RefusedRequest as error:
                log.warning("%s; it is asked for again in %.0f s", error, ASK_AGAIN)
                await asyncio.sleep(ASK_AGAIN)
            else:
                log.info("the certificate %s has been issued", self.files[0])
                return

    async def keep(self) -> None:
        """Renew it for as long as the node runs."""
        while True:
            found = await self.validity()
            if found is not None and found.subject == self._subject:
                await clock_reaches(renewal_time(found, _CHANCE.random()))
            await self.obtain_patiently()

    async def _pending_request(self) -> _Pending:
        """The request that waits for us, or a new one."""
        pending = self._read()
        if pending is not None and pending.subject == self._subject:
            return pending
        made = await new_request_beside(self._subject)
        spec = {
            "request": base64.b64encode(made.request).decode(),
            "signerName": self._kind.signer,
            "usages": list(self._kind.usages),
        }
        group_version = CERTIFICATE_REQUESTS.group_version
        document: dict[str, Any] = {"apiVersion": group_version, "kind": "CertificateSigningRequest"}
        document |= {"metadata": {"generateName": "csr-"}, "spec": spec}
        metadata = (await self._client.create(CERTIFICATE_REQUESTS.path(), document))["metadata"]
        pending = _Pending(metadata["name"], metadata["uid"], self._subject, made.key)
        write_private(self._pending_file, msgspec.json.encode(pending))
        return pending

    def _read(self) -> _Pending | None:
        try:
            return msgspec.json.decode(self._pending_file.read_bytes(), type=_Pending)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    async def _issued(self, pending: _Pending) -> bytes | None:
        """Wait for the certificate; None when the request has gone, and another is to be made."""
        looks = 0
        while True:
            try:
                path = CERTIFICATE_REQUESTS.path(name=pending.name)
                request = decode(CertificateSigningRequest, await self._client.get(path))
            except KubeError as error:
                if error.code != 404:
                    raise
                request = None
            if request is None or request.metadata.uid != pending.uid:
                self._pending_file.unlink(missing_ok=True)
                return None
            if request.status.certificate:
                return base64.b64decode(request.status.certificate)
            self._check(request)
            looks += 1
            if looks == 2 and not request.has(APPROVED):
                self._told(f"waiting for approval: kubectl certificate approve {pending.name}")
            await asyncio.sleep(LOOK_EVERY if looks < 30 else LOOK_SELDOM)

    def _check(self, request: CertificateSigningRequest) -> None:
        for condition in request.status.conditions or ():
            if condition.type in (DENIED, FAILED):
                self._pending_file.unlink(missing_ok=True)
                said = ": ".join(filter(None, (condition.reason, condition.message)))
                raise RefusedRequest(f"request {request.name} for a certificate: {condition.type} ({said})")


def renewal_time(found: Validity, chance: float) -> float:
    """When a certificate is to be renewed, in seconds since the epoch.

    Args:
        chance: from 0 to 1.
    """
    return found.start + (found.end - found.start) * (EARLIEST + (LATEST - EARLIEST) * chance)

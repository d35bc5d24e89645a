"""Approves, signs and forgets requests for certificates; what to do is ``fairlead.workloads.certificates``.

Works only where it has been given an authority: beside kube-controller-manager, that one has it.
"""

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.loop import Needed
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.identity.requests import RequestError, read_request_beside, sign_request_beside
from fairlead.drivers.kube.client import CERTIFICATE_REQUESTS, NODES, KubeError
from fairlead.drivers.kube.reviews import OF_COMPONENTS, Reviews
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.certificate_requests import APPROVED, DENIED, FAILED, CertificateSigningRequest, Requested
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node
from fairlead.registry.requests import User
from fairlead.workloads.certificates import (
    Approve,
    ApproveIfAllowed,
    FailSigning,
    IssueCertificate,
    Step,
    kept_until,
    next_steps,
    node_name,
)

_PERMISSION = {"group": "certificates.k8s.io", "resource": "certificatesigningrequests", "verb": "create"}


class CertificateController:
    """The keys are those of requests."""

    name = "certificate-controller"
    workers = 1  # each step is a process, and few nodes come at once

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client, self._authority = context.client, context.settings.authority
        self._reviews = Reviews(context.client, OF_COMPONENTS)
        self.needs: tuple[Needed, ...] = ()
        if self._authority:
            self._requests = context.watches.of(CERTIFICATE_REQUESTS, CertificateSigningRequest)
            self._requests.listen(lambda old, new: self.queue.add(new.key) if new else None)
            self.needs = (self._requests,)

    async def reconcile(self, key: ObjectKey) -> None:
        """Bring one request one step further."""
        request = self._requests.objects.get(key)
        if request is None:
            return
        left = (kept_until(request) - datetime.now(UTC)).total_seconds()
        if left <= 0:
            await self._delete(request)
            return
        self.queue.add_later(key, left)
        if not (request.status.certificate or request.has(DENIED) or request.has(FAILED)):
            await self._decide(request)

    async def _delete(self, request: CertificateSigningRequest) -> None:
        options = {"preconditions": {"uid": request.metadata.uid}}
        try:
            await self._client.delete(CERTIFICATE_REQUESTS.path(name=request.name), options)
        except KubeError as error:
            if error.code not in (404, 409):
                raise

    async def _decide(self, request: CertificateSigningRequest) -> None:
        try:
            pem = base64.b64decode(request.spec.request, validate=True)
            asked = await read_request_beside(pem)
        except (RequestError, binascii.Error) as error:
            if request.has(APPROVED):
                await self._write(request, "status", _condition(FAILED, "SigningError", str(error)))
            return
        for step in next_steps(request, asked, await self._node(asked)):
            if await self._take(request, pem, step):
                return

    async def _node(self, asked: Requested) -> Node | None:
        name = node_name(asked)
        try:
            return decode(Node, await self._client.get(NODES.path(name=name))) if name else None
        except KubeError as error:
            if error.code != 404:
                raise
            return None

    async def _take(self, request: CertificateSigningRequest, pem: bytes, step: Step) -> bool:
        """Do one of the things that can be done; whether that has worked out."""
        match step:
            case ApproveIfAllowed(subresource, message):
                if not await self._reviews.allows(_author(request), {**_PERMISSION, "subresource": subresource}):
                    return False
                await self._write(request, "approval", _condition(APPROVED, "AutoApproved", message))
            case Approve(message):
                await self._write(request, "approval", _condition(APPROVED, "AutoApproved", message))
            case FailSigning(message):
                await self._write(request, "status", _condition(FAILED, "SignerValidationFailure", message))
            case IssueCertificate(seconds, is_server):
                assert self._authority
                files = (str(self._authority.certificate), str(self._authority.key))
                certificate = await sign_request_beside(*files, pem, seconds, is_server)
                await self._write(request, "status", certificate=base64.b64encode(certificate).decode())
        return True

    async def _write(
        self, request: CertificateSigningRequest, side: str, condition: Doc | None = None, certificate: str = ""
    ) -> None:
        """Add to the status of a request that is still as it was when this was decided."""
        document = msgspec.json.decode(await self._client.get(CERTIFICATE_REQUESTS.path(name=request.name)))
        document["metadata"]["resourceVersion"] = request.metadata.resource_version
        status = document.setdefault("status", {})
        status["conditions"] = [*(status.get("conditions") or ()), *([condition] if condition else [])]
        if certificate:
            status["certificate"] = certificate
        await self._client.replace(CERTIFICATE_REQUESTS.path(name=request.name, subresource=side), document)


def _author(request: CertificateSigningRequest) -> User:
    spec = request.spec
    return User(spec.username, spec.groups, spec.uid, spec.extra or {})


def _condition(type_: str, reason: str, message: str) -> Doc:
    now = now_text()
    times = {"lastUpdateTime": now, "lastTransitionTime": now}
    return {"type": type_, "status": "True", "reason": reason, "message": message, **times}

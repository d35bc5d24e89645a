"""The next step for a request for a certificate: approve it, sign it, report that it cannot be signed, delete it.

Client certificates of nodes are approved as upstream does it, by a right of their author's. Upstream leaves serving
certificates of nodes to another approver; here one is approved that a node asks for in its own name, for hosts
and addresses that its Node has.
Upstream: ``pkg/controller/certificates/{approver,signer,cleaner}``, ``pkg/apis/certificates/helpers.go``.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from fairlead.model.certificate_requests import (
    APPROVED,
    CLIENT_SIGNER,
    DENIED,
    FAILED,
    NODE_CLIENT_SIGNER,
    NODE_PREFIX,
    NODE_SERVING_SIGNER,
    NODES,
    CertificateSigningRequest,
    Requested,
)
from fairlead.model.objects import Node

MOST_SECONDS = 365 * 86400  # kube-controller-manager's --cluster-signing-duration
KEPT_DECIDED, KEPT_PENDING = timedelta(hours=1), timedelta(hours=24)
BY_NODES = "Auto approving kubelet client certificate after SubjectAccessReview."
BY_ITSELF = "Auto approving self kubelet client certificate after SubjectAccessReview."
SERVING = "Auto approving kubelet serving certificate for addresses of its own Node."
_CLIENT, _SERVER = "client auth", "server auth"


class ApproveIfAllowed(NamedTuple):
    """Approve it with this message if its author may create this subresource of CertificateSigningRequests."""

    subresource: str
    message: str


class Approve(NamedTuple):
    """Approve it."""

    message: str


class IssueCertificate(NamedTuple):
    """Issue a certificate of so many seconds, good for clients or for servers."""

    seconds: int
    is_server: bool


class FailSigning(NamedTuple):
    """It is approved, and cannot be signed."""

    message: str


Step = ApproveIfAllowed | Approve | IssueCertificate | FailSigning


def next_steps(request: CertificateSigningRequest, asked: Requested, node: Node | None) -> tuple[Step, ...]:
    """The steps to try for a request, in order, until one succeeds; empty if it is done or another signer's.

    Args:
        asked: what is in it.
        node: the Node that it is for, if there is one.
    """
    if request.status.certificate or request.has(DENIED) or request.has(FAILED):
        return ()
    rule = _SIGNERS.get(request.spec.signer_name)
    if rule is None:
        return ()
    fault = rule.fault(request, asked)
    if request.has(APPROVED):
        wanted = request.spec.expiration_seconds or MOST_SECONDS
        return (FailSigning(fault),) if fault else (IssueCertificate(min(wanted, MOST_SECONDS), rule.usage == _SERVER),)
    return () if fault else rule.approvals(request, asked, node)


def node_name(asked: Requested) -> str:
    """The node that a request is for; empty when it is for something else."""
    return asked.name.removeprefix(NODE_PREFIX) if asked.name.startswith(NODE_PREFIX) else ""


class _Signer(NamedTuple):
    """The rules of one signer.

    Attributes:
        fault: why a request is not one of this signer's; empty when it is.
        approvals: what may approve it.
    """

    usage: str
    fault: Callable[[CertificateSigningRequest, Requested], str]
    approvals: Callable[[CertificateSigningRequest, Requested, Node | None], tuple[Step, ...]]


def _of_node(asked: Requested) -> str:
    if asked.organizations != (NODES,):
        return f"subject organization is not {NODES}"
    if not node_name(asked):
        return f"subject common name does not begin with {NODE_PREFIX}"
    if asked.others:
        return "subject alternative names may not have URIs or e-mail addresses"
    return ""


def _usages(request: CertificateSigningRequest, needed: str) -> str:
    allowed = {"digital signature", "key encipherment", needed}
    usages = set(request.spec.usages)
    if {"digital signature", needed} <= usages <= allowed:
        return ""
    return f"usages did not match [digital signature, {needed}] and optionally [key encipherment]"


def _client_fault(request: CertificateSigningRequest, asked: Requested) -> str:
    if asked.hosts or asked.addresses:
        return "DNS and IP subject alternative names are not allowed"
    return _of_node(asked) or _usages(request, _CLIENT)


def _serving_fault(request: CertificateSigningRequest, asked: Requested) -> str:
    if not (asked.hosts or asked.addresses):
        return "a DNS or IP subject alternative name is required"
    return _of_node(asked) or _usages(request, _SERVER)


def _any_client_fault(request: CertificateSigningRequest, asked: Requested) -> str:
    """Upstream's admission refuses this group (CertificateSubjectRestriction)."""
    if "system:masters" in asked.organizations:
        return f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed"
    return "" if _CLIENT in request.spec.usages else f"usages must have {_CLIENT}"


def _client_approvals(request: CertificateSigningRequest, asked: Requested, node: Node | None) -> tuple[Step, ...]:
    by_nodes = ApproveIfAllowed("nodeclient", BY_NODES)
    if request.spec.username == asked.name:
        return ApproveIfAllowed("selfnodeclient", BY_ITSELF), by_nodes
    return (by_nodes,)


def _serving_approvals(request: CertificateSigningRequest, asked: Requested, node: Node | None) -> tuple[Step, ...]:
    if node is None or request.spec.username != asked.name or node.name != node_name(asked):
        return ()
    own = {node.name, *(address.address for address in node.status.addresses or ())}
    return (Approve(SERVING),) if own.issuperset((*asked.hosts, *asked.addresses)) else ()


_SIGNERS = {
    CLIENT_SIGNER: _Signer(_CLIENT, _any_client_fault, lambda request, asked, node: ()),
    NODE_CLIENT_SIGNER: _Signer(_CLIENT, _client_fault, _client_approvals),
    NODE_SERVING_SIGNER: _Signer(_SERVER, _serving_fault, _serving_approvals),
}


def kept_until(request: CertificateSigningRequest) -> datetime:
    """When a request is deleted: decided ones soon, others after a day."""
    decisions = [c for c in request.status.conditions or () if c.type in (APPROVED, DENIED, FAILED)]
    began = datetime.fromisoformat(request.metadata.creation_timestamp or "1970-01-01T00:00:00Z")
    if not decisions:
        return began + KEPT_PENDING
    return _latest((c.last_transition_time for c in decisions), began) + KEPT_DECIDED


def _latest(times: Iterable[str | None], least: datetime) -> datetime:
    return max((datetime.fromisoformat(text) for text in times if text), default=least)

"""Permissions to approve and sign CertificateSigningRequests: the verb on their signer.

Upstream: ``plugin/pkg/admission/certificates/{approval,signing}``, ``pkg/apis/certificates/authorization``.
"""

from fairlead.model.document import Doc
from fairlead.registry.access.authorization import is_allowed
from fairlead.registry.access.rules import Attributes
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.status import forbidden
from fairlead.registry.store import State

GROUP, REQUESTS = "certificates.k8s.io", "certificatesigningrequests.certificates.k8s.io"


def check_signer(user: User, state: State, target: RequestTarget, new: Doc, old: Doc | None) -> None:
    """Raises ApiError: the user has no permission for the request's signer."""
    side = target.subresource.name if target.subresource else ""
    verb = {"approval": "approve", "status": "sign"}.get(side)
    if verb is None or old is None or (verb == "sign" and not _signs(new, old)):
        return
    signer = (old.get("spec") or {}).get("signerName", "")
    if not holds(user, verb, signer, state):
        what = {"approve": "approve", "sign": "sign"}[verb]
        detail = f'user not permitted to {what} requests with signerName "{signer}"'
        raise forbidden("certificatesigningrequests", target.name, detail, GROUP)


def _signs(new: Doc, old: Doc) -> bool:
    """Whether a write of the status issues a certificate or reports a failure."""
    before, after = old.get("status") or {}, new.get("status") or {}
    failed = [{each.get("type") for each in status.get("conditions") or ()} for status in (before, after)]
    return before.get("certificate") != after.get("certificate") or "Failed" in failed[1] - failed[0]


def holds(user: User, verb: str, signer: str, state: State) -> bool:
    """Whether a user holds a verb on a signer, or on all signers of its domain."""
    names = (signer, f"{signer.partition('/')[0]}/*")
    return any(is_allowed(Attributes(user, verb, GROUP, "signers", name=name), state) for name in names)

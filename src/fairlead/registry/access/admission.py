"""Checks of a user's write that need the object to be written."""

from fairlead.model.document import Doc
from fairlead.registry.access import node_restriction
from fairlead.registry.access.certificate_signers import REQUESTS, check_signer
from fairlead.registry.access.escalation import check_grant
from fairlead.registry.access.node_authorizer import node_of
from fairlead.registry.access.rules import RBAC
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.store import State


def admit(user: User, state: State, target: RequestTarget, new: Doc, old: Doc | None) -> None:
    """Raises ApiError: this user, who is no superuser, must not write this object.

    Args:
        old: the stored object; None for a creation.
    """
    if target.resource.group == RBAC:
        check_grant(user, state, target, new, old)
    if target.resource.qualified == REQUESTS:
        check_signer(user, state, target, new, old)
    if (node := node_of(user)) is not None:
        node_restriction.check_written(node, state, target, new, old)

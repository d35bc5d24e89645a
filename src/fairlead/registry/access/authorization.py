"""Authorization. The group ``system:masters`` may do everything, a node what ``node_authorizer`` allows, and every
user, nodes included, what roles allow.

Upstream: ``--authorization-mode=Node,RBAC``; apiserver ``pkg/authorization/authorizerfactory`` (privileged groups),
``plugin/pkg/auth/authorizer/rbac``.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from fairlead.registry.access import node_authorizer, rbac
from fairlead.registry.access.node_restriction import restriction
from fairlead.registry.access.rules import EVERYTHING, AccessRule, Attributes, allows
from fairlead.registry.requests import User
from fairlead.registry.store import State

MASTERS = "system:masters"


class AccessVerdict(NamedTuple):
    """The result of authorization.

    Attributes:
        reason: why not, if there is more than that no rule allows it.
        refusal: the error for the client.
    """

    allowed: bool
    reason: str = ""
    refusal: str = ""


_ALLOWED = AccessVerdict(allowed=True)


def is_superuser(user: User) -> bool:
    """Whether a user can do everything, without any role."""
    return MASTERS in user.groups


def is_allowed(asked: Attributes, state: State) -> bool:
    return decide(asked, state).allowed


def decide(asked: Attributes, state: State) -> AccessVerdict:
    """Whether a user may do something, by all authorizers."""
    if is_superuser(asked.user):
        return _ALLOWED
    node = node_authorizer.node_of(asked.user)
    reason = "" if node is None else node_authorizer.refusal(asked, node, state)
    if reason is not None and not _roles_allow(asked, state):
        return AccessVerdict(False, reason, f"{_refusal(asked)}: {reason}" if reason else _refusal(asked))
    if node is not None and (why := restriction(asked, node, state)):
        return AccessVerdict(False, why, why)
    return _ALLOWED


def _roles_allow(asked: Attributes, state: State) -> bool:
    return any(allows(rule, asked) for rule in rbac.rules_of(asked.user, asked.namespace, state))


def rules_of(user: User, namespace: str, state: State) -> Iterator[AccessRule]:
    """The rules of what a user may do in a namespace, or in the whole cluster when it is empty: those of every
    authorizer, as upstream joins them. What a node may do besides cannot be told in rules."""
    return chain(EVERYTHING if is_superuser(user) else (), rbac.rules_of(user, namespace, state))


def _refusal(asked: Attributes) -> str:
    """In the words of apiserver ``endpoints/handlers/responsewriters/errors.go``."""
    if asked.path is not None:
        return f'User "{asked.user.name}" cannot {asked.verb} path "{asked.path}"'
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'resource "{asked.combined}" in API group "{asked.group}"'
    return f'User "{asked.user.name}" cannot {asked.verb} {what} {scope}'

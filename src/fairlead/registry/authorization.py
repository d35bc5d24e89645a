"""May this user do that? The group ``system:masters`` may do everything, everybody else what roles allow.

Upstream: apiserver ``pkg/authorization/authorizerfactory`` (privileged groups), ``plugin/pkg/auth/authorizer/rbac``.
"""

from collections.abc import Iterator

from fairlead.registry import node_access, role_bindings
from fairlead.registry.policy_rules import EVERYTHING, Attributes, Rule, allows
from fairlead.registry.requests import User
from fairlead.registry.store import State

MASTERS = "system:masters"


def is_superuser(user: User) -> bool:
    """Whether a user may do everything, whatever roles say."""
    return MASTERS in user.groups


def is_allowed(asked: Attributes, state: State) -> bool:
    if is_superuser(asked.user):
        return True
    return any(allows(rule, asked) for rule in rules_of(asked.user, asked.namespace, state))


def rules_of(user: User, namespace: str, state: State) -> Iterator[Rule]:
    """All that a user may do in a namespace, or in the whole cluster when it is empty."""
    if is_superuser(user):
        yield from EVERYTHING
        return
    if node_access.is_node(user):
        yield from node_access.RULES
    yield from role_bindings.rules_of(user, namespace, state)


def refusal(asked: Attributes) -> str:
    """Why it is refused, in the words of apiserver ``endpoints/handlers/responsewriters/errors.go``."""
    if asked.path is not None:
        return f'User "{asked.user.name}" cannot {asked.verb} path "{asked.path}"'
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'resource "{asked.combined}" in API group "{asked.group}"'
    return f'User "{asked.user.name}" cannot {asked.verb} {what} {scope}'

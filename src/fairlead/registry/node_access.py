"""What a node's agent may do: the user ``system:node:NAME`` in the group ``system:nodes``.

Upstream: ``plugin/pkg/auth/authorizer/node``, ``pkg/auth/nodeidentifier``.
"""

from fairlead.registry.policy_rules import Rule
from fairlead.registry.requests import User

NODES_GROUP, USER_PREFIX = "system:nodes", "system:node:"

_READ = ("get", "list", "watch")
RULES = (
    Rule(_READ, ("",), ("services", "nodes", "pods", "secrets", "configmaps")),
    Rule(("create", "patch", "update"), ("",), ("events", "nodes", "nodes/status", "pods/status")),
    Rule(("delete",), ("",), ("pods",)),
    Rule(("create",), ("",), ("serviceaccounts/token",)),
    Rule(("get", "create", "patch", "update"), ("coordination.k8s.io",), ("leases",)),
)


def node_of(user: User) -> str:
    """The node that a user is; empty when it is none."""
    return user.name.removeprefix(USER_PREFIX) if is_node(user) else ""


def is_node(user: User) -> bool:
    return NODES_GROUP in user.groups and user.name.startswith(USER_PREFIX)

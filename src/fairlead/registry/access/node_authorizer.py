"""Permissions of a node's agent: the user ``system:node:NAME`` in the group ``system:nodes``.

It reads its own Node, the Pods that are bound to it, and the objects that these refer to. A check costs at most the
Pods of that node, never those of the cluster. Roles may allow a node more, but never what ``node_restriction`` refuses.
Nodes create no mirror Pods here, and so no Pods at all.
Upstream: ``pkg/auth/nodeidentifier``, ``plugin/pkg/auth/authorizer/node``.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.access.pod_references import PodReferences, pod_references
from fairlead.registry.access.rules import AccessRule, Attributes, allows
from fairlead.registry.requests import User
from fairlead.registry.store import PODS, State

GROUP, USER_PREFIX = "system:nodes", "system:node:"
LEASES = "kube-node-lease"
UNENUMERATED = "node authorizer does not support user rule resolution"

_READ, _WRITE = ("get", "list", "watch"), ("create", "patch", "update")
# The same for every node.
_RULES = (
    AccessRule(("create",), ("authentication.k8s.io",), ("tokenreviews",)),
    AccessRule(("create",), ("authorization.k8s.io",), ("subjectaccessreviews", "localsubjectaccessreviews")),
    AccessRule(_READ, ("",), ("services",)),
    AccessRule((*_READ, "create"), ("certificates.k8s.io",), ("certificatesigningrequests",)),
    AccessRule(_WRITE, ("", "events.k8s.io"), ("events",)),
)


def node_of(user: User) -> str | None:
    """The node of a user; None if the user is no node."""
    if GROUP not in user.groups or not user.name.startswith(USER_PREFIX):
        return None
    return user.name.removeprefix(USER_PREFIX)


def refusal(asked: Attributes, node: str, state: State) -> str | None:
    """Why the authorizer refuses a node's request (can be empty); None if it allows it."""
    if not node:
        return f'unknown node for user "{asked.user.name}"'
    special = _SPECIAL.get((asked.group, asked.resource)) if asked.path is None else None
    if special:
        return special(asked, node, state)
    return None if any(allows(rule, asked) for rule in _RULES) else ""


def _read_what_pods_refer_to(asked: Attributes, node: str, state: State) -> str | None:
    if asked.verb not in _READ:
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.namespace:
        return "can only read namespaced object of this type"
    if not asked.name:
        return "No Object name found"
    names = _REFERENCES[asked.resource]
    return None if _refers(names, asked, node, state) else _unrelated(node)


_REFERENCES: dict[str, Callable[[PodReferences], frozenset[str]]] = {
    "configmaps": lambda references: references.config_maps,
    "persistentvolumeclaims": lambda references: references.claims,
    "secrets": lambda references: references.secrets,
    "serviceaccounts": lambda references: references.service_accounts,
}


def _refers(names: Callable[[PodReferences], frozenset[str]], asked: Attributes, node: str, state: State) -> bool:
    """Whether a Pod of the node refers to the object that is asked for."""
    return any(
        asked.name in names(pod_references(state.of(PODS)[key].document))
        for key in state.pods_on(node)
        if key.namespace == asked.namespace
    )


def _unrelated(node: str) -> str:
    return f"no relationship found between node '{node}' and this object"


def _get_volume(asked: Attributes, node: str, state: State) -> str | None:
    if asked.verb != "get":
        return "can only get individual resources of this type"
    if asked.subresource:
        return "cannot get subresource"
    if not asked.name:
        return "No Object name found"
    return None if asked.name in _volumes_on(node, state) else _unrelated(node)


def _volumes_on(node: str, state: State) -> Iterator[str]:
    """The volumes that the claims of a node's Pods are bound to."""
    for key in state.pods_on(node):
        for name in pod_references(state.of(PODS)[key].document).claims:
            if claim := state.get("persistentvolumeclaims", ObjectKey(key.namespace, name)):
                yield msgspec.json.decode(claim.document, type=_Claim).spec.get("volumeName", "")


class _Claim(msgspec.Struct):
    spec: dict[str, Any]


def _create_token(asked: Attributes, node: str, state: State) -> str | None:
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    if asked.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return None if _refers(_REFERENCES["serviceaccounts"], asked, node, state) else _unrelated(node)


def _use_lease(asked: Attributes, node: str, state: State) -> str | None:
    if asked.verb not in ("get", *_WRITE, "delete"):
        return "can only get, create, update, patch, or delete a node lease"
    if asked.namespace != LEASES:
        return f'can only access leases in the "{LEASES}" system namespace'
    if asked.name == node or (asked.verb == "create" and not asked.name):  # its name is checked when it is written
        return None
    return "can only access node lease with the same name as the requesting node"


def _use_node(asked: Attributes, node: str, state: State) -> str | None:
    if (asked.subresource, asked.verb) in _WRITES_OF_NODES:
        return None
    if asked.subresource or asked.verb not in _READ:
        return ""
    if asked.name == node:
        return None
    which = f"'{asked.name}'" if asked.name else "all nodes"
    return f"node '{node}' cannot read {which}, only its own Node object"


def _use_pod(asked: Attributes, node: str, state: State) -> str | None:
    if (asked.subresource, asked.verb) in _WRITES_OF_PODS:
        return None
    if asked.subresource or asked.verb not in _READ:
        return ""
    if asked.verb != "get" and ("spec.nodeName", node) in asked.fields:
        return None
    if not asked.name:
        return "can only list/watch pods with spec.nodeName field selector"
    return None if ObjectKey(asked.namespace, asked.name) in state.pods_on(node) else _unrelated(node)


# ``restriction`` and ``check_written`` check that it is its own.
_WRITES_OF_NODES = frozenset({("", "create"), ("", "update"), ("", "patch"), ("status", "update"), ("status", "patch")})
_WRITES_OF_PODS = frozenset({("", "delete"), ("status", "update"), ("status", "patch"), ("eviction", "create")})

_SPECIAL: dict[tuple[str, str], Callable[[Attributes, str, State], str | None]] = {
    ("", "configmaps"): _read_what_pods_refer_to,
    ("", "persistentvolumeclaims"): _read_what_pods_refer_to,
    ("", "persistentvolumes"): _get_volume,
    ("", "secrets"): _read_what_pods_refer_to,
    ("", "serviceaccounts"): _create_token,
    ("", "nodes"): _use_node,
    ("", "pods"): _use_pod,
    ("coordination.k8s.io", "leases"): _use_lease,
}

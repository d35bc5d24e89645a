"""No user can grant permissions that they do not have, by writing roles or bindings.

Exceptions are ``escalate`` on the written role, and ``bind`` on the bound one. Every change is checked as a grant of
the whole role, whatever field it is in: a label can put a ClusterRole into others by their ``aggregationRule``, an
annotation can restore removed rules of a role at the next start. Only changes that let the object be deleted are
exempt.
Upstream: ``pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased``,
``pkg/registry/rbac/helpers.go`` (``IsOnlyMutatingGCFields``).
"""

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.access.authorization import is_allowed, rules_of
from fairlead.registry.access.rbac import Binding, Role, RoleNotFound, rules_of_role
from fairlead.registry.access.rules import EVERYTHING, RBAC, AccessRule, Attributes, uncovered
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.status import ApiError, forbidden
from fairlead.registry.store import State

_PLURALS = {"Role": "roles", "ClusterRole": "clusterroles"}
# A change of these grants nothing: the first control deletion, the others name the object or are set by the server.
_FREE = frozenset(
    {"ownerReferences", "finalizers", "managedFields"}
    | {
        "name",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
    }
)


def check_grant(user: User, state: State, target: RequestTarget, new: Doc, old: Doc | None) -> None:
    """Raises ApiError: a written role or binding grants more than the user has.

    Args:
        target: one of the resources of RBAC.
        old: the stored object; None for a creation.
    """
    if old is not None and _granting(new) == _granting(old):
        return
    if target.resource.kind in _PLURALS:
        _check_role(user, state, target, new, old or {})
    else:
        _check_binding(user, state, target, new)


def _granting(document: Doc) -> Doc:
    """A role or binding without the fields that grant nothing; empty ones count as absent."""
    metadata = {name: value for name, value in document["metadata"].items() if value and name not in _FREE}
    return {name: value for name, value in {**document, "metadata": metadata}.items() if value}


def _check_role(user: User, state: State, target: RequestTarget, new: Doc, old: Doc) -> None:
    wanted = msgspec.convert(new, Role)
    name = new["metadata"].get("name", "")
    if _may(user, "escalate", target.resource.plural, target.namespace, name, state):
        return
    rules = wanted.rules or ()
    # An aggregationRule collects any rules, present and future; to remove one can keep a role from being limited.
    aggregates = wanted.aggregation_rule or msgspec.convert(old, Role).aggregation_rule
    _check_held(user, state, target, name, (*EVERYTHING, *rules) if aggregates else rules)


def _check_binding(user: User, state: State, target: RequestTarget, new: Doc) -> None:
    wanted = msgspec.convert(new, Binding)
    role = wanted.role_ref
    if _may(user, "bind", _PLURALS.get(role.kind, ""), target.namespace, role.name, state):
        return
    try:
        rules = rules_of_role(role, target.namespace, state)
    except RoleNotFound as error:
        details = {"name": role.name, "group": RBAC, "kind": _PLURALS.get(role.kind, "")}
        raise ApiError(404, "NotFound", str(error), details) from error
    _check_held(user, state, target, new["metadata"].get("name", ""), rules)


def _may(user: User, verb: str, plural: str, namespace: str, name: str, state: State) -> bool:
    return is_allowed(Attributes(user, verb, RBAC, plural, namespace=namespace, name=name), state)


def _check_held(user: User, state: State, target: RequestTarget, name: str, wanted: tuple[AccessRule, ...]) -> None:
    missing = uncovered(wanted, tuple(rules_of(user, target.namespace, state)))
    if missing:
        groups = " ".join(f'"{group}"' for group in user.groups)
        who = f'user "{user.name}" (groups=[{groups}])'
        listed = "\n".join(str(rule) for rule in _compacted(missing))
        why = f"{who} is attempting to grant RBAC permissions not currently held:\n{listed}"
        raise forbidden(target.resource.plural, name, why, RBAC)


def _compacted(parts: list[AccessRule]) -> list[AccessRule]:
    """Rules that differ only in their single verb, combined as in upstream's messages."""
    verbs: dict[AccessRule, list[str]] = {}
    for part in parts:
        verbs.setdefault(msgspec.structs.replace(part, verbs=()), []).extend(part.verbs)
    return sorted(
        (msgspec.structs.replace(rest, verbs=tuple(dict.fromkeys(found))) for rest, found in verbs.items()), key=str
    )

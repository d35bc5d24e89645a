"""The rules that roles and bindings give to each user, as upstream's RBAC authorizer reads them.

They are read once, and again only after one has changed, so a request costs only the rules of its user, not all
bindings. A ClusterRole with an ``aggregationRule`` has the rules of all ClusterRoles that it selects besides its own;
in upstream a controller writes them into it.
Upstream: ``plugin/pkg/auth/authorizer/rbac``, ``pkg/registry/rbac/validation``,
``pkg/controller/clusterroleaggregation``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

import msgspec
from immutables import Map

from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import LabelSelector
from fairlead.registry.access.rules import RBAC, AccessRule
from fairlead.registry.access.service_account_tokens import USER_PREFIX
from fairlead.registry.requests import User
from fairlead.registry.store import State, Stored

Subject = tuple[str, str]  # "User" or "Group", and its name

_ROLES = {"Role": f"roles.{RBAC}", "ClusterRole": f"clusterroles.{RBAC}"}
_BINDINGS = (f"clusterrolebindings.{RBAC}", f"rolebindings.{RBAC}")
_DECODED = 4096  # bindings and roles that are kept decoded


class RoleNotFound(LookupError):
    """A binding refers to a missing role; the message is upstream's."""


class _Aggregation(msgspec.Struct, rename="camel", frozen=True):
    cluster_role_selectors: tuple[LabelSelector, ...] | None = None


class Role(msgspec.Struct, rename="camel", frozen=True):
    """The granting part of a Role or ClusterRole."""

    rules: tuple[AccessRule, ...] | None = None
    aggregation_rule: _Aggregation | None = None


class Reference(msgspec.Struct, rename="camel", frozen=True):
    """A subject, or a role; a Role is in the namespace of its binding."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class Binding(msgspec.Struct, rename="camel", frozen=True):
    """A RoleBinding or ClusterRoleBinding."""

    role_ref: Reference = Reference()
    subjects: tuple[Reference, ...] | None = None


def rules_of(user: User, namespace: str, state: State) -> Iterator[AccessRule]:
    """The rules that are bound to a user in a namespace; if that is empty, only those for the whole cluster."""
    grants = _grants(state)
    subjects = (("User", user.name), *(("Group", group) for group in user.groups))
    for subject in subjects:
        if of_namespaces := grants.get(subject):
            yield from of_namespaces.get("", ())
            if namespace:
                yield from of_namespaces.get(namespace, ())


def rules_of_role(role: Reference, namespace: str, state: State) -> tuple[AccessRule, ...]:
    """The rules that a binding in the namespace grants with a role.

    Raises:
        RoleNotFound: it is not there.
    """
    key = ObjectKey(namespace if role.kind == "Role" else "", role.name)
    stored = state.get(_ROLES.get(role.kind, ""), key)
    if stored is None:
        raise RoleNotFound(f'{role.kind.lower()}s.{RBAC} "{role.name}" not found')
    others = tuple(state.of(_ROLES["ClusterRole"]).values())
    return tuple(rule for each in _with_aggregated(stored, others) for rule in decode_role(each.document).rules or ())


def _with_aggregated(role: Stored, others: Iterable[Stored]) -> Iterable[Stored]:
    """A role and all that it aggregates, directly or not, each of them once."""
    found, waiting = {role.version: role}, [role]
    while waiting:
        aggregation = decode_role(waiting.pop().document).aggregation_rule
        more = [other for other in others if aggregation and _aggregates(aggregation, other)]
        waiting += [other for other in more if other.version not in found]
        found |= {other.version: other for other in more}
    return found.values()


def _aggregates(rule: _Aggregation, role: Stored) -> bool:
    return any(matches(requirements(selector), role.labels) for selector in rule.cluster_role_selectors or ())


@lru_cache(_DECODED)
def decode_role(document: bytes) -> Role:
    return msgspec.json.decode(document, type=Role)


@lru_cache(_DECODED)
def decode_binding(document: bytes) -> Binding:
    return msgspec.json.decode(document, type=Binding)


# Subject -> namespace (empty: all of them) -> rules.
_Grants = Mapping[Subject, Mapping[str, list[AccessRule]]]


# The parsed latest states: two while a write is not durable yet.
_KEPT = 4
_known: list[tuple[tuple[Map[ObjectKey, Stored], ...], _Grants]] = []


def _grants(state: State) -> _Grants:
    """All grants of these collections, which keep their identity until a write."""
    names = (*_ROLES.values(), *_BINDINGS)
    collections = tuple(state.of(name) for name in names)
    for known, grants in _known:
        if all(mine is theirs for mine, theirs in zip(collections, known, strict=True)):
            return grants
    grants = _read(state)
    _known[:] = [(collections, grants), *_known[: _KEPT - 1]]
    return grants


def _read(state: State) -> _Grants:
    @cache
    def granted(role: Reference, namespace: str) -> tuple[AccessRule, ...]:
        try:
            return rules_of_role(role, namespace, state)
        except RoleNotFound:
            return ()

    grants: dict[Subject, dict[str, list[AccessRule]]] = defaultdict(lambda: defaultdict(list))
    for name in _BINDINGS:
        for key, stored in state.of(name).items():
            binding = decode_binding(stored.document)
            role = binding.role_ref
            rules = granted(role, key.namespace if role.kind == "Role" else "")
            for subject in binding.subjects or ():
                grants[_subject(subject, key.namespace)][key.namespace].extend(rules)
    return {subject: dict(rules) for subject, rules in grants.items()}


def _subject(subject: Reference, namespace: str) -> Subject:
    if subject.kind == "ServiceAccount":
        return "User", f"{USER_PREFIX}{subject.namespace or namespace}:{subject.name}"
    return subject.kind, subject.name

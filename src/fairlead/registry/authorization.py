"""May this user do that? Decided by the Roles and bindings that are stored, as upstream's RBAC authorizer does.

ServiceAccounts are subject to it, by token or by certificate, whoever is impersonated, and whoever is not
authenticated. Other certificates of the cluster's authority, and tokens of the server's own file, may do everything.
Aggregated ClusterRoles have the rules that are written in them, no others.
Upstream: ``plugin/pkg/auth/authorizer/rbac``, ``pkg/registry/rbac/validation``, ``pkg/apis/rbac/v1``.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.requests import User
from fairlead.registry.service_accounts import USER_PREFIX
from fairlead.registry.store import State, Stored

RBAC = "rbac.authorization.k8s.io"

MASTERS = "system:masters"
_GOVERNED = (USER_PREFIX, "system:anonymous", "system:serviceaccounts", "system:unauthenticated")
_ROLES = {"Role": f"roles.{RBAC}", "ClusterRole": f"clusterroles.{RBAC}"}
_DECODED = 4096  # bindings and roles that are kept decoded


@dataclass(frozen=True)
class Attributes:
    """What a user asks to do: with a resource, or at a path that is none.

    Attributes:
        name: empty when it is about no object in particular.
        path: None for resources.
    """

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None

    @property
    def combined(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Rule(msgspec.Struct, rename="camel", frozen=True):
    """A PolicyRule."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class _Role(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...] = ()


class _Reference(msgspec.Struct, frozen=True):
    """A subject, or a role; Roles lie in the namespace of their binding."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class _Binding(msgspec.Struct, rename="camel", frozen=True):
    role_ref: _Reference = _Reference()
    subjects: tuple[_Reference, ...] = ()


def is_governed(user: User) -> bool:
    """Whether a user may do only what roles allow. Whoever is impersonated must, for that is what it is done for."""
    if user.impersonated and MASTERS not in user.groups:
        return True
    return any(name.startswith(_GOVERNED) for name in (user.name, *user.groups))


def is_allowed(asked: Attributes, state: State) -> bool:
    if not is_governed(asked.user):
        return True
    return any(_allows(rule, asked) for rule in rules_of(asked.user, asked.namespace, state))


def refusal(asked: Attributes) -> str:
    """Why it is refused, in the words of apiserver ``endpoints/handlers/responsewriters/errors.go``."""
    if asked.path is not None:
        return f'User "{asked.user.name}" cannot {asked.verb} path "{asked.path}"'
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'resource "{asked.combined}" in API group "{asked.group}"'
    return f'User "{asked.user.name}" cannot {asked.verb} {what} {scope}'


def rules_of(user: User, namespace: str, state: State) -> Iterator[Rule]:
    """The rules that are bound to a user in a namespace; only those for the whole cluster when it is empty."""
    for key, stored in _bindings(namespace, state):
        binding = _binding(stored.document)
        if any(_is_meant(user, subject, key.namespace) for subject in binding.subjects):
            yield from _rules(binding.role_ref, key.namespace, state)


def _bindings(namespace: str, state: State) -> Iterator[tuple[ObjectKey, Stored]]:
    yield from state.of(f"clusterrolebindings.{RBAC}").items()
    if namespace:
        every = state.of(f"rolebindings.{RBAC}").items()
        yield from ((key, stored) for key, stored in every if key.namespace == namespace)


def _is_meant(user: User, subject: _Reference, namespace: str) -> bool:
    if subject.kind == "ServiceAccount":
        return user.name == f"{USER_PREFIX}{subject.namespace or namespace}:{subject.name}"
    return subject.name in {"User": (user.name,), "Group": user.groups}.get(subject.kind, ())


def _rules(role: _Reference, namespace: str, state: State) -> tuple[Rule, ...]:
    key = ObjectKey(namespace if role.kind == "Role" else "", role.name)
    stored = state.get(_ROLES.get(role.kind, ""), key)
    return _role(stored.document).rules if stored else ()


@lru_cache(_DECODED)
def _binding(document: bytes) -> _Binding:
    return msgspec.json.decode(document, type=_Binding)


@lru_cache(_DECODED)
def _role(document: bytes) -> _Role:
    return msgspec.json.decode(document, type=_Role)


def _allows(rule: Rule, asked: Attributes) -> bool:
    if not _names(rule.verbs, asked.verb):
        return False
    if asked.path is not None:
        return any(_covers(url, asked.path) for url in rule.non_resource_urls)
    return (
        _names(rule.api_groups, asked.group)
        and _names_resource(rule.resources, asked)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def _names(listed: Collection[str], one: str) -> bool:
    return "*" in listed or one in listed


def _names_resource(listed: Collection[str], asked: Attributes) -> bool:
    return _names(listed, asked.combined) or bool(asked.subresource and f"*/{asked.subresource}" in listed)


def _covers(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url.rstrip("*")))

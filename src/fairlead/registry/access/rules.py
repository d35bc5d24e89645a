"""The attributes of a request for authorization, and the rules of roles.

Upstream: ``pkg/apis/rbac/v1/evaluation_helpers.go``, ``component-helpers/auth/rbac/validation/policy_comparator.go``.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import msgspec

from fairlead.registry.requests import User

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Attributes:
    """A request for authorization: on a resource, or on a non-resource path.

    Attributes:
        name: empty if it is about no particular object.
        path: None for resources.
        fields: the limits of a field selector, each a field and its value.
    """

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def combined(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class AccessRule(msgspec.Struct, rename="camel", frozen=True):
    """A PolicyRule."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")

    def __str__(self) -> str:
        """As Go's ``CompactString`` has it."""
        parts = {
            "APIGroups": self.api_groups,
            "NonResourceURLs": self.non_resource_urls,
            "ResourceNames": self.resource_names,
            "Resources": self.resources,
            "Verbs": self.verbs,
        }
        listed = {name: " ".join(f'"{value}"' for value in values) for name, values in parts.items() if values}
        return "{" + ", ".join(f"{name}:[{values}]" for name, values in listed.items()) + "}"


EVERYTHING = (
    AccessRule(verbs=("*",), api_groups=("*",), resources=("*",)),
    AccessRule(verbs=("*",), non_resource_urls=("*",)),
)


def allows(rule: AccessRule, asked: Attributes) -> bool:
    if not _names(rule.verbs, asked.verb):
        return False
    if asked.path is not None:
        return any(_covers_path(url, asked.path) for url in rule.non_resource_urls)
    return (
        _names(rule.api_groups, asked.group)
        and _names_resource(rule.resources, asked.combined)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def uncovered(wanted: Iterable[AccessRule], held: Collection[AccessRule]) -> list[AccessRule]:
    """The wanted single permissions that no held rule grants, each as a separate rule."""
    return [part for rule in wanted for part in _parts(rule) if not any(_gives(holding, part) for holding in held)]


def _parts(rule: AccessRule) -> Iterator[AccessRule]:
    """A rule as rules with one verb, group, resource and name each."""
    for verb, url in product(rule.verbs, rule.non_resource_urls):
        yield AccessRule((verb,), non_resource_urls=(url,))
    for verb, group, resource in product(rule.verbs, rule.api_groups, rule.resources):
        for name in rule.resource_names or ("",):
            yield AccessRule((verb,), (group,), (resource,), (name,) if name else ())


def _gives(holding: AccessRule, part: AccessRule) -> bool:
    if not _names(holding.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        return any(_covers_path(url, part.non_resource_urls[0]) for url in holding.non_resource_urls)
    return (
        _names(holding.api_groups, part.api_groups[0])
        and _names_resource(holding.resources, part.resources[0])
        and (not holding.resource_names or set(part.resource_names or ("",)) <= set(holding.resource_names))
    )


def _names(listed: Collection[str], one: str) -> bool:
    return "*" in listed or one in listed


def _names_resource(listed: Collection[str], combined: str) -> bool:
    _, _, subresource = combined.partition("/")
    return _names(listed, combined) or bool(subresource and f"*/{subresource}" in listed)


def _covers_path(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url.rstrip("*")))

"""Checks of permissions in expressions: ``authorizer.group('apps').resource('deployments').check('update')``.

Upstream: apiserver ``pkg/cel/library/authz.go``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from fairlead.registry.access.authorization import decide
from fairlead.registry.access.rules import Attributes
from fairlead.registry.requests import User
from fairlead.registry.store import State


@dataclass(frozen=True)
class Decision:
    """An answer to a check."""

    is_allowed: bool
    why: str


@dataclass(frozen=True)
class AccessCheck:
    """The attributes of a check, as far as they are set."""

    attributes: Attributes
    state: State

    def narrowed(self, **fields: Any) -> "AccessCheck":
        """The check with more attributes."""
        return replace(self, attributes=replace(self.attributes, **fields))

    def decide(self, verb: str) -> Decision:
        """Whether a verb is allowed."""
        verdict = decide(replace(self.attributes, verb=verb), self.state)
        return Decision(verdict.allowed, verdict.reason)


@dataclass(frozen=True)
class Authorizer:
    """The client; ``resource`` is what the request itself is about (``authorizer.requestResource``)."""

    user: User
    state: State
    resource: Mapping[str, str]

    def check(self, **fields: Any) -> AccessCheck:
        """A check for this user."""
        return AccessCheck(Attributes(self.user, "", **fields), self.state)

    def request_resource(self) -> AccessCheck:
        """The resource of the request."""
        return self.check(**self.resource)

    def account(self, namespace: str, name: str) -> "Authorizer":
        """A ServiceAccount in place of the user."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        user = User(f"system:serviceaccount:{namespace}:{name}", groups)
        return replace(self, user=user)

    cel_fields: ClassVar[Mapping[str, Callable[["Authorizer"], AccessCheck]]] = {"requestResource": request_resource}

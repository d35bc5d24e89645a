"""The variables of expressions in conditions and policies.

Upstream: apiserver ``pkg/admission/plugin/cel/{compile,activation,composition}.go``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.conditions import value_of
from fairlead.registry.admission.review import request_of
from fairlead.registry.cel.budget import Budget
from fairlead.registry.cel.expressions import plain
from fairlead.registry.resources import Resource


def variables_of(attempt: Attempt, resource: Resource, authorizer: object) -> dict[str, Any]:
    """The variables of an attempt whose objects are as ``resource`` shows them."""
    request = request_of(attempt, resource)
    del request["object"], request["oldObject"]
    documents = {"object": attempt.new, "oldObject": attempt.old, "request": request}
    return {**{name: plain(document) for name, document in documents.items()}, "authorizer": authorizer}


class Variables:
    """The variables that a policy defines itself: each is computed once, on first use, and can use the variables before
    it."""

    def __init__(self, definitions: Sequence[Doc], known: dict[str, Any], budget: Budget) -> None:
        self._known, self._budget = known, budget
        self._values: dict[str, Any] = {}
        self.cel_fields: dict[str, Callable[[object], Any]] = {
            each["name"]: partial(self._value, each["name"], each["expression"]) for each in definitions
        }

    def _value(self, name: str, expression: str, holder: object) -> Any:
        if name not in self._values:
            known = {**self._known, "variables": self}
            self._values[name] = value_of(expression, known, self._budget)
        return self._values[name]

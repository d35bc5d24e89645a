"""Conditions in CEL for the call of a webhook, or for a policy (``matchConditions``).

Upstream: apiserver ``pkg/admission/plugin/webhook/matchconditions``, ``pkg/admission/plugin/cel``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Budget, RuleError, TooCostly, Unsupported
from fairlead.registry.cel.expressions import compiled

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class ConditionsVerdict(NamedTuple):
    """Whether all conditions hold. ``failure`` says why that is unknown; a condition that does not hold takes
    precedence."""

    holds: bool
    failure: str = ""


def judge(conditions: Sequence[Doc], variables: dict[str, Any], budget: Budget) -> ConditionsVerdict:
    """Evaluate conditions for an attempt."""
    failures = []
    for condition in conditions:
        try:
            if not isinstance(found := value_of(condition["expression"], variables, budget), bool | int):
                failures.append(f"expression '{condition['expression']}' resulted in no boolean")
            elif not found:
                return ConditionsVerdict(False)
        except RuleError as error:
            failures.append(str(error))
    return ConditionsVerdict(not failures, _joined(failures))


def value_of(expression: str, variables: dict[str, Any], budget: Budget) -> Any:
    """The value of an expression.

    Raises:
        RuleError: it has none; the text says why in upstream's words.
    """
    try:
        return compiled(expression)(variables, budget)
    except Unsupported as error:
        raise RuleError(f"compilation error: {error}") from None
    except TooCostly:
        raise RuleError(OUT_OF_BUDGET) from None
    except RuleError as error:
        raise RuleError(f"expression '{expression}' resulted in error: {error}") from None


def _joined(failures: list[str]) -> str:
    return failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]" if failures else ""

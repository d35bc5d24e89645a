"""The faults of a Job's pod failure policy and success policy.

Upstream: ``validatePodFailurePolicy``, ``validateSuccessPolicy`` and ``validateJobSpec`` in pkg/apis/batch/validation.
"""

import re
from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.value_rules import one_of

POLICIES = ("backoffLimitPerIndex", "managedBy", "podFailurePolicy", "successPolicy")  # which never change
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_MOST_RULES = 20
_NO_CONTAINER = "must be one of the container or initContainer names in the pod template"
_NEEDS_INDEXES = "requires indexed completion mode"
_INDEXES = re.compile(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*", re.ASCII)


def policy_faults(spec: Doc) -> Iterator[FieldError]:
    """The faults of all policies of a Job's spec."""
    is_indexed = spec.get("completionMode") == "Indexed"
    yield from _per_index(spec, is_indexed)
    if (policy := spec.get("podFailurePolicy")) is not None:
        yield from _never(spec, "podFailurePolicy")
        for index, rule in enumerate(policy.get("rules") or ()):
            yield from _failure_rule(f"spec.podFailurePolicy.rules[{index}]", rule, spec)
    if (policy := spec.get("successPolicy")) is not None:
        if not is_indexed:
            yield invalid("spec.successPolicy", policy, _NEEDS_INDEXES)
        yield from _success_rules("spec.successPolicy.rules", policy.get("rules") or [], spec.get("completions") or 0)
    if (manager := spec.get("managedBy")) is not None and not re.fullmatch(r"[a-z0-9.-]+/[A-Za-z0-9._/-]+", manager):
        yield invalid("spec.managedBy", manager, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _never(spec: Doc, field: str) -> Iterator[FieldError]:
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy != "Never":
        detail = f'only "Never" is supported when `{field}` is specified'
        yield invalid("spec.template.spec.restartPolicy", policy, detail)


def _per_index(spec: Doc, is_indexed: bool) -> Iterator[FieldError]:
    limit, most = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    for field, value in (("backoffLimitPerIndex", limit), ("maxFailedIndexes", most)):
        if value is not None and value < 0:
            yield invalid(f"spec.{field}", value, "must be greater than or equal to 0")
        if value is not None and not is_indexed:
            yield invalid(f"spec.{field}", value, _NEEDS_INDEXES)
    if limit is not None:
        yield from _never(spec, "backoffLimitPerIndex")
    if most is not None:
        if limit is None:
            yield required("spec.backoffLimitPerIndex", "when maxFailedIndexes is specified")
        if most > (spec.get("completions") or 0):
            yield invalid("spec.maxFailedIndexes", most, "must be less than or equal to completions")


def _failure_rule(path: str, rule: Doc, spec: Doc) -> Iterator[FieldError]:
    action, exits, conditions = rule.get("action", ""), rule.get("onExitCodes"), rule.get("onPodConditions")
    if not action:
        yield required(f"{path}.action", f"valid values: {list(_ACTIONS)}")
    elif action not in _ACTIONS:
        yield not_supported(f"{path}.action", action, _ACTIONS)
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    if exits is not None and conditions:
        yield invalid(path, None, "specifying both OnExitCodes and OnPodConditions is not supported")
    elif exits is None and not conditions:
        yield invalid(path, None, "specifying one of OnExitCodes and OnPodConditions is required")
    elif exits is not None:
        yield from _exit_codes(f"{path}.onExitCodes", exits, spec)


def _exit_codes(path: str, pattern: Doc, spec: Doc) -> Iterator[FieldError]:
    yield from one_of(f"{path}.operator", pattern.get("operator", ""), _OPERATORS)
    values = pattern.get("values") or []
    if not values:
        yield invalid(f"{path}.values", values, "at least one value is required")
    if values != sorted(set(values)):
        yield invalid(f"{path}.values", values, "must be ordered, without duplicates")
    if 0 in values and pattern.get("operator") == "In":
        yield invalid(f"{path}.values[{values.index(0)}]", 0, "must not be 0 for the In operator")
    pod = spec["template"]["spec"]
    names = [each.get("name") for each in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ()))]
    if (name := pattern.get("containerName")) is not None and name not in names:
        yield invalid(
            f"{path}.containerName", name, "must be one of the container or initContainer names in the pod template"
        )


def _success_rules(path: str, rules: list[Doc], completions: int) -> Iterator[FieldError]:
    if not rules:
        yield required(path, "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MOST_RULES:
        yield invalid(path, len(rules), f"must have at most {_MOST_RULES} items")
    for index, rule in enumerate(rules):
        place, count, indexes = f"{path}[{index}]", rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and indexes is None:
            yield required(place, "at least one of succeededCount or succeededIndexes must be specified")
        if count is not None and not 0 < count <= completions:
            yield invalid(f"{place}.succeededCount", count, f"must be positive and at most {completions}")
        if indexes is not None and not _INDEXES.fullmatch(indexes):
            yield invalid(f"{place}.succeededIndexes", indexes, "error parsing succeededIndexes")

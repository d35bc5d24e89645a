"""Configurations of admission webhooks: completed, checked and stored.

Upstream: pkg/apis/admissionregistration/{v1/defaults.go,validation}.
"""

from collections.abc import Callable, Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, duplicate, invalid, required
from fairlead.registry.kinds.admissionregistration.match_rules import (
    ATTEMPT,
    SELECTORS,
    condition_faults,
    new_faults,
    rule_faults,
    selector_faults,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.kinds.webhook_clients import client_faults, review_version_faults
from fairlead.registry.strategy import Column, Context, Strategy

_WEBHOOK = {"failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10}
_ALLOWED = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
    "sideEffects": ("None", "NoneOnDryRun"),
}
_LONGEST_WAIT = 30


def _default(more: Doc) -> Callable[[Doc], None]:
    """Fill in missing fields."""

    def default(configuration: Doc) -> None:
        for webhook in configuration.get("webhooks") or ():
            for field, value in {**_WEBHOOK, **more}.items():
                webhook.setdefault(field, value)
            for selector in SELECTORS:
                webhook.setdefault(selector, {})
            if service := (webhook.get("clientConfig") or {}).get("service"):
                service.setdefault("port", 443)
            for rule in webhook.get("rules") or ():
                rule.setdefault("scope", "*")

    return default


def validate(configuration: Doc, context: Context) -> list[FieldError]:
    """The faults of a configuration."""
    faults: list[FieldError] = []
    seen: set[str] = set()
    for index, webhook in enumerate(configuration.get("webhooks") or ()):
        path, webhook_name = f"webhooks[{index}]", webhook.get("name", "")
        if webhook_name in seen:
            faults.append(duplicate(f"{path}.name", webhook_name))
        seen.add(webhook_name)
        faults += _webhook(path, webhook)
    return faults


def _webhook(path: str, webhook: Doc) -> Iterator[FieldError]:
    yield from _name(f"{path}.name", webhook.get("name", ""))
    yield from review_version_faults(f"{path}.admissionReviewVersions", webhook.get("admissionReviewVersions") or ())
    for field, known in _ALLOWED.items():
        if field in webhook:
            yield from one_of(f"{path}.{field}", webhook[field], known)
    if "sideEffects" not in webhook:
        yield required(f"{path}.sideEffects", f"must specify one of {', '.join(_ALLOWED['sideEffects'])}")
    if not 1 <= webhook["timeoutSeconds"] <= _LONGEST_WAIT:
        detail = f"the timeout value must be between 1 and {_LONGEST_WAIT} seconds"
        yield invalid(f"{path}.timeoutSeconds", webhook["timeoutSeconds"], detail)
    for index, rule in enumerate(webhook.get("rules") or ()):
        yield from rule_faults(f"{path}.rules[{index}]", rule)
    for selector in SELECTORS:
        yield from selector_faults(f"{path}.{selector}", webhook[selector])
    yield from condition_faults(f"{path}.matchConditions", webhook.get("matchConditions") or [], ATTEMPT)
    yield from client_faults(f"{path}.clientConfig", webhook.get("clientConfig") or {})


def _name(path: str, given: str) -> Iterator[FieldError]:
    if not given:
        yield required(path)
        return
    yield from (invalid(path, given, why) for why in dns1123_subdomain_errors(given))
    if given.count(".") < 2:
        yield invalid(path, given, "should be a domain with at least three segments separated by dots")


def _row(configuration: Doc, now: str) -> list[Any]:
    return [name(configuration), len(configuration.get("webhooks") or ()), age(configuration, now)]


def _strategy(more: Doc) -> Strategy:
    return Strategy(
        default=_default(more),
        validate_create=validate,
        validate_update=lambda new, old, context: new_faults(validate(new, context), old),
        bumps_generation=lambda new, old: bool(new.get("webhooks") != old.get("webhooks")),
        columns=(NAME, Column("Webhooks", "integer"), AGE),
        row=_row,
    )


MUTATING = _strategy({"reinvocationPolicy": "Never"})
VALIDATING = _strategy({})

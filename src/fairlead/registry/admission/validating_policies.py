"""ValidatingAdmissionPolicies: expressions that validate an object before a write.

Upstream: apiserver ``pkg/admission/plugin/policy/validating``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.bindings import (
    VALIDATING,
    BoundPolicy,
    Misconfigured,
    Names,
    PolicyBinding,
    applies,
    bound_policies,
    parameters_of,
    refusal,
)
from fairlead.registry.admission.conditions import judge, value_of
from fairlead.registry.admission.dispatch import WebhookContext
from fairlead.registry.admission.variables import Variables
from fairlead.registry.cel.budget import Budget, RuleError
from fairlead.registry.status import ApiError
from fairlead.registry.store import State

_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_LONGEST_MESSAGE = 5 << 10


class _Fault(NamedTuple):
    """A fault that a policy found. A fault of its configuration refuses the request whatever the binding's actions."""

    policy: str
    message: str
    binding: str = ""
    reason: str = "Invalid"
    actions: tuple[str, ...] = ("Deny",)


def check_policies(attempt: Attempt, state: State, context: WebhookContext) -> None:
    """Check an attempt against all bound policies.

    Raises:
        ApiError: one refuses it.
    """
    denied = None
    for fault in _faults(attempt, state, context):
        if "Warn" in fault.actions:
            context.warn(
                f"Validation failed for ValidatingAdmissionPolicy '{fault.policy}' with binding '{fault.binding}': "
                f"{fault.message}"
            )
        if "Deny" in fault.actions:
            denied = denied or fault
    if denied:
        raise _denial(attempt, denied)


def _denial(attempt: Attempt, fault: _Fault) -> ApiError:
    binding = f" with binding '{fault.binding}'" if fault.binding else ""
    message = f"ValidatingAdmissionPolicy '{fault.policy}'{binding} denied request: {fault.message}"
    refused = refusal(attempt, message)
    return ApiError(_CODES.get(fault.reason, 422), fault.reason, refused.message, refused.details)


def _faults(attempt: Attempt, state: State, context: WebhookContext) -> Iterator[_Fault]:
    for policy, bindings in bound_policies(state, VALIDATING):
        resource = policy.matcher.resource(attempt, context.table)
        if resource is None:
            continue
        names = Names(attempt, resource, state, context)
        for binding in bindings:
            if applies(binding, attempt, context.table):
                yield from _bound_faults(policy, binding, names)


def _bound_faults(policy: BoundPolicy, binding: PolicyBinding, names: Names) -> Iterator[_Fault]:
    try:
        parameters = parameters_of(policy, binding, names)
    except Misconfigured as error:
        if not policy.fails_open:
            yield _Fault(policy.name, f"failed to configure binding: {error}", binding.name)
        return
    for parameter in parameters:
        yield from _validations(policy, binding, names.with_parameter(parameter))


def _validations(policy: BoundPolicy, binding: PolicyBinding, known: dict[str, Any]) -> Iterator[_Fault]:
    budget, spec = Budget(), policy.spec
    fault = partial(_Fault, policy.name, binding=binding.name, actions=binding.actions)
    verdict = judge(spec.get("matchConditions") or [], known, budget)
    if verdict.failure and not policy.fails_open:
        yield fault(verdict.failure)
    if not verdict.holds:
        return
    known = {**known, "variables": Variables(spec.get("variables") or (), known, budget)}
    for validation in spec.get("validations") or ():
        try:
            if value_of(validation["expression"], known, budget) != True:  # noqa: E712  # a boolean of expressions
                yield fault(_message(validation, known, budget), reason=validation.get("reason", "Invalid"))
        except RuleError as error:
            if not policy.fails_open:
                yield fault(str(error))
    if not policy.fails_open:
        yield from _annotation_faults(spec, known, budget, fault)


def _annotation_faults(
    spec: Doc, known: dict[str, Any], budget: Budget, fault: Callable[..., _Fault]
) -> Iterator[_Fault]:
    """There is no audit log, so annotations are evaluated only for their failures."""
    for annotation in spec.get("auditAnnotations") or ():
        text = annotation["valueExpression"]
        try:
            value = value_of(text, known, budget)
        except RuleError as error:
            yield fault(str(error), actions=("Deny",))
            continue
        if value is not None and not isinstance(value, str):
            detail = f"valueExpression '{text}' resulted in unsupported return type: {type(value).__name__}"
            yield fault(f"{detail}. Return type must be either string or null.", actions=("Deny",))


def _message(validation: Doc, known: dict[str, Any], budget: Budget) -> str:
    if text := validation.get("messageExpression"):
        try:
            found = value_of(text, known, budget)
        except RuleError:
            found = None  # the plain message, as upstream has it
        told = str(found).strip() if isinstance(found, str) else ""
        if told and "\n" not in told and len(told) <= _LONGEST_MESSAGE:
            return told
    message = (validation.get("message") or "").strip()
    return message or f"failed expression: {validation['expression'].strip()}"

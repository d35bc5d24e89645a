"""MutatingAdmissionPolicies: expressions that change an object before a write.

Each policy runs once for each of its bindings and parameters, its mutations one after the other. Upstream: apiserver
``pkg/admission/plugin/policy/mutating``.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.bindings import (
    MUTATING,
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
from fairlead.registry.admission.mutation import Mutated, Mutator
from fairlead.registry.admission.variables import Variables
from fairlead.registry.cel.budget import Budget, RuleError
from fairlead.registry.cel.expressions import json_value, made_type
from fairlead.registry.cel.type_names import JSON_PATCH, OBJECT
from fairlead.registry.documents.managed_fields.merge import atomic_parts, merge_applied
from fairlead.registry.documents.patching.json_patch import apply_json_patch, is_failed_test
from fairlead.registry.resources import Resource
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.schemas.decode import decode
from fairlead.registry.status import ApiError, internal_error
from fairlead.registry.store import State
from fairlead.registry.verbs.decoding import shaped

_UNTYPED = "error applying patch: failed to convert patch object to typed object"


def mutators(state: State, context: WebhookContext) -> Iterator[Mutator]:
    """All bound policies as mutators."""
    for policy, bindings in bound_policies(state, MUTATING):
        is_reinvoked = policy.spec.get("reinvocationPolicy") == "IfNeeded"
        for binding in bindings:
            run = partial(_change, policy, binding, state, context)
            yield Mutator((policy.name, binding.name, "policy"), is_reinvoked, run, reinvokes_itself=True)


def _change(
    policy: BoundPolicy, binding: PolicyBinding, state: State, context: WebhookContext, attempt: Attempt
) -> Mutated | None:
    resource = policy.matcher.resource(attempt, context.table)
    if attempt.new is None or resource is None or not applies(binding, attempt, context.table):
        return None
    try:
        parameters = parameters_of(policy, binding, Names(attempt, resource, state, context))
    except Misconfigured as error:
        _fail(policy, binding, attempt, f"failed to configure binding: {error}", reason="Forbidden")
        return None
    needs_reinvocation = False
    for parameter in parameters:
        run = _Run(policy, binding, parameter, resource, state, context)
        if run.conditions_hold(attempt):
            needs_reinvocation = True
            attempt = run.changed(attempt)
    return Mutated(attempt.new, needs_reinvocation)


class _Run:
    """A policy with one of its parameters."""

    def __init__(
        self,
        policy: BoundPolicy,
        binding: PolicyBinding,
        parameter: Doc | None,
        resource: Resource,
        state: State,
        context: WebhookContext,
    ) -> None:
        self._policy, self._binding, self._parameter = policy, binding, parameter
        self._resource, self._state, self._context = resource, state, context

    def conditions_hold(self, attempt: Attempt) -> bool:
        """Whether the policy's conditions hold. Raises ApiError: that is unknown."""
        conditions = self._policy.spec.get("matchConditions") or []
        verdict = judge(conditions, self._names(attempt), Budget())
        if verdict.failure:
            _fail(self._policy, self._binding, attempt, verdict.failure)
        return verdict.holds

    def changed(self, attempt: Attempt) -> Attempt:
        """The attempt after all mutations. Raises ApiError: one failed."""
        for mutation in self._policy.spec.get("mutations") or ():
            try:
                attempt = replace(attempt, new=self._mutated(mutation, attempt))
            except RuleError as error:
                _fail(self._policy, self._binding, attempt, str(error))
        return attempt

    def _mutated(self, mutation: Doc, attempt: Attempt) -> Doc:
        assert attempt.new is not None
        type_ = mutation["patchType"]
        budget, known = Budget(), self._names(attempt)
        names = {**known, "variables": Variables(self._policy.spec.get("variables") or (), known, budget)}
        field, apply = _PATCHES[type_]
        value = value_of(mutation[field]["expression"], names, budget)
        shown = self._context.shown(attempt.new, self._resource)
        patched = apply(shown, value, self._resource)
        return attempt.new if patched == shown else self._take(patched, type_)

    def _take(self, patched: Doc, type_: str) -> Doc:
        try:
            return self._context.taken(patched, self._resource)
        except ApiError as error:
            if type_ == "JSONPatch":
                raise internal_error(error.message) from None
            raise RuleError(f"error applying patch: {error.message}") from None

    def _names(self, attempt: Attempt) -> dict[str, Any]:
        return Names(attempt, self._resource, self._state, self._context).with_parameter(self._parameter)


def _fail(policy: BoundPolicy, binding: PolicyBinding, attempt: Attempt, why: str, reason: str = "Invalid") -> None:
    """Refuse the attempt, unless the policy ignores failures."""
    if policy.fails_open:
        return
    message = f"policy '{policy.name}' with binding '{binding.name}' denied request: {why}"
    raise ApiError(403, reason, message, refusal(attempt, message).details)


def _applied(shown: Doc, value: Any, resource: Resource) -> Doc:
    """The object with a configuration laid over it."""
    if made_type(value) != OBJECT:
        raise RuleError(f"unsupported return type from ApplyConfiguration expression: {type(value).__name__}")
    configuration = _json(value)
    _check_fields(configuration, shown, resource)
    defined = resource.defined
    type_name = defined.type_name if defined else type_of(str(shown["apiVersion"]), str(shown["kind"])) or ""
    if parts := atomic_parts(type_name, configuration):
        why = f"may not mutate atomic arrays, maps or structs: {', '.join(parts)}"
        raise RuleError(f"error applying patch: invalid ApplyConfiguration: {why}")
    try:
        return merge_applied(type_name, shown, configuration)
    except ApiError as error:
        raise RuleError(f"error applying patch: {error.message}") from None


def _check_fields(configuration: Doc, shown: Doc, resource: Resource) -> None:
    """Refuse a configuration with fields that the kind does not have."""
    document = deepcopy({**configuration, "apiVersion": shown["apiVersion"], "kind": shown["kind"]})
    try:
        found = shaped(document, resource) if resource.defined else decode(shown["apiVersion"], shown["kind"], document)
    except ApiError as error:
        raise RuleError(f"{_UNTYPED}: {error.message}") from None
    if found.unknown:
        path = found.unknown[0].partition('"')[2].rstrip('"')
        raise RuleError(f"{_UNTYPED}: .{path}: field not declared in schema")


def _patched(shown: Doc, value: Any, resource: Resource) -> Doc:
    """The object with a patch applied; unchanged if a test of the patch fails."""
    if not isinstance(value, list) or any(made_type(each) != JSON_PATCH for each in value):
        raise RuleError("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
    operations = _json(value)
    try:
        return apply_json_patch(shown, operations)
    except ApiError as error:
        if is_failed_test(error):
            return shown
        raise RuleError(f"JSONPath: {error.message}") from None


def _json(value: Any) -> Any:
    try:
        return json_value(value)
    except ValueError as error:
        raise RuleError(str(error)) from None


# Type of a patch -> the field that it is in, and how it changes an object.
_PATCHES: dict[str, tuple[str, Callable[[Doc, Any, Resource], Doc]]] = {
    "ApplyConfiguration": ("applyConfiguration", _applied),
    "JSONPatch": ("jsonPatch", _patched),
}

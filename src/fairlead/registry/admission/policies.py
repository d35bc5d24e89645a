"""ValidatingAdmissionPolicies: expressions that judge what is to be written.

Upstream: apiserver ``pkg/admission/plugin/policy/validating`` and ``policy/generic``.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import LabelSelector
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.conditions import judge, value_of
from fairlead.registry.admission.dispatch import Surroundings, as_shown
from fairlead.registry.admission.matching import Matcher, read_matcher
from fairlead.registry.admission.variables import Variables, variables_of
from fairlead.registry.cel.budget import Budget, RuleError
from fairlead.registry.cel.expressions import plain
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.status import ApiError, forbidden
from fairlead.registry.store import State

POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS = "validatingadmissionpolicybindings.admissionregistration.k8s.io"
_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_LONGEST_MESSAGE = 5 << 10


class _Policy(NamedTuple):
    name: str
    spec: Doc
    matcher: Matcher

    @property
    def fails_open(self) -> bool:
        return bool(self.spec["failurePolicy"] == "Ignore")


class _Binding(NamedTuple):
    name: str
    policy: str
    actions: tuple[str, ...]
    matcher: Matcher | None
    parameters: Doc | None


class _Fault(NamedTuple):
    """Why a policy is not content. One of its configuration refuses the request whatever the binding's actions."""

    policy: str
    message: str
    binding: str = ""
    reason: str = "Invalid"
    actions: tuple[str, ...] = ("Deny",)


class _Misconfigured(Exception):
    """A policy or binding that cannot be applied; the text says why."""


@lru_cache(maxsize=256)
def _policy(document: bytes) -> _Policy:
    policy: Doc = msgspec.json.decode(document)
    spec = policy["spec"]
    matcher = read_matcher(spec["matchConstraints"], "resourceRules", "excludeResourceRules")
    return _Policy(policy["metadata"]["name"], spec, matcher)


@lru_cache(maxsize=256)
def _binding(document: bytes) -> _Binding:
    binding: Doc = msgspec.json.decode(document)
    spec = binding["spec"]
    limits = spec.get("matchResources")
    matcher = read_matcher(limits, "resourceRules", "excludeResourceRules") if limits else None
    actions = tuple(spec["validationActions"])
    return _Binding(binding["metadata"]["name"], spec["policyName"], actions, matcher, spec.get("paramRef"))


def check_policies(attempt: Attempt, state: State, around: Surroundings) -> None:
    """Hold an attempt against all policies that are bound.

    Raises:
        ApiError: one refuses it.
    """
    denied = None
    for fault in _faults(attempt, state, around):
        if "Warn" in fault.actions:
            around.warn(
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
    name = attempt.name or "Unknown/errorGettingName"
    refusal = forbidden(attempt.resource.plural, name, message, attempt.resource.group, [{"message": message}])
    return ApiError(_CODES.get(fault.reason, 422), fault.reason, refusal.message, refusal.details)


def _faults(attempt: Attempt, state: State, around: Surroundings) -> Iterator[_Fault]:
    bindings = [_binding(stored.document) for _, stored in sorted(state.of(BINDINGS).items())]
    for _, stored in sorted(state.of(POLICIES).items()):
        policy = _policy(stored.document)
        bound = [binding for binding in bindings if binding.policy == policy.name]
        resource = policy.matcher.resource(attempt, around.table) if bound else None
        if resource is None:
            continue
        names = _Names(attempt, resource, state, around)
        for binding in bound:
            if binding.matcher is None or binding.matcher.resource(attempt, around.table) is not None:
                yield from _bound_faults(policy, binding, names)


class _Names:
    """The variables of an attempt, made when they are first asked for."""

    def __init__(self, attempt: Attempt, resource: Resource, state: State, around: Surroundings) -> None:
        self.attempt, self.state, self.around = attempt, state, around
        self._resource = resource
        self._known: dict[str, Any] | None = None

    def with_parameter(self, parameter: Doc | None) -> dict[str, Any]:
        """All variables but those that the policy defines itself."""
        if self._known is None:
            shown = as_shown(self.attempt, self._resource, self.around.shown)
            known = variables_of(shown, self._resource, self.around.authorizer)
            self._known = {**known, "namespaceObject": plain(self._namespace())}
        return {**self._known, "params": plain(parameter)}

    def _namespace(self) -> Doc | None:
        if self.attempt.is_namespace or not self.attempt.namespace:
            return None
        stored = self.state.get("namespaces", ObjectKey("", self.attempt.namespace))
        found: Doc | None = msgspec.json.decode(stored.document) if stored else None
        return found


def _bound_faults(policy: _Policy, binding: _Binding, names: _Names) -> Iterator[_Fault]:
    try:
        parameters = _parameters(policy, binding, names)
    except _Misconfigured as error:
        if not policy.fails_open:
            yield _Fault(policy.name, f"failed to configure binding: {error}", binding.name)
        return
    for parameter in parameters:
        yield from _validations(policy, binding, names.with_parameter(parameter))


def _parameters(policy: _Policy, binding: _Binding, names: _Names) -> list[Doc | None]:
    """The objects that a policy is to be evaluated with, one after the other."""
    kind, reference = policy.spec.get("paramKind"), binding.parameters
    if kind is None or reference is None:
        return [None]
    resource = _resource_of(kind, names.around.table)
    namespace = _namespace_of(reference, resource, names.attempt)
    documents = _selected(reference, resource, namespace, names.state)
    if not documents and reference["parameterNotFoundAction"] == "Deny":
        raise _Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [names.around.shown(document, resource) for document in documents]


def _resource_of(kind: Doc, table: ResourceTable) -> Resource:
    wanted = kind["apiVersion"], kind["kind"]
    found = next((row for row in table.rows if (row.group_version, row.kind) == wanted), None)
    if found is None:
        raise _Misconfigured(f"paramKind kind `{kind['apiVersion']}, Kind={kind['kind']}` not known")
    return found


def _namespace_of(reference: Doc, resource: Resource, attempt: Attempt) -> str:
    given = str(reference.get("namespace") or "")
    if not resource.namespaced:
        if given:
            raise _Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    namespace = given or ("" if attempt.is_namespace else attempt.namespace)
    if not namespace:
        raise _Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    return namespace


def _selected(reference: Doc, resource: Resource, namespace: str, state: State) -> list[Doc]:
    if name := reference.get("name"):
        stored = state.get(resource.storage, ObjectKey(namespace, name))
        return [msgspec.json.decode(stored.document)] if stored else []
    selector = requirements(msgspec.convert(reference.get("selector") or {}, LabelSelector))
    found = sorted(state.of(resource.storage).items())
    return [
        msgspec.json.decode(stored.document)
        for key, stored in found
        if key.namespace == namespace and matches(selector, stored.labels)
    ]


def _validations(policy: _Policy, binding: _Binding, known: dict[str, Any]) -> Iterator[_Fault]:
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
    """There is no audit log, so annotations are evaluated for their failures alone."""
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

"""Policies and their bindings: which of them apply to an attempt, and with which parameters.

Upstream: apiserver ``pkg/admission/plugin/policy/generic``.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import LabelSelector
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.dispatch import WebhookContext, as_shown
from fairlead.registry.admission.matching import Matcher, read_matcher
from fairlead.registry.admission.variables import variables_of
from fairlead.registry.cel.expressions import plain
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.status import ApiError, forbidden
from fairlead.registry.store import State


class BoundPolicy(NamedTuple):
    """A policy; ``spec`` is as it is stored."""

    name: str
    spec: Doc
    matcher: Matcher

    @property
    def fails_open(self) -> bool:
        """Whether requests pass when the policy cannot be evaluated."""
        return bool(self.spec["failurePolicy"] == "Ignore")


class PolicyBinding(NamedTuple):
    """The scope of a policy.

    Attributes:
        actions: ``validationActions``; a binding of a mutating policy has none.
        matcher: None if only the policy's own applies.
        parameters: ``paramRef``.
    """

    name: str
    policy: str
    actions: tuple[str, ...]
    matcher: Matcher | None
    parameters: Doc | None


class PolicyKinds(NamedTuple):
    """The two resources of a type of policy, by their qualified names."""

    policies: str
    bindings: str


VALIDATING = PolicyKinds(
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
)
MUTATING = PolicyKinds(
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
)


class Misconfigured(Exception):
    """A policy or binding that cannot be applied; the text says why."""


@lru_cache(maxsize=256)
def _policy(document: bytes) -> BoundPolicy:
    policy: Doc = msgspec.json.decode(document)
    spec = policy["spec"]
    matcher = read_matcher(spec["matchConstraints"], "resourceRules", "excludeResourceRules")
    return BoundPolicy(policy["metadata"]["name"], spec, matcher)


@lru_cache(maxsize=256)
def _binding(document: bytes) -> PolicyBinding:
    binding: Doc = msgspec.json.decode(document)
    spec = binding["spec"]
    limits = spec.get("matchResources")
    matcher = read_matcher(limits, "resourceRules", "excludeResourceRules") if limits else None
    actions = tuple(spec.get("validationActions") or ())
    return PolicyBinding(binding["metadata"]["name"], spec["policyName"], actions, matcher, spec.get("paramRef"))


def bound_policies(state: State, kinds: PolicyKinds) -> list[tuple[BoundPolicy, list[PolicyBinding]]]:
    """All bound policies of a type, by their names, with their bindings."""
    bindings = [_binding(stored.document) for _, stored in sorted(state.of(kinds.bindings).items())]
    policies = [_policy(stored.document) for _, stored in sorted(state.of(kinds.policies).items())]
    found = [(policy, [each for each in bindings if each.policy == policy.name]) for policy in policies]
    return [(policy, bound) for policy, bound in found if bound]


def refusal(attempt: Attempt, message: str) -> ApiError:
    """The refusal of an attempt by a policy, with the message as its cause."""
    name = attempt.name or "Unknown/errorGettingName"
    return forbidden(attempt.resource.plural, name, message, attempt.resource.group, [{"message": message}])


def applies(binding: PolicyBinding, attempt: Attempt, table: ResourceTable) -> bool:
    """Whether a binding applies its policy to an attempt."""
    return binding.matcher is None or binding.matcher.resource(attempt, table) is not None


class Names:
    """The variables of an attempt, made when they are first asked for."""

    def __init__(self, attempt: Attempt, resource: Resource, state: State, context: WebhookContext) -> None:
        self.attempt, self.state, self.context = attempt, state, context
        self._resource = resource
        self._known: dict[str, Any] | None = None

    def with_parameter(self, parameter: Doc | None) -> dict[str, Any]:
        """All variables but those that the policy defines itself."""
        if self._known is None:
            shown = as_shown(self.attempt, self._resource, self.context.shown)
            known = variables_of(shown, self._resource, self.context.authorizer)
            self._known = {**known, "namespaceObject": plain(self._namespace())}
        return {**self._known, "params": plain(parameter)}

    def _namespace(self) -> Doc | None:
        if self.attempt.is_namespace or not self.attempt.namespace:
            return None
        stored = self.state.get("namespaces", ObjectKey("", self.attempt.namespace))
        found: Doc | None = msgspec.json.decode(stored.document) if stored else None
        return found


def parameters_of(policy: BoundPolicy, binding: PolicyBinding, names: Names) -> list[Doc | None]:
    """The parameters of a policy, for one evaluation each.

    Raises:
        Misconfigured: there are no usable parameters.
    """
    kind, reference = policy.spec.get("paramKind"), binding.parameters
    if kind is None or reference is None:
        return [None]
    resource = _resource_of(kind, names.context.table)
    namespace = _namespace_of(reference, resource, names.attempt)
    documents = _selected(reference, resource, namespace, names.state)
    if not documents and reference["parameterNotFoundAction"] == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [names.context.shown(document, resource) for document in documents]


def _resource_of(kind: Doc, table: ResourceTable) -> Resource:
    wanted = kind["apiVersion"], kind["kind"]
    found = next((row for row in table.rows if (row.group_version, row.kind) == wanted), None)
    if found is None:
        raise Misconfigured(f"paramKind kind `{kind['apiVersion']}, Kind={kind['kind']}` not known")
    return found


def _namespace_of(reference: Doc, resource: Resource, attempt: Attempt) -> str:
    given = str(reference.get("namespace") or "")
    if not resource.namespaced:
        if given:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    namespace = given or ("" if attempt.is_namespace else attempt.namespace)
    if not namespace:
        raise Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
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

"""The admission of a request: first everything that can change the object, then everything that validates it.

A gate serves one attempt to answer one request. Upstream's order (``pkg/kubeapiserver/options/plugins.go``): what the
server itself adds to an object of the kind, mutating policies, mutating webhooks, the rules of the kind, validating
policies, validating webhooks.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.access.pod_security.review import review as review_pods
from fairlead.registry.admission import bindings, dispatch, mutating_policies
from fairlead.registry.admission.attempt import CONNECT, CREATE, DELETE, UPDATE, Attempt
from fairlead.registry.admission.authorizer import Authorizer
from fairlead.registry.admission.matching import OF_POLICIES, OF_WEBHOOKS, is_exempt
from fairlead.registry.admission.mutation import Mutator, mutate
from fairlead.registry.admission.options import options_of
from fairlead.registry.admission.validating_policies import check_policies
from fairlead.registry.admission.webhook import MUTATING, VALIDATING, webhooks
from fairlead.registry.conversion import converted
from fairlead.registry.documents.bodies import check_kind
from fairlead.registry.documents.other_versions import shown_under, stored_form
from fairlead.registry.environment import Environment, Write
from fairlead.registry.requests import Request, RequestTarget
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.schemas.decode import decode
from fairlead.registry.store import State
from fairlead.registry.verbs.decoding import shaped
from fairlead.registry.verbs.generic_store import canonical

AUDIT_VIOLATIONS = "pod-security.kubernetes.io/audit-violations"


class AdmissionGate:
    """The gate of one request.

    Attributes:
        warnings: for the client, beside the answer.
        notes: for the administrator; upstream's annotations of an audit event, by their keys.
    """

    def __init__(self, request: Request, table: ResourceTable, env: Environment) -> None:
        self._request, self._table, self._env = request, table, env
        self.warnings: list[str] = []
        self.notes: dict[str, str] = {}

    def mutating(self, state: State) -> Callable[[Write], Doc] | None:
        """The function by which policies and webhooks change an object; None if there are none."""
        return self.mutate if state.of(bindings.MUTATING.bindings) or state.of(MUTATING) else None

    def mutate(self, write: Write) -> Doc:
        """The object after all mutations; None for a deletion.

        Raises:
            ApiError: it is refused, or a webhook cannot be asked. Unanswered: one has to be.
        """
        resource, state = write.target.resource, write.state
        context = self._context(state, write.target)
        found: list[Mutator] = []
        if not is_exempt(resource, OF_POLICIES):
            found += mutating_policies.mutators(state, context)
        if not is_exempt(resource, OF_WEBHOOKS):
            found += dispatch.mutators(webhooks(state, MUTATING), context)
        return mutate(self._attempt(write), found, write.complete) or {}

    def review(self, write: Write) -> tuple[str, ...]:
        """Warnings about an otherwise valid write.

        Raises:
            ApiError: it is refused. Unanswered: webhooks must be called first.
        """
        told: tuple[str, ...] = ()
        if write.new is not None:
            told, audited = review_pods(write.state, write.target, write.new, write.old)
            if audited:
                self.notes[AUDIT_VIOLATIONS] = audited
        state, resource = write.state, write.target.resource
        if state.of(bindings.VALIDATING.bindings) and not is_exempt(resource, OF_POLICIES):
            check_policies(self._attempt(write), state, self._context(state, write.target))
        if not is_exempt(resource, OF_WEBHOOKS) and (found := webhooks(state, VALIDATING)):
            dispatch.validate(self._attempt(write), found, self._context(state, write.target))
        return told

    def pass_connection(self, state: State, target: RequestTarget, options: Doc) -> None:
        """Admit a connection; ``options`` is the document of its kind.

        Raises:
            ApiError: it is refused. Unanswered: webhooks must be called first.
        """
        write = Write(state, target, options, None, False, CONNECT)
        self.mutate(write)
        self.review(write)

    def _attempt(self, write: Write) -> Attempt:
        operation = write.operation or (DELETE if write.new is None else UPDATE if write.old else CREATE)
        options = options_of(self._request, operation, write.dry_run)
        new, old, target = write.new, write.old, write.target
        attempt = Attempt(operation, target, self._request.user, new, old, write.dry_run, options, {})
        return _with_labels(attempt, write.state)

    def _context(self, state: State, target: RequestTarget) -> dispatch.WebhookContext:
        has_own_kind = target.subresource is not None and bool(target.subresource.kind)
        shown, taken = (_unchanged, _of_own_kind) if has_own_kind else (self._show, self._taking(target))
        authorizer = Authorizer(self._request.user, state, _about(target))
        return dispatch.WebhookContext(self._table, self._env.answers, shown, taken, self.warnings.append, authorizer)

    def _show(self, document: Doc, resource: Resource) -> Doc:
        if resource.view_of:
            viewed: Doc = msgspec.json.decode(shown_under(resource, msgspec.json.encode(document)))
            return viewed
        if resource.defined:
            return converted([document], resource, resource.group_version, self._env.answers)[0]
        return document

    def _taking(self, target: RequestTarget) -> Callable[[Doc, Resource], Doc]:
        def taken(document: Doc, resource: Resource) -> Doc:
            check_kind(document, resource.group_version, resource.kind)
            document = shaped(document, resource).document
            if resource.view_of:
                document = stored_form(resource, document)
            if resource.defined:
                own = target.resource.group_version if resource.defined.conversion else resource.defined.stored_as
                (document,) = converted([document], resource, own, self._env.answers)
            return canonical(document, target.resource, self._env.kinds.strategy(target.resource))

        return taken


def _about(target: RequestTarget) -> dict[str, str]:
    """What a request is about, as a check of permissions has it."""
    side = target.subresource.name if target.subresource else ""
    resource = {"group": target.resource.group, "resource": target.resource.plural, "subresource": side}
    return {**resource, "namespace": target.namespace, "name": target.name}


def _with_labels(attempt: Attempt, state: State) -> Attempt:
    """For a written Namespace its new labels; else those of the stored namespace."""
    if attempt.is_namespace and not attempt.side and attempt.new is not None:
        labels = attempt.new.get("metadata", {}).get("labels") or {}
    else:
        stored = state.get("namespaces", ObjectKey("", attempt.namespace))
        labels = stored.labels if stored else {}
    return replace(attempt, namespace_labels=labels)


def _unchanged(document: Doc, resource: Resource) -> Doc:
    return document


def _of_own_kind(document: Doc, resource: Resource) -> Doc:
    """The document of a subresource with a kind of its own."""
    return decode(str(document.get("apiVersion", "")), str(document.get("kind", "")), document).document

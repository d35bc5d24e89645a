"""Calls of webhooks: mutating ones one after the other, validating ones all at once.

Upstream: apiserver ``pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.conditions import judge
from fairlead.registry.admission.mutation import Mutated, Mutator
from fairlead.registry.admission.review import (
    GROUP,
    REVIEW,
    InvalidAnswer,
    WebhookVerdict,
    denial,
    read_verdict,
    request_of,
)
from fairlead.registry.admission.variables import variables_of
from fairlead.registry.admission.webhook import Webhook
from fairlead.registry.cel.budget import Budget
from fairlead.registry.documents.patching.json_patch import apply_json_patch
from fairlead.registry.questions import Answers, ReviewQuestion, ServerAnswer, answers_to, question
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.status import ApiError, bad_request, forbidden, internal_error


class WebhookContext(NamedTuple):
    """The context of webhook calls.

    Attributes:
        table: all resources, among them those that show the same objects under other versions.
        answers: the answers so far.
        shown: an object as a resource shows it.
        taken: (object as a resource shows it, that resource) -> as it is stored, completed, with its kind's fields.
        authorizer: for expressions, who may do what.
    """

    table: ResourceTable
    answers: Answers
    shown: Callable[[Doc, Resource], Doc]
    taken: Callable[[Doc, Resource], Doc]
    warn: Callable[[str], None]
    authorizer: object = None


class _Invocation(NamedTuple):
    webhook: Webhook
    resource: Resource


def mutators(webhooks: Sequence[Webhook], context: WebhookContext) -> list[Mutator]:
    """The mutating webhooks as mutators."""
    return [Mutator(each.identity, each.is_reinvoked, partial(_change, each, context)) for each in webhooks]


def _change(webhook: Webhook, context: WebhookContext, attempt: Attempt) -> Mutated | None:
    if (invocation := _invocation(webhook, attempt, context)) is None:
        return None
    changed = _changed(invocation, attempt, context)
    return Mutated(changed, changed is not attempt.new)


def _changed(invocation: _Invocation, attempt: Attempt, context: WebhookContext) -> Doc | None:
    webhook, resource = invocation
    (answer,) = answers_to([_question(invocation, attempt, context)], context.answers)
    verdict = _verdict(webhook, answer, context, may_patch=True)
    if verdict is None or not verdict.patch:
        return attempt.new
    if attempt.new is None:
        raise internal_error(
            f'admission webhook "{webhook.name}" attempted to modify the object, '
            "which is not supported for this operation"
        )
    shown = context.shown(attempt.new, resource)
    try:
        patched = apply_json_patch(shown, list(verdict.patch))
        return attempt.new if patched == shown else context.taken(patched, resource)
    except ApiError as error:
        raise internal_error(error.message) from None


def validate(attempt: Attempt, webhooks: Sequence[Webhook], context: WebhookContext) -> None:
    """Call all validating webhooks about an object to be stored.

    Raises:
        ApiError: one denies it, or could not be asked. Unanswered: they have to be asked.
    """
    invocations = [found for webhook in webhooks if (found := _invocation(webhook, attempt, context))]
    answers = answers_to([_question(each, attempt, context) for each in invocations], context.answers)
    for invocation, answer in zip(invocations, answers, strict=True):
        _verdict(invocation.webhook, answer, context, may_patch=False)


def _invocation(webhook: Webhook, attempt: Attempt, context: WebhookContext) -> _Invocation | None:
    """The call of a webhook; None if it does not apply to the attempt."""
    resource = webhook.matcher.resource(attempt, context.table)
    if resource is None or not _conditions_hold(webhook, attempt, resource, context):
        return None
    if attempt.dry_run and not webhook.allows_dry_run:
        raise bad_request(f'admission webhook "{webhook.name}" does not support dry run')
    return _Invocation(webhook, resource)


def _conditions_hold(webhook: Webhook, attempt: Attempt, resource: Resource, context: WebhookContext) -> bool:
    if not webhook.conditions:
        return True
    shown = as_shown(attempt, resource, context.shown)
    found = judge(webhook.conditions, variables_of(shown, resource, context.authorizer), Budget())
    if found.failure and not webhook.fails_open:
        raise forbidden(attempt.resource.plural, attempt.name, found.failure, attempt.resource.group)
    return found.holds


def as_shown(attempt: Attempt, resource: Resource, shown: Callable[[Doc, Resource], Doc]) -> Attempt:
    """The attempt with its objects as a resource shows them."""
    new, old = (None if each is None else shown(each, resource) for each in (attempt.new, attempt.old))
    return replace(attempt, new=new, old=old)


def _question(invocation: _Invocation, attempt: Attempt, context: WebhookContext) -> ReviewQuestion:
    webhook, resource = invocation
    request = request_of(as_shown(attempt, resource, context.shown), resource)
    return question(webhook.server, REVIEW, f"{GROUP}/{webhook.version}", request, webhook.seconds)


def _verdict(webhook: Webhook, answer: ServerAnswer, context: WebhookContext, may_patch: bool) -> WebhookVerdict | None:
    """The webhook's verdict; None if it could not be called and failures are ignored."""
    try:
        if answer.failure:
            raise InvalidAnswer(f"failed to call webhook: {answer.failure}")
        verdict = read_verdict(answer, webhook.version, may_patch)
    except InvalidAnswer as error:
        if webhook.fails_open:
            return None
        raise internal_error(f'failed calling webhook "{webhook.name}": {error}') from None
    for text in verdict.warnings:
        context.warn(text)
    if not verdict.allowed:
        raise denial(webhook.name, verdict.status)
    return verdict

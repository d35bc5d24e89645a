"""The AdmissionReview: the request to a webhook, and its response.

Upstream: apiserver ``pkg/admission/plugin/webhook/{request,errors}``; k8s.io/api ``admission/v1/types.go``.
"""

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.questions import ServerAnswer
from fairlead.registry.requests import User
from fairlead.registry.resources import Resource
from fairlead.registry.status import ApiError

REVIEW, GROUP = "AdmissionReview", "admission.k8s.io"
VERSIONS = ("v1", "v1beta1")


class InvalidAnswer(Exception):
    """The server's answer is no valid webhook response; the text says why."""


def _invalid(why: str) -> InvalidAnswer:
    return InvalidAnswer(f"received invalid webhook response: {why}")


class WebhookVerdict(NamedTuple):
    """The verdict of a webhook.

    Attributes:
        patch: the operations of a JSON patch; empty when it changes nothing.
        status: with a refusal, the Status that the webhook gives.
    """

    allowed: bool
    warnings: tuple[str, ...] = ()
    patch: tuple[Any, ...] = ()
    status: Doc | None = None


def request_of(attempt: Attempt, resource: Resource) -> Doc:
    """The request of a review, without its uid, with the attempt as one on ``resource``."""
    side = {"subResource": attempt.side} if attempt.side else {}
    asked_side = {"requestSubResource": attempt.side} if attempt.side else {}
    return {
        "kind": attempt.kind_under(resource).document,
        "resource": _resource(resource),
        **side,
        "requestKind": attempt.kind_under(attempt.resource).document,
        "requestResource": _resource(attempt.resource),
        **asked_side,
        **({"name": attempt.name} if attempt.name else {}),
        **({"namespace": attempt.namespace} if attempt.namespace else {}),
        "operation": attempt.operation,
        "userInfo": user_info(attempt.user),
        "object": attempt.new,
        "oldObject": attempt.old,
        "dryRun": attempt.dry_run,
        "options": attempt.options,
    }


def user_info(user: User) -> Doc:
    """A user as reviews and expressions have them."""
    document: Doc = {"username": user.name}
    if user.uid:
        document["uid"] = user.uid
    if user.groups:
        document["groups"] = list(user.groups)
    if user.extra:
        document["extra"] = {name: list(values) for name, values in user.extra.items()}
    return document


def _resource(resource: Resource) -> Doc:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


class _Response(msgspec.Struct, rename="camel"):
    uid: str = ""
    allowed: bool = False
    status: dict[str, Any] | None = None
    patch: str | None = None
    patch_type: str | None = None
    warnings: list[str] | None = None


class _Review(msgspec.Struct, rename="camel"):
    kind: str = ""
    api_version: str = ""
    response: _Response | None = None


def read_verdict(answer: ServerAnswer, version: str, may_patch: bool) -> WebhookVerdict:
    """The verdict in the answer to a review of a version.

    Raises:
        InvalidAnswer: it is none.
    """
    try:
        review = msgspec.json.decode(answer.body, type=_Review)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _invalid(str(error)) from None
    if review.response is None:
        raise _invalid("webhook response was absent")
    if version == "v1":
        _check_form(review, answer, may_patch)
    response = review.response
    patch = _patch(response.patch) if response.patch and may_patch else ()
    return WebhookVerdict(response.allowed, tuple(response.warnings or ()), patch, response.status)


def _check_form(review: _Review, answer: ServerAnswer, may_patch: bool) -> None:
    wanted, response = f"{GROUP}/v1, Kind={REVIEW}", review.response
    assert response is not None
    if (given := f"{review.api_version}, Kind={review.kind}") != wanted:
        raise _invalid(f"expected webhook response of {wanted}, got {given}")
    if response.uid != answer.uid:
        raise _invalid(f'expected response.uid="{answer.uid}", got "{response.uid}"')
    if not may_patch:
        if response.patch:
            raise _invalid("validating webhook may not return response.patch")
        if response.patch_type is not None:
            raise _invalid("validating webhook may not return response.patchType")
    elif response.patch:
        if response.patch_type is None:
            raise _invalid("webhook returned response.patch but not response.patchType")
        if response.patch_type != "JSONPatch":
            raise _invalid(f'webhook returned invalid response.patchType of "{response.patch_type}"')
    elif response.patch_type is not None:
        raise _invalid("webhook returned response.patchType but not response.patch")


def _patch(encoded: str) -> tuple[Any, ...]:
    try:
        operations = msgspec.json.decode(base64.b64decode(encoded, validate=True))
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise InvalidAnswer(f"received undecodable patch in webhook response: {error}") from None
    if not isinstance(operations, list):
        raise InvalidAnswer("received undecodable patch in webhook response: it is no list of operations")
    return tuple(operations)


def denial(webhook: str, status: Doc | None) -> ApiError:
    """The refusal of a request that a webhook has denied."""
    status = status or {}
    given = {name: status[name] for name, type_ in _STATUS.items() if isinstance(status.get(name), type_)}
    denied = f'admission webhook "{webhook}" denied the request'
    why = given.get("message") or given.get("reason") or ""
    code = given.get("code") or 0
    return ApiError(
        code if 400 <= code <= 599 else 403,
        given.get("reason") or ("" if code else "Forbidden"),
        f"{denied}: {why}" if why else f"{denied} without explanation",
        given.get("details"),
    )


_STATUS: dict[str, type] = {"code": int, "reason": str, "message": str, "details": dict}

"""Objects of custom kinds under another version of their kind: renamed, or converted by a webhook.

An object keeps the version that it was stored under, until it is written again. Upstream: apiextensions-apiserver
``pkg/apiserver/conversion``.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.defined_kind import Conversion
from fairlead.registry.questions import Answers, ServerAnswer, answers_to, question
from fairlead.registry.resources import Resource
from fairlead.registry.status import ApiError, internal_error

REVIEW, GROUP = "ConversionReview", "apiextensions.k8s.io"
_SECONDS = 30
_FIXED = ("name", "namespace", "uid")  # metadata fields that a webhook must not change
_FREE = ("labels", "annotations")


class _Result(msgspec.Struct, rename="camel"):
    status: str = ""
    message: str = ""


class _Response(msgspec.Struct, rename="camel"):
    uid: str = ""
    converted_objects: list[Any] | None = None
    result: _Result | None = None


class _Review(msgspec.Struct, rename="camel"):
    kind: str = ""
    api_version: str = ""
    response: _Response | None = None


def is_converted(resource: Resource) -> bool:
    """Whether a webhook has to be asked before objects are shown under another version of their kind."""
    return resource.defined is not None and resource.defined.conversion is not None


def shown_as(documents: Sequence[bytes], resource: Resource, answers: Answers) -> Sequence[bytes]:
    """Stored documents as a resource of a custom kind shows them; other documents unchanged.

    Raises:
        ApiError: 500, they cannot be converted. Unanswered: a webhook has to be asked.
    """
    if not is_converted(resource):
        return documents
    parsed = [msgspec.json.decode(document) for document in documents]
    return [msgspec.json.encode(each) for each in converted(parsed, resource, resource.group_version, answers)]


def converted(documents: Sequence[Doc], resource: Resource, version: str, answers: Answers) -> list[Doc]:
    """Objects of a resource under an apiVersion of its kind.

    Raises:
        ApiError: 500, they cannot be converted. Unanswered: a webhook has to be asked.
    """
    assert resource.defined is not None
    conversion = resource.defined.conversion
    if conversion is None:
        return [{**document, "apiVersion": version} for document in documents]
    others = [document for document in documents if document["apiVersion"] != version]
    if not others:
        return list(documents)
    made = iter(_converted_by_webhook(others, conversion, version, answers))
    return [document if document["apiVersion"] == version else next(made) for document in documents]


def _converted_by_webhook(documents: list[Doc], conversion: Conversion, version: str, answers: Answers) -> list[Doc]:
    review = f"{GROUP}/{conversion.review_version}"
    request = {"desiredAPIVersion": version, "objects": documents}
    (answer,) = answers_to([question(conversion.server, REVIEW, review, request, _SECONDS)], answers)
    kind = f"{documents[0]['apiVersion']}, Kind={documents[0]['kind']}"
    if answer.failure:
        raise _failed(kind, answer.failure)
    objects = _objects(answer, kind)
    if len(objects) != len(documents):
        raise _failed(kind, f"returned {len(objects)} objects, expected {len(documents)}", "")
    return [_checked(*each, version, kind) for each in zip(range(len(objects)), documents, objects, strict=True)]


def _objects(answer: ServerAnswer, kind: str) -> list[Any]:
    try:
        review = msgspec.json.decode(answer.body, type=_Review)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _failed(kind, str(error)) from None
    response = review.response
    if response is None:
        raise _failed(kind, "webhook response was absent")
    if response.uid != answer.uid:
        raise _failed(kind, f'expected response.uid="{answer.uid}", got "{response.uid}"')
    result = response.result or _Result()
    if result.status != "Success":
        raise _failed(kind, result.message or f"response.result.status was '{result.status}', not 'Success'")
    return response.converted_objects or []


def _checked(index: int, before: Doc, after: Any, version: str, kind: str) -> Doc:
    """A converted object, with its original metadata except labels and annotations."""
    why = _misfit(before, after, version)
    if why:
        raise _failed(kind, f"returned invalid converted object at index {index}: {why}", "")
    metadata = {name: value for name, value in before["metadata"].items() if name not in _FREE}
    given = after["metadata"]
    free = {name: given[name] for name in _FREE if isinstance(given.get(name), dict) and given[name]}
    return {**after, "metadata": {**metadata, **free}}


def _misfit(before: Doc, after: Any, version: str) -> str:
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        return "it is no object with metadata"
    if after.get("apiVersion") != version:
        return f"invalid groupVersion, expected {version}, received {after.get('apiVersion')}"
    if after.get("kind") != before["kind"]:
        return f"invalid kind, expected {before['kind']}, received {after.get('kind')}"
    for name in _FIXED:
        wanted, given = before["metadata"].get(name, ""), after["metadata"].get(name, "")
        if wanted != given:
            return f"must have the same {name}: {wanted} != {given}"
    return ""


def _failed(kind: str, why: str, verb: str = "failed: ") -> ApiError:
    error = internal_error(f"conversion webhook for {kind} {verb}{why}")
    return ApiError(500, "InternalError", error.message.partition(": ")[2], error.details)

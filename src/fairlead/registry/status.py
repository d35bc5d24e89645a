"""Refusals of the API server, and the only place where they become a ``Status`` document.

Upstream: apimachinery ``pkg/api/errors/errors.go``; reasons and codes are those of ``metav1.StatusReason``.
"""

from collections.abc import Sequence

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError

MAX_FAULTS, MAX_FAULTS_TEXT = 200, 64 << 10  # faults that one refusal tells, and characters of all but the last


class ApiError(Exception):
    """A request that is refused. The class of fault is the HTTP ``code`` and the machine-readable ``reason``."""

    def __init__(self, code: int, reason: str, message: str, details: Doc | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Doc:
        """The ``Status`` document for the response body."""
        document: Doc = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details is not None:
            document["details"] = self.details
        return document


def _details(name: str, group: str, kind: str) -> Doc:
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def qualified(plural: str, group: str) -> str:
    """A resource as messages name it: ``services``, ``endpointslices.discovery.k8s.io``."""
    return f"{plural}.{group}" if group else plural


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def too_many_values(limit: int) -> ApiError:
    message = f"the body of the request is made of more than {limit} values"
    return ApiError(413, "RequestEntityTooLarge", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(plural: str, name: str, why: str, group: str = "", causes: Sequence[Doc] = ()) -> ApiError:
    """403 for an object, for a collection without ``name``, for a path without ``plural``."""
    details = _details(name, group, plural)
    if causes:
        details["causes"] = list(causes)
    subject = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}" if subject else f"forbidden: {why}", details)


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def success(code: int, details: Doc | None = None) -> Doc:
    """The ``Status`` that answers a request which has no object to return."""
    document: Doc = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}
    if details:
        del document["code"]
        document["details"] = details
    return document


def not_found(plural: str, name: str, group: str = "") -> ApiError:
    return ApiError(404, "NotFound", f'{qualified(plural, group)} "{name}" not found', _details(name, group, plural))


def no_such_resource() -> ApiError:
    """The answer to a path that names no resource, which kubectl reports as an unknown resource type. Its details are
    present but empty, because some of kubectl's commands read them (``debug``)."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(plural: str, name: str, group: str = "") -> ApiError:
    message = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(name, group, plural))


def conflict(plural: str, name: str, why: str, group: str = "") -> ApiError:
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(name, group, plural))


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def invalid(kind: str, name: str, errors: Sequence[FieldError], group: str = "") -> ApiError:
    """422 for a document with invalid fields: the faults in the message, one cause for each, a few hundred at most."""
    errors = _first_faults(errors)
    texts = [str(error) for error in errors]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(name, group, kind)
    details["causes"] = [{"reason": e.type.reason, "message": e.body, "field": e.path} for e in errors]
    subject = f"{kind}.{group}" if group else kind
    return ApiError(422, "Invalid", f'{subject} "{name}" is invalid: {joined}', details)


def _first_faults(errors: Sequence[FieldError]) -> list[FieldError]:
    told, size = [], 0
    for error in errors[:MAX_FAULTS]:
        told.append(error)
        size += len(str(error))
        if size > MAX_FAULTS_TEXT:
            break
    return told


def internal_error(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})

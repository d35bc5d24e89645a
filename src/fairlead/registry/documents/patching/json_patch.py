"""JSON patch, RFC 6902, by the ``jsonpatch`` library; here only its refusals are put into a Status."""

from itertools import pairwise
from typing import Any

import jsonpatch
import jsonpointer
import msgspec

from fairlead.model.document import Doc
from fairlead.registry.documents.bodies import check_size
from fairlead.registry.status import ApiError, bad_request

MAX_OPERATIONS = 10_000  # upstream's, apiserver ``pkg/endpoints/handlers/patch.go``
# Copies of copies double a document each time, so its size is checked after each copy.
MAX_BYTES = 3 << 20
MAX_COPIES = 100


def apply_json_patch(document: Doc, operations: list[Any]) -> Doc:
    """The document with all operations applied in order; the argument is not changed.

    Raises:
        ApiError: 413 too many operations, 400 not a JSON patch, 422 an operation does not fit the document.
    """
    if len(operations) > MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", message)
    try:
        result: Any = msgspec.json.decode(msgspec.json.encode(document))
        for chunk in _up_to_each_copy(operations):
            result = jsonpatch.apply_patch(result, chunk, in_place=True)
            if chunk is not operations and len(msgspec.json.encode(result)) > MAX_BYTES:
                raise ApiError(413, "RequestEntityTooLarge", "the JSON patch makes the object too large")
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(f"the JSON patch is malformed: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        message = f"the server rejected our request due to an error in our request: {_reason(error)}"
        raise ApiError(422, "Invalid", message) from error
    except (TypeError, KeyError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise bad_request(f"the JSON patch does not fit the document: {error}") from error
    if not isinstance(result, dict):
        raise bad_request("the JSON patch leaves no JSON object")
    check_size(result)  # operations can put a part of the document into another again and again
    return result


def is_failed_test(error: ApiError) -> bool:
    """Whether a patch was refused because one of its tests does not hold."""
    return isinstance(error.__cause__, jsonpatch.JsonPatchTestFailed)


def _reason(error: Exception) -> str:
    """The libraries' messages contain parts of the document and Python's types; the path is enough."""
    if isinstance(error, jsonpatch.JsonPatchTestFailed):
        return f"testing value {error.op.location} failed: test failed"
    return str(error).partition(" in {")[0]


def _up_to_each_copy(operations: list[Any]) -> list[list[Any]]:
    copies = [
        i for i, operation in enumerate(operations) if isinstance(operation, dict) and operation.get("op") == "copy"
    ]
    if not copies:
        return [operations]
    if len(copies) > MAX_COPIES:
        raise ApiError(413, "RequestEntityTooLarge", f"a JSON patch may hold at most {MAX_COPIES} copy operations")
    edges = [0, *(index + 1 for index in copies), len(operations)]
    return [operations[start:end] for start, end in pairwise(edges) if start < end]

"""Lists: whole or in pages, their resourceVersion, and refused options.

A page's continue token names the state that it was read from, so that all pages show the same state; if that state is
no longer kept, the client must start again (410). Rules of the options: apimachinery
``pkg/apis/meta/internalversion/validation``; of versions: "Resource versions" in the Kubernetes API concepts.
"""

import base64
from bisect import bisect_right
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.field_errors import FieldError, forbidden, not_supported
from fairlead.registry.requests import Request, integer_option
from fairlead.registry.selectors import Selection
from fairlead.registry.status import ApiError, bad_request, expired, invalid
from fairlead.registry.store import State

_MATCHES = ("", "Exact", "NotOlderThan")


class ListPage(NamedTuple):
    """Part of a list. ``state`` is the one that further pages must be read from; None after the last page."""

    documents: list[bytes]
    metadata: dict[str, str | int]
    state: State | None


class _Token(msgspec.Struct):
    """The begin of the next page: after this object, in the state of this version."""

    rv: int
    namespace: str
    name: str


def read_list(
    request: Request, selection: Selection, storage: str, state_at: Callable[[int], State | None]
) -> ListPage:
    """The documents that a list request is answered with.

    Args:
        state_at: the state of a version, if it is still kept; 0 means the latest.

    Raises:
        ApiError: the options contradict each other, or the requested version is gone or in the future.
    """
    limit = integer_option(request, "limit") or 0
    token = request.query.get("continue", "")
    _check_options(request, bool(token))
    state, after = _resume(token, state_at) if token else (_state_for(request, state_at), None)
    objects = state.of(storage)
    keys = selection.candidates(objects)
    if after is not None:
        keys = keys[bisect_right(keys, after) :]
    if selection.is_narrowed:
        wanted = (key for key in keys if selection.wants(key, objects[key]))
        keys = list(islice(wanted, limit + 1 if limit else None))
    if limit and len(keys) > limit:
        left = None if selection.is_narrowed else len(keys) - limit
        return _truncated(state, storage, keys[:limit], left)
    return ListPage([objects[key].document for key in keys], {"resourceVersion": str(state.version)}, None)


def _truncated(state: State, storage: str, chosen: list[ObjectKey], left: int | None) -> ListPage:
    """A page that is not the last; the number of remaining objects is only given without selectors."""
    objects, last = state.of(storage), chosen[-1]
    token = base64.urlsafe_b64encode(msgspec.json.encode(_Token(state.version, *last))).decode().rstrip("=")
    metadata: dict[str, str | int] = {"resourceVersion": str(state.version), "continue": token}
    if left is not None:
        metadata["remainingItemCount"] = left
    return ListPage([objects[key].document for key in chosen], metadata, state)


def _resume(token: str, state_at: Callable[[int], State | None]) -> tuple[State, ObjectKey]:
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=_Token)
    except (ValueError, msgspec.DecodeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
    state = state_at(decoded.rv) if decoded.rv > 0 else None
    if state is None:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result. You must start a new "
            "list without the continue parameter."
        )
    return state, ObjectKey(decoded.namespace, decoded.name)


def _state_for(request: Request, state_at: Callable[[int], State | None]) -> State:
    latest = state_at(0)
    assert latest is not None
    version = requested_version(request, latest)
    if request.query.get("resourceVersionMatch") != "Exact" or version == latest.version:
        return latest
    state = state_at(version)
    if state is None:
        raise expired(f"The provided resource version is too old: {version} ({latest.version})")
    return state


def requested_version(request: Request, state: State) -> int:
    """The resourceVersion of a list or watch request; 0 when it does not matter.

    Raises:
        ApiError: 400 it is no version, 504 it is in the future.
    """
    version = integer_option(request, "resourceVersion") or 0
    if version > state.version:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        message = f"Timeout: Too large resource version: {version}, current: {state.version}"
        raise ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
    return version


def _check_options(request: Request, continues: bool) -> None:
    match, version = request.query.get("resourceVersionMatch", ""), request.query.get("resourceVersion", "")
    path = "resourceVersionMatch"
    faults: list[FieldError] = []
    if match not in _MATCHES:
        faults.append(not_supported(path, match, [name for name in _MATCHES if name]))
    elif match and continues:
        faults.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    elif match and not version:
        faults.append(forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    elif match == "Exact" and version == "0":
        faults.append(forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if "sendInitialEvents" in request.query:
        faults.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if continues and version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    if faults:
        raise invalid("ListOptions", "", faults, "meta.k8s.io")

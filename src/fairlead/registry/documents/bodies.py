"""Request bodies: from bytes to a document, strictly or leniently.

Refuses what is not JSON (or YAML or protobuf, where a client says so), what is not an object, and what is of another
kind than the URL. Unknown and duplicate fields are found here and refused, warned of or ignored as ``fieldValidation``
says (upstream: apiserver ``pkg/endpoints/handlers``, apimachinery ``pkg/runtime/serializer/json``).
"""

import json
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.model.yaml_loader import json_loader
from fairlead.registry.schemas.protobuf import MEDIA_TYPE as PROTOBUF
from fairlead.registry.schemas.protobuf import parse_protobuf
from fairlead.registry.status import ApiError, bad_request, too_many_values

JSON = "application/json"
YAML = ("application/yaml", "application/apply-patch+yaml")

# Deeper nesting is never intended; Go's JSON decoder refuses at 10,000, Python's own limit is near 1,000.
MAX_DEPTH = 100
# All requests share one thread, and each value of a body costs up to 20 microseconds until it is stored or refused. The
# largest documents that controllers write (1,000 endpoints with all their fields) have some 20,000.
MAX_VALUES = 50_000
MAX_YAML = 256 << 10  # bytes
SLOW_YAML = 2 << 10  # bytes of YAML that take some ten milliseconds to read
# Upstream's limit to what strict decoding lists, sigs.k8s.io/json ``saveStrictError``.
MAX_STRICT_ERRORS = 100


def media_type(content_type: str) -> str:
    """The media type without parameters; JSON if none is given."""
    return content_type.partition(";")[0].strip().lower() or JSON


def parse(body: bytes, content_type: str) -> Any:
    """The value in a body.

    Raises:
        ApiError: 415 for a media type that is not served, 400 for text that does not follow its grammar.
    """
    type_ = media_type(content_type)
    if type_ in YAML:
        return _parse_json(body) if _looks_like_json(body) and _is_json(body) else _parse_yaml(body)
    if type_ == PROTOBUF:
        value = parse_protobuf(body, MAX_VALUES)
        check_size(value)
        return value
    if not type_.endswith("json"):
        raise unsupported_media_type(type_, (JSON, YAML[0], PROTOBUF))
    return _parse_json(body)


def is_slow(body: bytes, content_type: str) -> bool:
    """Whether a body is YAML that takes too long to be read while others wait; what is JSON is read as such."""
    if media_type(content_type) not in YAML or len(body) <= SLOW_YAML:
        return False
    return not (_looks_like_json(body) and _is_json(body))


def as_json(body: bytes) -> bytes:
    """A YAML body as JSON.

    Raises:
        ApiError: 400 for text that does not follow the grammar, 413 when it is made of too many values.
    """
    return msgspec.json.encode(_parse_yaml(body))


def unsupported_media_type(given: str, served: tuple[str, ...]) -> ApiError:
    listed = ", ".join(served)
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {listed}"
        if given
        else f"the server could not understand the media type; accepted are: {listed}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def parse_object(body: bytes, content_type: str) -> Doc:
    """A body that must be a JSON object.

    Raises:
        ApiError: as ``parse``, and 400 when it is anything else.
    """
    value = parse(body, content_type)
    if not isinstance(value, dict):
        raise bad_request("the body of the request must be a JSON object")
    return value


def _parse_json(body: bytes) -> Any:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"the body of the request is not valid JSON: {error}") from error
    if len(body) > MAX_VALUES or body.count(b"{") + body.count(b"[") > MAX_DEPTH:  # else it cannot be too large
        check_size(value)
    return value


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def _is_json(body: bytes) -> bool:
    """Whether YAML is JSON, as kubectl's is, which is read a hundred times faster."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _parse_yaml(body: bytes) -> Any:
    import yaml

    if len(body) > MAX_YAML:
        raise bad_request(f"the body of the request is more than {MAX_YAML} bytes of YAML; send it as JSON")
    try:
        text = body.decode()
        _check_yaml(text)
        value = yaml.load(text, Loader=json_loader())  # noqa: S506 (a safe loader with fewer types)
        value = msgspec.json.decode(msgspec.json.encode(value))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise bad_request(f"the body of the request is not valid YAML: {error}") from error
    check_size(value)
    return value


def _check_yaml(text: str) -> None:
    """Refuse input that is dangerous for the loader, which recurses in C: deep nesting would crash the process, and
    aliases can expand a small text into an enormous document."""
    import yaml

    depth = scalars = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise bad_request("the body of the request uses YAML aliases, which are not served")
        if isinstance(event, yaml.ScalarEvent):
            scalars += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        if scalars > 2 * MAX_VALUES:  # each value may have a key
            raise too_many_values(MAX_VALUES)


def check_size(value: Any) -> None:
    """Refuse a value that is nested too deep for recursion, or made of too many values."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_VALUES:
            raise too_many_values(MAX_VALUES)
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise _too_deep()


def check_merged(document: Doc) -> None:
    """Refuse what a patch has made too large. It is nested no deeper than what was merged, and each value takes a byte
    of its text."""
    if len(msgspec.json.encode(document)) > MAX_VALUES:
        check_size(document)


def _too_deep() -> ApiError:
    return bad_request(f"the body of the request is nested deeper than {MAX_DEPTH} levels")


def duplicate_fields(body: bytes, document: Doc) -> list[str]:
    """Names of fields that occur twice in one JSON object, as ``duplicate field`` faults.

    Only the name is known, not the path: Python's decoder hands out inner objects before outer ones.

    Args:
        document: what the body says, as ``parse_object`` gave it.
    """
    found: list[str] = []
    if _has_all_fields(body, document):
        return found

    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in items:
            if name in seen and len(found) < MAX_STRICT_ERRORS:
                found.append(f'duplicate field "{name}"')
            seen.add(name)

    json.loads(body, object_pairs_hook=pairs)
    return found


def _has_all_fields(body: bytes, document: Doc) -> bool:
    """Whether no field of the body is missing in what it was decoded to, by the number of colons: a field that stands
    twice is there once, so that a colon has gone. A colon that the body escapes would make up for one."""
    return b"\\u003" not in body and body.count(b":") == msgspec.json.encode(document).count(b":")


def check_kind(document: Doc, group_version: str, kind: str) -> None:
    """Refuse a document with another kind or version than the URL; fill in missing ones.

    Raises:
        ApiError: 400.
    """
    given_version = document.setdefault("apiVersion", group_version)
    given_kind = document.setdefault("kind", kind)
    if not given_version:
        given_version = document["apiVersion"] = group_version
    if not given_kind:
        given_kind = document["kind"] = kind
    if given_version != group_version:
        raise bad_request(
            f"the API version in the data ({given_version}) does not match the expected API version ({group_version})"
        )
    if given_kind != kind:
        version = group_version.rpartition("/")[2]
        raise bad_request(f'{given_kind} in version "{version}" cannot be handled as a {kind}')

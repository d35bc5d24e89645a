"""Protobuf bodies, as clients in Go send them (kubectl from 1.32 on), decoded to the equivalent JSON document.

Only bodies of requests are read; answers are JSON, which all those clients accept beside protobuf. Upstream:
apimachinery ``pkg/runtime/serializer/protobuf`` for the envelope, ``generated.proto`` of each group for the numbers,
which stand in ``protobuf.json`` (written by ``scripts/generate_protobuf.py``). Fields that the table does not have are
skipped, as protobuf wants it.

Go writes every field that is not a pointer, the empty ones too, and protobuf does not say which are pointers. An empty
text, a zero and a false therefore count as absent, but for the fields in ``_ZERO_MATTERS``.
"""

import base64
import functools
import pkgutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Union

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.schemas.catalogue import INT_OR_STRING, QUANTITY, Cardinality, FieldType, fields_of, type_of
from fairlead.registry.schemas.protobuf_wire import fields, signed
from fairlead.registry.status import ApiError, bad_request, too_many_values

Numbers = Mapping[int, Union[str, "Numbers"]]
Octets = bytes | int

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_SECONDS = 253_402_300_799  # the end of the year 9999

# Pointers in Go whose zero or false differs from the default of an absent value.
_ZERO_MATTERS = frozenset(
    {
        ("io.k8s.api.apps.v1.DeploymentSpec", "replicas"),
        ("io.k8s.api.apps.v1.DeploymentSpec", "revisionHistoryLimit"),
        ("io.k8s.api.apps.v1.ReplicaSetSpec", "replicas"),
        ("io.k8s.api.apps.v1.StatefulSetSpec", "replicas"),
        ("io.k8s.api.apps.v1.StatefulSetSpec", "revisionHistoryLimit"),
        ("io.k8s.api.core.v1.PodSpec", "automountServiceAccountToken"),
        ("io.k8s.api.core.v1.PodSpec", "enableServiceLinks"),
        ("io.k8s.api.core.v1.PodSpec", "hostUsers"),
        ("io.k8s.api.core.v1.PodSpec", "terminationGracePeriodSeconds"),
        ("io.k8s.api.core.v1.PodSecurityContext", "fsGroup"),
        ("io.k8s.api.core.v1.PodSecurityContext", "runAsGroup"),
        ("io.k8s.api.core.v1.PodSecurityContext", "runAsUser"),
        ("io.k8s.api.core.v1.SecurityContext", "allowPrivilegeEscalation"),
        ("io.k8s.api.core.v1.SecurityContext", "runAsGroup"),
        ("io.k8s.api.core.v1.SecurityContext", "runAsUser"),
        ("io.k8s.api.core.v1.ServiceAccount", "automountServiceAccountToken"),
        ("io.k8s.api.core.v1.ServiceSpec", "allocateLoadBalancerNodePorts"),
        ("io.k8s.api.discovery.v1.EndpointConditions", "ready"),
        ("io.k8s.api.discovery.v1.EndpointConditions", "serving"),
        ("io.k8s.api.discovery.v1.EndpointConditions", "terminating"),
        (f"{_META}.DeleteOptions", "gracePeriodSeconds"),
        (f"{_META}.DeleteOptions", "orphanDependents"),
        (f"{_META}.ObjectMeta", "deletionGracePeriodSeconds"),
        (f"{_META}.OwnerReference", "blockOwnerDeletion"),
        (f"{_META}.OwnerReference", "controller"),
    }
)


class _Envelope(NamedTuple):
    api_version: str
    kind: str
    raw: bytes


class _Budget:
    """The number of values that a body can still have; an empty value takes two octets but much more time here."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise too_many_values(self._limit)


def parse_protobuf(body: bytes, max_values: int) -> Doc:
    """The document in a body.

    Raises:
        ApiError: 400 the octets are no message of a kind; 413 it has too many values; 415 the kind is not served in
            protobuf.
    """
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00")
    try:
        envelope = _envelope(body[len(_MAGIC) :])
        type_name = type_of(envelope.api_version, envelope.kind) or f"{_META}.{envelope.kind}"
        numbers = _table().get(type_name)
        if numbers is None:
            message = f"{envelope.api_version} {envelope.kind} is not served in protobuf; send application/json"
            raise ApiError(415, "UnsupportedMediaType", message)
        document = _message(type_name, numbers, envelope.raw, _Budget(max_values))
    except (ValueError, OverflowError, RecursionError) as error:
        raise bad_request(f"the body of the request is not a valid protobuf message: {error}") from error
    return {"apiVersion": envelope.api_version, "kind": envelope.kind, **document}


def _envelope(data: bytes) -> _Envelope:
    """Upstream's ``runtime.Unknown``: typeMeta 1 (apiVersion 1, kind 2), raw 2."""
    outer = dict(fields(data))
    kind = dict(fields(_octets(outer.get(1, b""))))
    return _Envelope(_text(kind.get(1, b"")), _text(kind.get(2, b"")), _octets(outer.get(2, b"")))


def _message(type_name: str, numbers: Numbers, data: bytes, budget: _Budget) -> Doc:
    document: Doc = {}
    shapes = fields_of(type_name)
    for number, value in fields(data):
        budget.spend()
        entry = numbers.get(number)
        if isinstance(entry, str):
            name, _, encoding = entry.partition(":")
            _add(document, type_name, name, _reader(shapes[name], bool(encoding), budget)(value))
        elif entry is not None:
            document |= _message(type_name, entry, _octets(value), budget)
    return document


def _add(document: Doc, type_name: str, name: str, value: Any) -> None:
    """Put a value into its field, or into the list or map of a repeated field."""
    if isinstance(value, _Item):
        document.setdefault(name, []).append(value.value)
    elif isinstance(value, _Entry):
        document.setdefault(name, {})[value.key] = value.value
    elif value or isinstance(value, dict) or (type_name, name) in _ZERO_MATTERS:
        document[name] = value


class _Item(NamedTuple):
    """One element of a list."""

    value: Any


class _Entry(NamedTuple):
    """One entry of a map."""

    key: str
    value: Any


def _reader(field: FieldType, is_base64: bool, budget: _Budget) -> Callable[[Octets], Any]:
    read = _base64 if is_base64 else functools.partial(_value, field.name, budget)
    match field.container:
        case Cardinality.LIST:
            return lambda value: _Item(read(value))
        case Cardinality.MAP:
            return lambda value: _entry(value, read)
        case _:
            return read


def _entry(value: Octets, read: Callable[[Octets], Any]) -> _Entry:
    parts = dict(fields(_octets(value)))
    return _Entry(_text(parts.get(1, b"")), read(parts.get(2, b"")))


def _value(type_name: str, budget: _Budget, value: Octets) -> Any:
    if read := _SCALARS.get(type_name):
        return read(value)
    return _message(type_name, _table().get(type_name, {}), _octets(value), budget)


def _octets(value: Octets) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("proto: wrong wireType")
    return value


def _text(value: Octets) -> str:
    return _octets(value).decode()


def _integer(value: Octets) -> int:
    if not isinstance(value, int):
        raise ValueError("proto: wrong wireType")
    return signed(value)


def _boolean(value: Octets) -> bool:
    return bool(_integer(value))


def _base64(value: Octets) -> str:
    return base64.b64encode(_octets(value)).decode()


def _first_text(value: Octets) -> str:
    """A message whose field 1 is the text that JSON has."""
    return _text(dict(fields(_octets(value))).get(1, b""))


def _json(value: Octets) -> Any:
    """A message whose field 1 is JSON."""
    return msgspec.json.decode(_first_text(value) or "null")


def _int_or_string(value: Octets) -> int | str:
    parts = dict(fields(_octets(value)))
    return _text(parts.get(3, b"")) if parts.get(1) else _integer(parts.get(2, 0))


def _moment(digits: int, value: Octets) -> str:
    """RFC 3339 text of seconds 1 and nanoseconds 2 since 1970; empty for Go's zero time."""
    parts = dict(fields(_octets(value)))
    if not parts:
        return ""
    seconds = _integer(parts.get(1, 0))
    if not 0 <= seconds <= _MAX_SECONDS:
        raise ValueError("a time lies outside the years 1970 to 9999")
    micros = min(_integer(parts.get(2, 0)), 999_999_999) // 1000 if digits else 0
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=micros)
    return moment.isoformat(timespec="microseconds" if digits else "seconds").replace("+00:00", "Z")


_SCALARS: dict[str, Callable[[Octets], Any]] = {
    "string": _text,
    "int32": _integer,
    "int64": _integer,
    "boolean": _boolean,
    INT_OR_STRING: _int_or_string,
    QUANTITY: _first_text,
    f"{_META}.Time": functools.partial(_moment, 0),
    f"{_META}.MicroTime": functools.partial(_moment, 6),
    f"{_META}.FieldsV1": _json,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _json,
}


@functools.cache
def _table() -> Mapping[str, Numbers]:
    data = pkgutil.get_data("fairlead.registry.schemas", "protobuf.json")
    assert data is not None, "the package was installed without protobuf.json"
    return {name: _numbers(table) for name, table in msgspec.json.decode(data, type=dict[str, Doc]).items()}


def _numbers(table: Doc) -> Numbers:
    return {int(number): entry if isinstance(entry, str) else _numbers(entry) for number, entry in table.items()}

"""OpenAPI v2, as much of it as kubectl before 1.29 needs: that PATCH of every kind takes ``fieldValidation``.

Those versions read it only in protobuf (gnostic's ``OpenAPIv2.proto``, whose field numbers stand below). Definitions
are left out on purpose: without them kubectl computes its patches by the merge keys that it was built with.
"""

from functools import cache

from fairlead.model.kubernetes_version import KUBERNETES
from fairlead.registry.resources import RESOURCES, Resource

PATH = "/openapi/v2"
# What clients ask for has an @ that no media type may have; they insist on a parseable one in the answer.
ACCEPTED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_LENGTH_DELIMITED = 2


def _field(number: int, content: bytes | str) -> bytes:
    """One protobuf field of text, or of an embedded message."""
    data = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@cache
def openapi_v2() -> bytes:
    """The whole document."""
    info = _field(1, "Fairlead") + _field(2, KUBERNETES)
    paths = b"".join(_field(2, _path(row)) for row in RESOURCES)
    return _field(1, "2.0") + _field(2, info) + _field(8, paths)


def _path(row: Resource) -> bytes:
    name = f"/{row.group_version}/{row.plural}/{{name}}"
    item = _field(8, _patch(row))  # PathItem.patch
    return _field(1, name) + _field(2, item)


def _patch(row: Resource) -> bytes:
    query = _field(2, "query") + _field(4, "fieldValidation") + _field(6, "string")  # QueryParameterSubSchema
    parameter = _field(1, _field(2, _field(3, query)))  # ParametersItem > Parameter > NonBodyParameter
    kind = f"group: '{row.group}'\nkind: {row.kind}\nversion: {row.version}\n"
    extension = _field(1, "x-kubernetes-group-version-kind") + _field(2, _field(2, kind))  # NamedAny > Any.yaml
    return _field(8, parameter) + _field(13, extension)

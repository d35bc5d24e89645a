"""The types of the Kubernetes API as data: their fields, and the shapes of these.

The table is ``types.json``, written by ``scripts/generate_schemas.py``. It is part of the program, and read once, on
first use. Types are named as in upstream's OpenAPI document: ``io.k8s.api.core.v1.ServiceSpec``.
"""

import enum
import functools
import pkgutil
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
TIMES = {TIME, MICRO_TIME}
SCALARS = {"string", "int32", "int64", "boolean", "number"}


class Cardinality(enum.Enum):
    """How many values a field holds; a map's keys are strings."""

    NONE = ""
    LIST = "[]"
    MAP = "map:"


class FieldType(NamedTuple):
    """The shape of one field.

    Attributes:
        name: the type of the value or of each element: one of ``SCALARS`` or the name of a type.
        required: upstream's model has no default for it.
    """

    name: str
    container: Cardinality
    required: bool


class Catalogue(NamedTuple):
    """All types: ``kinds`` maps (apiVersion, kind) to a type name, ``types`` a type name to its fields by JSON name.

    A type without fields is opaque: a timestamp, a quantity, an integer or string, or raw JSON.
    """

    kinds: Mapping[tuple[str, str], str]
    types: Mapping[str, Mapping[str, FieldType]]


class _File(msgspec.Struct):
    kinds: dict[str, str]
    types: dict[str, dict[str, str]]


@functools.cache
def catalogue() -> Catalogue:
    """The whole table; a few hundred types, shared by all callers."""
    data = pkgutil.get_data("fairlead.registry.schemas", "types.json")
    assert data is not None, "the package was installed without types.json"
    file = msgspec.json.decode(data, type=_File)
    kinds = {_split_kind(key): name for key, name in file.kinds.items()}
    return Catalogue(kinds, {name: _fields(texts) for name, texts in file.types.items()})


class OwnType(str):
    """The name of a custom kind's type, which is not in the catalogue and carries its fields.

    Attributes:
        fields: by JSON name.
        keys: the key fields of keyed lists.
        sets: the lists of plain values with separately owned elements.
        atomic: the maps and objects that are owned as a whole.
    """

    fields: Mapping[str, FieldType]
    keys: Mapping[str, tuple[str, ...]]
    sets: frozenset[str]
    atomic: frozenset[str]

    def __new__(
        cls,
        name: str,
        fields: Mapping[str, FieldType],
        keys: Mapping[str, tuple[str, ...]],
        sets: frozenset[str],
        atomic: frozenset[str],
    ) -> "OwnType":
        made = super().__new__(cls, name)
        made.fields, made.keys, made.sets, made.atomic = fields, keys, sets, atomic
        return made


def fields_of(type_name: str) -> Mapping[str, FieldType]:
    """The fields of a type by JSON name; empty for scalars and opaque types."""
    if isinstance(type_name, OwnType):
        return type_name.fields
    return catalogue().types.get(type_name, {})


def descriptions_of(type_name: str) -> Mapping[str, str]:
    """What to tell users of the fields of a type by JSON name, and of the type itself by the empty name. They stand in
    ``descriptions.json``, for the types of the Service system and of the workloads and policies beside it."""
    return _descriptions().get(type_name, {})


@functools.cache
def _descriptions() -> dict[str, dict[str, str]]:
    data = pkgutil.get_data("fairlead.registry.schemas", "descriptions.json")
    assert data is not None, "the package was installed without descriptions.json"
    return msgspec.json.decode(data, type=dict[str, dict[str, str]])


def type_of(api_version: str, kind: str) -> str | None:
    """The type name of a kind, or None when the kind is not in the table."""
    return catalogue().kinds.get((api_version, kind))


def _split_kind(key: str) -> tuple[str, str]:
    api_version, _, kind = key.rpartition("/")
    return api_version, kind


def _fields(texts: Mapping[str, str]) -> dict[str, FieldType]:
    return {name: _parse(text) for name, text in texts.items()}


@functools.cache
def _parse(text: str) -> FieldType:
    name = text.removesuffix("!")
    for container in (Cardinality.LIST, Cardinality.MAP):
        if name.startswith(container.value):
            return FieldType(name.removeprefix(container.value), container, text.endswith("!"))
    return FieldType(name, Cardinality.NONE, text.endswith("!"))

"""The resources of a definition: one for each served version, with the rules of its kind.

Upstream: apiextensions-apiserver ``pkg/registry/customresource``.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.defined_kind import DefinedKind
from fairlead.registry.field_errors import FieldError
from fairlead.registry.kinds.apiextensions.columns import table
from fairlead.registry.kinds.apiextensions.definition import Definition, Version
from fairlead.registry.kinds.apiextensions.embedded import embedded_faults, has_embedded
from fairlead.registry.kinds.apiextensions.field_types import type_of_object
from fairlead.registry.kinds.apiextensions.json_path import found_at
from fairlead.registry.kinds.apiextensions.rules import rule_faults
from fairlead.registry.kinds.apiextensions.structural import fill
from fairlead.registry.kinds.apiextensions.values import ABSENT, value_faults
from fairlead.registry.resources import SCALE, STATUS, Resource
from fairlead.registry.schemas.catalogue import OwnType
from fairlead.registry.strategy import Context, Strategy

_NO_SPEC = ("apiVersion", "kind", "metadata", "status")


def resources_of(definition: Definition) -> Iterator[Resource]:
    """The rows of a definition, one for each served version."""
    types = {f"{definition.group}/{version.name}": _type(definition, version) for version in definition.versions}
    for version in sorted(definition.versions, key=lambda version: _rank(version.name)):
        if version.is_served:
            yield _resource(definition, version, types)


_RANK = re.compile(r"v(?P<major>[1-9]\d*)(?:(?P<stage>alpha|beta)(?P<minor>[1-9]\d*))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}


def _rank(name: str) -> tuple[int, int, int, str]:
    """The order in which clients should prefer versions: stable before beta before alpha, newer ones first, others last
    (apimachinery ``pkg/version``)."""
    match = _RANK.fullmatch(name)
    if match is None:
        return 3, 0, 0, name
    return _STAGES[match["stage"]], -int(match["major"]), -int(match["minor"] or 0), name


def _resource(definition: Definition, version: Version, types: Mapping[str, str]) -> Resource:
    kind = DefinedKind(
        definition.singular,
        definition.list_kind,
        _strategy(version),
        version.schema,
        types[f"{definition.group}/{version.name}"],
        types,
        f"{definition.group}/{definition.storage_version}",
        version.scale,
        definition.conversion,
    )
    return Resource(
        definition.group,
        version.name,
        definition.plural,
        definition.kind,
        definition.is_namespaced,
        definition.short_names,
        definition.categories,
        (STATUS,) * version.has_status + (SCALE,) * (version.scale is not None),
        unconditional_update=False,
        deprecated=version.warning,
        defined=kind,
    )


def _type(definition: Definition, version: Version) -> OwnType:
    """The type of a version. Its name is for these fields alone: another schema of the same kind is another type."""
    digest = hashlib.sha256(msgspec.json.encode(version.schema)).hexdigest()[:16]
    return type_of_object(f"{definition.group}/{version.name}.{definition.kind}@{digest}", version.schema)


def _strategy(version: Version) -> Strategy:
    columns, row = table(version.columns)
    faults = partial(_faults, version.schema, has_embedded(version.schema))
    return Strategy(
        allows_bare_finalizers=True,
        default=partial(_default, version.schema),
        prepare_create=partial(_begin_status, version.schema) if version.has_status else lambda new, context: None,
        validate_create=lambda new, context: faults(new, None),
        validate_update=lambda new, old, context: faults(new, old),
        bumps_generation=partial(_is_other, version.has_status),
        fields={path.removeprefix("."): _selected(path) for path in version.selectable},
        columns=columns,
        row=row,
    )


def _default(schema: Doc, document: Doc) -> None:
    """Metadata is the server's own; no schema may give it defaults."""
    rest = {name: value for name, value in document.items() if name != "metadata"}
    fill(rest, schema)
    document.update(rest)
    for name in [name for name in document if name != "metadata" and name not in rest]:
        del document[name]


def _begin_status(schema: Doc, new: Doc, context: Context) -> None:
    """The status of a new object is not what its author says, but what the schema begins with."""
    new.pop("status", None)
    if "default" in ((schema.get("properties") or {}).get("status") or {}):
        _default(schema, new)


def _is_other(has_status: bool, new: Doc, old: Doc) -> bool:
    """Whether anything but metadata has changed, and but the status where that is written by its own path."""
    ignored = _NO_SPEC if has_status else _NO_SPEC[:-1]
    return _without(new, ignored) != _without(old, ignored)


def _without(document: Doc, names: tuple[str, ...]) -> Doc:
    return {name: value for name, value in document.items() if name not in names}


def _faults(schema: Doc, has_objects: bool, new: Doc, old: Doc | None) -> list[FieldError]:
    """Rules are asked only of values that have the shape that rules count on."""
    checked, before = (_with_names_alone(each) if each else ABSENT for each in (new, old))
    properties = schema.get("properties") or {}
    metadata = {"properties": _names((properties.get("metadata") or {}).get("properties") or {})}
    found = value_faults(checked, {**schema, "properties": {**properties, "metadata": metadata}}, "", before)
    if has_objects:
        found += embedded_faults(new, schema)
    return found or rule_faults(schema, new, old)


def _with_names_alone(document: Doc) -> Doc:
    """Of metadata, a schema can restrict the names; the rest is the server's own."""
    return {**document, "metadata": _names(document["metadata"])}


def _names(fields: Doc) -> Doc:
    return {name: fields[name] for name in ("name", "generateName") if name in fields}


def _selected(path: str) -> Callable[[Doc], str]:
    return lambda document: _text(next(iter(found_at(document, path)), ""))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

"""Pruning and defaulting by a structural schema: what is stored of a custom object.

A schema here is the JSON of ``openAPIV3Schema``, already checked by ``definition_faults``. Pruning leaves out fields
that it does not specify, defaulting fills in those that it has a default for, and a null where the schema allows none
counts as absent. Upstream: apiextensions-apiserver ``pkg/apiserver/schema/{pruning,defaulting}``.
"""

import copy
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.schemas.extensions import EMBEDDED, PRESERVE

_OBJECT_FIELDS = ("apiVersion", "kind", "metadata")  # of every object, embedded ones too; no schema specifies them


def prune(value: Any, schema: Doc) -> list[str]:
    """Take the fields out of an object, in place, that its schema does not specify.

    Returns:
        Their paths, such as ``spec.rules[0].hots``.
    """
    gone: list[str] = []
    _prune(value, {**schema, EMBEDDED: True}, "", gone)
    return gone


def _prune(value: Any, schema: Doc, path: str, gone: list[str]) -> None:
    if isinstance(value, dict):
        for name in list(value):
            below = _below(name, schema)
            if below is not None:
                _prune(value[name], below, _join(path, name), gone)
            elif not schema.get(PRESERVE):
                del value[name]
                gone.append(_join(path, name))
    elif isinstance(value, list):
        items = schema.get("items") or {PRESERVE: schema.get(PRESERVE)}
        for index, item in enumerate(value):
            _prune(item, items, f"{path}[{index}]", gone)


def _below(name: str, schema: Doc) -> Doc | None:
    """The schema of a field; None for an unspecified field, which can have any content."""
    if schema.get(EMBEDDED) and name in _OBJECT_FIELDS:
        return {PRESERVE: True}
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if name in properties:
        found: Doc = properties[name]
        return found
    if others is True:
        return {PRESERVE: True}
    return others if isinstance(others, dict) else None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def fill(value: Any, schema: Doc) -> None:
    """Fill in the defaults of a value, in place, below what was filled in too; drop nulls that have no meaning."""
    if isinstance(value, list):
        for item in value:
            fill(item, schema.get("items") or {})
    if not isinstance(value, dict):
        return
    for name, below in (schema.get("properties") or {}).items():
        if "default" in below and (name not in value or _is_meaningless(value[name], below)):
            value[name] = copy.deepcopy(below["default"])
    for name, below in list(_specified(value, schema)):
        if _is_meaningless(value[name], below):
            del value[name]
        else:
            fill(value[name], below)


def _is_meaningless(value: Any, schema: Doc) -> bool:
    return value is None and not schema.get("nullable")


def _specified(value: Doc, schema: Doc) -> Iterator[tuple[str, Doc]]:
    """The fields that are there and that the schema says something about."""
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in value:
        if name in properties:
            yield name, properties[name]
        elif isinstance(others, dict):
            yield name, others

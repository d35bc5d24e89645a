"""Functions for JSON patches. Source: apiserver ``pkg/cel/library/jsonpatch.go``."""

from typing import Any

from celpy import celtypes

from fairlead.registry.cel.functions.results import Function


def _escape_key(key: Any) -> Any:
    """A name as a part of a path of a patch (RFC 6901)."""
    return celtypes.StringType(str(key).replace("~", "~0").replace("/", "~1"))


FUNCTIONS: dict[str, Function] = {"jsonpatch.escapeKey": _escape_key}

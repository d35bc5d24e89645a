"""Formats by name, such as ``format.dns1123Label().validate(x)``: apiserver ``pkg/cel/library/format.go``.

The faults of a string are an optional list, none for a string without any.
"""

import re
from collections.abc import Callable, Sequence

from celpy import celtypes

from fairlead.model.names import dns1035_label_errors, dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.cel.functions.optionals import NONE, Optional
from fairlead.registry.cel.functions.results import Function
from fairlead.registry.formats import has_format
from fairlead.registry.object_meta import label_value_errors, qualified_name_errors


class Format:
    """A format with its name."""

    def __init__(self, name: str, errors: Callable[[str], Sequence[str]]) -> None:
        self.name, self._errors = name, errors

    def validate(self, given: str) -> Optional:
        """The faults of a string."""
        found = self._errors(given)
        return Optional(celtypes.ListType([celtypes.StringType(each) for each in found])) if found else NONE


def _prefix(check: Callable[[str], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    """A valid ``generateName``: a name is appended after its dash."""
    return lambda given: check(re.sub(r"-$", "a", given))


def _has(name: str, detail: str) -> Callable[[str], Sequence[str]]:
    return lambda given: [] if has_format(given, name) else [detail]


_FORMATS: dict[str, Callable[[str], Sequence[str]]] = {
    "dns1123Label": dns1123_label_errors,
    "dns1123Subdomain": dns1123_subdomain_errors,
    "dns1035Label": dns1035_label_errors,
    "dns1123LabelPrefix": _prefix(dns1123_label_errors),
    "dns1123SubdomainPrefix": _prefix(dns1123_subdomain_errors),
    "dns1035LabelPrefix": _prefix(dns1035_label_errors),
    "qualifiedName": qualified_name_errors,
    "labelValue": label_value_errors,
    "uri": _has("uri", "invalid URI"),
    "uuid": _has("uuid", "does not match the UUID format"),
    "byte": _has("byte", "invalid base64"),
    "date": _has("date", "invalid date"),
    "datetime": _has("datetime", "invalid datetime"),
}


def _format(name: str) -> Optional:
    return Optional(Format(name, _FORMATS[name])) if name in _FORMATS else NONE


FUNCTIONS: dict[str, Function] = {
    "format.named": _format,
    "validate": lambda format_, given: format_.validate(given),
    **{f"format.{name}": lambda name=name: Format(name, _FORMATS[name]) for name in _FORMATS},
}

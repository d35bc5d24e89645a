"""The lab options in markers, and the names of namespaces for tests."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fairlead.lab import LabSpec

_LONGEST = 40  # of a prefix; a name has room for 63, of which the server takes five


def spec_of(markers: Iterable[pytest.Mark]) -> "LabSpec":
    """The lab that markers request; markers nearer to the test override others.

    Raises:
        pytest.UsageError: a marker has an unknown option.
    """
    from fairlead.lab import LabSpec

    wanted: dict[str, Any] = {}
    for marker in markers:
        if marker.args:
            raise pytest.UsageError(f"the marker fairlead takes names and values, not {marker.args[0]!r}")
        wanted = {**marker.kwargs, **wanted}
    if isinstance(wanted.get("config"), str):
        wanted["config"] = Path(wanted["config"])
    known = LabSpec.__dataclass_fields__.keys() - {"data"}
    if strange := sorted(wanted.keys() - known):
        raise pytest.UsageError(
            f"the marker fairlead does not know {strange[0]!r}; it knows {', '.join(sorted(known))}"
        )
    return LabSpec(**wanted)


def title(spec: "LabSpec") -> str:
    """The options of a lab that differ from the default, for the names of tests."""
    usual = type(spec)()
    fields = spec.__dataclass_fields__
    return ",".join(_word(n, getattr(spec, n)) for n in fields if getattr(spec, n) != getattr(usual, n)) or "usual"


def _word(name: str, value: Any) -> str:
    if value is True:
        return name
    return f"{name}={'+'.join(value) if isinstance(value, dict) else value}"


def key_of(spec: "LabSpec") -> str:
    """A short identifier, equal for all specs of the same lab."""
    fields = {name: getattr(spec, name) for name in sorted(spec.__dataclass_fields__)}
    fields["images"] = sorted(fields["images"].items())
    return hashlib.sha256(repr(fields).encode()).hexdigest()[:8]


def prefix_of(test: str) -> str:
    """The beginning of a namespace's name, from a test's."""
    words = re.sub(r"[^a-z0-9]+", "-", test.lower().removeprefix("test")).strip("-")
    return f"{words[:_LONGEST].strip('-') or 'test'}-"

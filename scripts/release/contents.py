"""What an installation of Fairlead consists of: its dependencies, for the SBOM."""

import re
from collections.abc import Iterator
from importlib.metadata import distribution

NAME = re.compile(r"^[A-Za-z0-9._-]+")


def dependencies() -> list[str]:
    """The distributions that Fairlead needs in this environment, theirs included, as ``name==version``."""
    return sorted({f"{name}=={distribution(name).version}" for name in _needed("fairlead", set())} - {"fairlead"})


def _needed(name: str, seen: set[str]) -> Iterator[str]:
    for line in distribution(name).requires or ():
        needed = _name(line)
        if "extra ==" not in line and _holds(line) and needed not in seen:
            seen.add(needed)
            yield needed
            yield from _needed(needed, seen)


def _name(requirement: str) -> str:
    found = NAME.match(requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-")


def _holds(requirement: str) -> bool:
    """Whether a requirement's marker, if it has one, holds here."""
    from packaging.requirements import Requirement

    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate()

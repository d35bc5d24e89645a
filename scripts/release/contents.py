"""What an installation of Fairlead consists of: its dependencies, for the SBOM."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

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


def complete_sbom(path: Path, version: str) -> None:
    """Say in an SBOM which version it is of, and what depends on what: the tool that makes it knows neither."""
    document = json.loads(path.read_text())
    root = document["metadata"]["component"]
    root |= {"version": version, "purl": f"pkg:pypi/fairlead@{version}"}
    references = {component["name"].lower(): component["bom-ref"] for component in document["components"]}
    document["dependencies"] = [
        {"ref": root["bom-ref"], "dependsOn": _direct("fairlead", references)},
        *({"ref": reference, "dependsOn": _direct(name, references)} for name, reference in sorted(references.items())),
    ]
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def _direct(name: str, references: dict[str, str]) -> list[str]:
    """References of what a distribution needs by itself."""
    lines = [line for line in distribution(name).requires or () if "extra ==" not in line and _holds(line)]
    return sorted({references[_name(line)] for line in lines if _name(line) in references})

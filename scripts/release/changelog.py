"""Folds the fragments of ``changes/`` into a release of ``CHANGELOG.md``."""

import re
from collections.abc import Mapping
from pathlib import Path

SECTIONS = {
    "The lab": ("images", "lab-library", "pytest-plugin", "faults", "ready", "rolled-back", "refused-namespaces",
                "quick-commands", "pods-see-less", "robustness", "control-plane", "userspace"),
    "Why a Service does what it does": ("explain*", "doctor-*", "trace-*", "anonymous", "ui", "chinese"),
    "The API server": ("api-*", "canonical-documents", "custom-resources", "field-owners", "openapi-*", "quotas",
                       "strange-hands", "tokens", "watches-*", "web-sockets", "webhooks", "certificates", "kinds"),
    "Services and EndpointSlices": ("load-balancers", "network-policy"),
    "Workloads and Pods": ("cronjobs", "job-*", "pod-*", "replicas", "small-controllers", "node-*"),
    "DNS": ("dns-*",),
    "The node proxy": ("data-plane",),
    "Clients": (),
    "On a cluster": ("deploy", "metrics-access"),
    "The project": ("project", "site", "tutorials", "release"),
}  # fmt: skip
"""Section of a release -> the fragments that belong there, by name."""

OTHERS = "Also"
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[\d-]+|unreleased)\)$", re.MULTILINE)


def section_of(fragment: str) -> str:
    """The section of a fragment, by its name without ``.md``."""
    return next(
        (title for title, names in SECTIONS.items() if any(Path(fragment).match(name) for name in names)), OTHERS
    )


def folded(changelog: str, fragments: Mapping[str, str], version: str, date: str) -> str:
    """The changelog with the release on top.

    Args:
        fragments: texts by name without ``.md``.
        date: of the release, YYYY-MM-DD.

    Raises:
        ValueError: the release is there already, with a date.
    """
    first = HEADING.search(changelog)
    if first and first["version"] == version:
        if first["date"] != "unreleased":
            raise ValueError(f"CHANGELOG.md has {version} of {first['date']} already: raise fairlead.__version__")
        head, body = changelog[: first.start()], changelog[first.end() :].strip("\n")
        body, _, older = body.partition("\n## ")
        return f"{head}## {version} ({date})\n\n{_merged(body, fragments)}\n" + (f"\n## {older}" if older else "")
    place = first.start() if first else len(changelog)
    return f"{changelog[:place]}## {version} ({date})\n\n{_merged('', fragments)}\n\n{changelog[place:]}"


def _merged(body: str, fragments: Mapping[str, str]) -> str:
    """A release's sections, each with its fragments after what it has."""
    sections: dict[str, list[str]] = {}
    for part in re.split(r"^### ", body, flags=re.MULTILINE):
        title, _, text = part.partition("\n")
        if text.strip():
            sections[title] = [text.strip("\n")]
    for name in sorted(fragments):
        sections.setdefault(section_of(name), []).append(fragments[name].strip("\n"))
    order = [*SECTIONS, *(title for title in sections if title not in SECTIONS and title != OTHERS), OTHERS]
    return "\n\n".join(f"### {title}\n\n" + "\n".join(sections[title]) for title in order if title in sections)


def fold(root: Path, version: str, date: str) -> None:
    """Do it to the files of a checkout, and delete the fragments."""
    changelog, paths = root / "CHANGELOG.md", [p for p in (root / "changes").glob("*.md") if p.name != "README.md"]
    changelog.write_text(folded(changelog.read_text(), {p.stem: p.read_text() for p in paths}, version, date))
    for path in paths:
        path.unlink()

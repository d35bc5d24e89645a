"""The section about the lab in a report of a failed test: what is wrong there, and why."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fairlead.lab import Lab, Namespace

if TYPE_CHECKING:
    from fairlead.testing.labs import Factory

_WARNINGS = 10  # Events that are shown
Section = tuple[str, str]


def sections(given: Iterable[object], factory: "Factory | None") -> list[Section]:
    """A section for each namespace of the test, or else for its lab. A lab that does not answer is reported."""
    found = list({id(each): each for each in given}.values())
    namespaces = [each for each in found if isinstance(each, Namespace)]
    labs = [*(each for each in found if isinstance(each, Lab) and not namespaces), *(factory.labs if factory else ())]
    running = [lab for lab in labs if lab.is_running]
    return [section for scope in (*namespaces, *running) for section in _of(scope)]


def _of(scope: Lab | Namespace) -> Iterator[Section]:
    title = f"Fairlead: why, in namespace {scope.name_of_namespace} of lab {scope.name_of_lab}"
    try:
        text = "\n".join(filter(None, (scope.report(), _warnings(scope))))
    except Exception as error:  # a report must not hide the failure that it is about
        text = f"no report is available: {error or type(error).__name__}"
    if text:
        yield title, text


def _warnings(scope: Lab | Namespace) -> str:
    rows = [event for event in scope.events() if event.get("type") == "Warning"][-_WARNINGS:]
    lines = [f"  {_about(event)}: {event.get('reason')}: {event.get('message')}" for event in rows]
    return "\n".join(["Warnings of the namespace's Events:", *lines]) if lines else ""


def _about(event: "dict[str, object]") -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    assert isinstance(about, dict)
    return f"{about.get('kind')}/{about.get('name')}"

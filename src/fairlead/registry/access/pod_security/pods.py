"""A Pod as the checks see it, with defaults for missing fields; and the words of their messages."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from fairlead.model.document import Doc


class Violation(NamedTuple):
    """A violation of a standard by a Pod: a short reason, and details."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


class CheckedPod(NamedTuple):
    """A Pod's metadata and spec, or those of a template."""

    metadata: Doc
    spec: Doc

    @property
    def annotations(self) -> dict[str, str]:
        return self.metadata.get("annotations") or {}

    @property
    def containers(self) -> Iterator[Doc]:
        """Init containers, containers and ephemeral containers, in this order."""
        for kind in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(kind) or ()

    @property
    def is_windows(self) -> bool:
        return bool(at(self.spec, "os", "name") == "windows")

    @property
    def has_own_users(self) -> bool:
        """Whether it has its own user namespace."""
        return self.spec.get("hostUsers") is False


def at(document: Doc, *path: str) -> Any:
    """A field below a document; None if it, or a parent, is missing or null."""
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def context(holder: Doc, *path: str) -> Any:
    """A field of the ``securityContext`` of a Pod's spec or of a container."""
    return at(holder, "securityContext", *path)


def named(containers: Iterable[Doc], is_bad: Callable[[Doc], Any]) -> list[str]:
    """The names of those containers that are bad."""
    return [container.get("name", "") for container in containers if is_bad(container)]


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def plural(one: str, many: str, things: Collection[Any]) -> str:
    return one if len(things) == 1 else many


def told(names: Collection[str]) -> str:
    """``container "a"`` or ``containers "a", "b"``."""
    return f"{plural('container', 'containers', names)} {quoted(names)}"


def setters(pod_sets: bool, names: Collection[str]) -> str:
    """The Pod or the containers that set a field which both can have; empty if none does."""
    return " and ".join([*(["pod"] if pod_sets else []), *([told(names)] if names else [])])

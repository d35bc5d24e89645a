"""The labs that run on this machine, found by their run folders."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.drivers.lab.run_folder import FILE_FLAGS, open_own, opened_root, remove_leftovers, root


def marks_folder(folder: Path) -> Path:
    """The folder for the sockets of listeners for marks in a lab; missing while there are none."""
    return folder / "marks"


def published_table(folder: Path) -> Path:
    """The table of the ports that a lab publishes on this machine."""
    return folder / "published.json"


class ProxylessNodes(NamedTuple):
    """Nodes that have no proxy of the lab's own.

    Attributes:
        usual: whether that is all of them but the others, or none of them but these.
        others: their names.
    """

    usual: bool = False
    others: tuple[str, ...] = ()

    def include(self, node: str) -> bool:
        """Whether a node is one."""
        return self.usual != (node in self.others)


def proxyless_from(row: Sequence[Any]) -> ProxylessNodes:
    """Convert a value that JSON has turned into a list."""
    usual, others = row
    return ProxylessNodes(usual, tuple(others))


ALL_HAVE_PROXIES = ProxylessNodes()


@dataclass(frozen=True)
class RunningLab:
    """A lab as its ``lab.json`` describes it.

    Attributes:
        folder: its run folder.
        pid: the outermost process, in the PID namespace of the user that started it.
        server: URL of its API server on this machine; where the lab's first host is, if that is another.
        loopback: the number of a lab without namespaces; None: it has them.
        joined_as: the node that this host has in a lab of another host; empty for a lab of this one.
        proxyless: the nodes of which there is no proxy to ask how far it is.
    """

    folder: Path
    pid: int
    server: str
    joined_as: str = ""
    loopback: int | None = None
    proxyless: ProxylessNodes = ALL_HAVE_PROXIES

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def published(self) -> Path:
        """The table of what is published on this machine, while anything is."""
        return published_table(self.folder)

    def write(self) -> None:
        """Make the lab known."""
        draft = self.folder / "lab.json.new"
        told = {
            "pid": self.pid,
            "server": self.server,
            "joinedAs": self.joined_as,
            "loopback": self.loopback,
            "proxyless": self.proxyless,
        }
        draft.write_text(json.dumps(told))
        draft.rename(self.folder / "lab.json")


def all_labs() -> list[RunningLab]:
    """The running labs, by name; leftovers are removed first."""
    remove_leftovers()
    found = (find(folder.name) for folder in sorted(root().iterdir()))
    return [lab for lab in found if lab is not None]


def find(name: str) -> RunningLab | None:
    """The lab with this name, or None when none is up."""
    with opened_root() as (path, labs):
        try:
            folder = open_own(labs, name)
            if folder is None:
                return None
            try:
                with open(os.open("lab.json", FILE_FLAGS, dir_fd=folder)) as file:
                    description: dict[str, Any] = json.load(file)
            finally:
                os.close(folder)
        except FileNotFoundError:
            return None
    joined_as, loopback = description.get("joinedAs", ""), description.get("loopback")
    proxyless = proxyless_from(description.get("proxyless", ALL_HAVE_PROXIES))
    return RunningLab(path / name, description["pid"], description["server"], joined_as, loopback, proxyless)

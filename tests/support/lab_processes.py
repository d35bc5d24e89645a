"""The processes of a running lab that a test may kill, found from outside."""

import contextlib
import os
from pathlib import Path

from fairlead.drivers.linux.process_tree import tree
from tests.support.labs import Lab, eventually


def agent(lab: Lab, node: str = "node-1") -> int:
    return eventually(lambda: lab.component_pids()[f"{node}-agent"], seconds=30)


def launcher(lab: Lab, node: str = "node-1") -> int:
    """The process that forks for a node's agent."""

    def found() -> int | None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, StopIteration):  # one ended while looked at
            return _find_launcher(agent(lab, node))
        return None

    return eventually(found, seconds=30)


def _find_launcher(agent: int) -> int:
    """It is in the agent's network, but its parent is another child of the lab's first process."""
    first, network = parent_of(agent), _network_of(agent)
    nursery = [pid for pid in tree(first) if pid != first and parent_of(pid) == first and _network_of(pid) != network]
    return next(pid for pid in tree(first) if parent_of(pid) in nursery and _network_of(pid) == network)


def _network_of(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

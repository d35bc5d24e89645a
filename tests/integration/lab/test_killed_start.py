"""``fairlead up --wait`` always returns, whichever of its processes is killed, however early.

The deepest process is killed as soon as there is one at a depth: the one in the background, the one that makes the
namespaces, PID 1, the nursery, the programs that PID 1 runs, components, launchers.
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.full import each_once
from tests.support.labs import Lab, eventually
from tests.support.users import users

SOON = 150  # seconds; only a start that hangs takes that long


@pytest.fixture(params=users(), ids=str)
def lab(request):
    lab = Lab(request.param)
    try:
        yield lab
    finally:
        lab.close()


def parents() -> dict[int, int]:
    """Each process's parent."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def is_fairlead(pid: int) -> bool:
    """Whether the command itself runs, and no longer what makes an ordinary user of root."""
    return Path(f"/proc/{pid}/comm").read_text().strip() == "fairlead"


def at_depth(root: int, depth: int) -> int | None:
    """The newest process that is so many generations below another; None while there is none."""
    above, generation = parents(), {root}
    for _ in range(depth):
        generation = {pid for pid, parent in above.items() if parent in generation}
    return max(generation, default=None)


@pytest.mark.parametrize(("depth", "skipped"), each_once([1, 2, 3, 4], [0, 3]))
def test_a_start_whose_deepest_process_is_killed_ends(lab, depth, skipped):
    """As many of those at this depth as are skipped are let live first, so that later ones are met, too."""
    command = lab.command("up", "--name", lab.name, "--wait", "--timeout", "15")
    with subprocess.Popen(
        command, env=lab.environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as starting:
        met: set[int] = set()
        while starting.poll() is None and len(met) <= skipped:
            if is_fairlead(starting.pid) and (pid := at_depth(starting.pid, depth)) is not None:
                met.add(pid)
        if len(met) > skipped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(max(met), signal.SIGKILL)
        told, _ = starting.communicate(timeout=SOON)
    assert "Traceback" not in told
    if starting.returncode:
        assert "fairlead: " in told
        eventually(lambda: not lab.processes(), 30)
    else:
        assert "is ready" in told
        lab.down()

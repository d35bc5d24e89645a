"""Forks the components of a lab, each into its network namespace, and forks them again when they die.

Synchronous and single-threaded, because it forks: a fork of a process with a running event loop or threads would take
half of them along. What is imported before ``start`` is shared by all components.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fairlead.drivers.linux import netns
from fairlead.drivers.linux.calls import set_parent_death_signal
from fairlead.drivers.linux.child_process import collect_identified
from fairlead.drivers.linux.process_identity import ProcessIdentity

LONGEST_DELAY = 5.0  # seconds
STABLE_AFTER = 10.0  # seconds of running after which a death counts as the first again

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Component:
    """One process of a lab.

    Attributes:
        run: serves until cancelled and calls its argument when it is ready; when it returns, the component has done its
            task and is not started again.
        network: descriptor of the network namespace that it belongs in; None in a lab without namespaces, where it dies
            with its parent.
        log: file that its standard output and error are appended to.
        niceness: by how much others go before it when processors are short (nice(1)); what it starts inherits that.
    """

    name: str
    run: Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
    network: int | None
    log: Path
    niceness: int = 0


@dataclass
class _Life:
    component: Component
    started: float = 0.0
    deaths: int = 0
    start_at: float | None = 0.0


class Supervisor:
    """The processes of the components.

    Args:
        report: told ``{"ready": name}`` by components and ``{"died": name, ...}`` by the supervisor.
        before: run in every forked child once it is in its network, to let go of what only the parent needs.
        orphaned: told of each other process that has ended and whose parent had gone: which one, and its status as of
            waitpid(2).
    """

    def __init__(
        self,
        components: Sequence[Component],
        report: Report,
        before: Callable[[], None],
        orphaned: Callable[[ProcessIdentity, int], None],
    ) -> None:
        self._waiting = [_Life(component) for component in components]
        self._running: dict[int, _Life] = {}
        self._report, self._before, self._orphaned = report, before, orphaned

    def start_due(self) -> float | None:
        """Fork what is to run by now; seconds until the next start, None when nothing waits."""
        now = time.monotonic()
        for life in [life for life in self._waiting if life.start_at is not None and life.start_at <= now]:
            self._waiting.remove(life)
            life.started = now
            self._start(life)
        starts = [life.start_at for life in self._waiting if life.start_at is not None]
        return max(0.0, min(starts) - now) if starts else None

    def add(self, component: Component) -> None:
        """Add a component, which the next ``start_due`` starts."""
        self._waiting.append(_Life(component))

    def kill(self, name: str) -> None:
        """Kill a component and do not restart it; nothing if there is none of that name."""
        self._waiting = [life for life in self._waiting if life.component.name != name]
        for pid in [pid for pid, life in self._running.items() if life.component.name == name]:
            del self._running[pid]
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def reap(self) -> None:
        """Collect every child that has ended, orphans of the lab included, and plan restarts."""
        for identity, pid, status in collect_identified():
            if life := self._running.pop(pid, None):
                self._plan_restart(life, os.waitstatus_to_exitcode(status))
            elif identity:
                self._orphaned(identity, status)

    def _plan_restart(self, life: _Life, code: int) -> None:
        if code == 0:
            return
        now = time.monotonic()
        life.deaths = 1 if now - life.started > STABLE_AFTER else life.deaths + 1
        delay = 0.0 if life.deaths == 1 else min(0.25 * 2**life.deaths, LONGEST_DELAY)
        life.start_at = now + delay
        self._waiting.append(life)
        self._report({"died": life.component.name, "code": code, "log": str(life.component.log)})

    def _start(self, life: _Life) -> None:
        gc.freeze()  # a collection in a child would write to, and so copy, every page that it shares with us
        try:
            pid = os.fork()
        except OSError as error:  # out of processes or memory, perhaps for a moment only
            self._plan_restart(life, error.errno or 1)
            return
        if pid == 0:
            self._become(life.component)
        self._running[pid] = life

    def _become(self, component: Component) -> NoReturn:
        code = 1
        try:
            _log_to(component.log)
            os.nice(component.niceness)
            if component.network is None:
                set_parent_death_signal(signal.SIGKILL)  # nothing else would end it when the lab is killed
            else:
                netns.enter(component.network)
            self._before()
            asyncio.run(_serve(component, lambda: self._report({"ready": component.name})))
            code = 0
        except BaseException:
            logging.getLogger(__name__).exception("%s ended", component.name)
        finally:
            logging.shutdown()
            os._exit(code)


async def _serve(component: Component, ready: Callable[[], None]) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await component.run(ready)


def _log_to(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, force=True, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)

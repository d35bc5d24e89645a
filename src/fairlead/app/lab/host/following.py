"""The host process while its lab runs: it starts PID 1, passes on what the lab reports, and ends the lab."""

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.app.lab import listeners
from fairlead.app.lab.fork import LabError, in_child
from fairlead.app.lab.host.options import LabOptions, Listener, Settled
from fairlead.app.lab.host.pulls import Pulls
from fairlead.app.lab.host.spawn import INIT_LOG, Init, Pipes, interrupts, start_init
from fairlead.app.lab.host_link import HostSockets
from fairlead.app.lab.plan import LabPlan
from fairlead.drivers.lab import control_socket
from fairlead.drivers.lab.control_socket import ControlReply
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.model.document import Doc

if TYPE_CHECKING:
    from fairlead.app.lab.invitation import Invitation

SILENCE = 10.0  # seconds without progress after which a start reports what it waits for; doubled each time


class _Ended(Exception):
    """The lab must end; this is not an error."""


class LabFollower:
    """The host process while its lab runs."""

    def __init__(self, plan: LabPlan, lab: RunningLab, listener: Listener, began: float) -> None:
        self._plan, self._lab, self._listener, self._began = plan, lab, listener, began
        self._unready = plan.agents
        self._awaited: list[str] = []
        self._containers: list[str] = []  # what those do that are waited for
        self._settled = False
        self._silence = SILENCE
        self._pulls = Pulls(allowed=plan.settings.pull)

    def follow(self, sockets: HostSockets, options: LabOptions, locks: tuple[int, ...]) -> None:
        """Start the lab, listen to it until it is to end, and end it."""
        requests = control_socket.listen(self._plan.host_socket)
        with requests, interrupts() as interrupted, Pipes() as pipes:
            init = start_init(self._plan, pipes, sockets, locks)
            try:
                in_child(lambda: self._prepare(options.invitation))
                self._lab.write()
                pipes.prepared.close_writer()
                self._listen(pipes, init, (interrupted, requests), options)
            except _Ended:
                return
            finally:
                self._pulls.close()
                signal.pidfd_send_signal(init.pidfd, signal.SIGKILL)
                os.waitpid(init.pid, 0)

    def _prepare(self, invitation: "Invitation | None") -> None:
        from fairlead.app.lab.credentials import write_credentials
        from fairlead.app.lab.invitation import unpack

        if invitation:
            unpack(invitation, self._plan)
        else:
            write_credentials(self._plan, self._lab)

    def _listen(
        self, pipes: Pipes, init: Init, sockets: tuple[socket.socket, socket.socket], options: LabOptions
    ) -> None:
        interrupted, requests = sockets
        patience = options.patience
        is_alone = self._plan.loopback is None
        callers = control_socket.Callers(init.pid, everybody=not is_alone)  # the publisher is in the lab's own
        with selectors.DefaultSelector() as selector:
            sources: tuple[int | socket.socket, ...] = (pipes.reports.reader, init.pidfd, interrupted, requests)
            for source in (*sources, *options.owners):
                selector.register(source, selectors.EVENT_READ)
            pending = b""
            while True:
                ready = {key.fileobj for key, _ in selector.select(self._seconds_left(patience))}
                received = os.read(pipes.reports.reader, 65536) if pipes.reports.reader in ready else b""
                *lines, pending = (pending + received).split(b"\n")
                for line in lines:
                    self._take(json.loads(line), pipes)
                if interrupted in ready or not ready.isdisjoint(options.owners):
                    raise _Ended
                if requests in ready:
                    control_socket.answer(requests, callers, self._respond)
                if init.pidfd in ready and not received:
                    raise LabError(f"the lab's first process has ended unexpectedly{tail(self._plan.logs / INIT_LOG)}")
                if not ready and patience is None:
                    self._remind()
                elif not ready:
                    raise LabError(f"not ready after {patience:.0f} s; {self._waiting_for()}")

    def _respond(self, request: Doc) -> ControlReply:
        match request:
            case {"op": "pull", "image": str(image), "logins": list(logins)}:
                return self._pulls.start(image, logins)
            case _:
                return listeners.give(request)

    def _waiting_for(self) -> str:
        if self._plan.has_joined:
            return f"UDP must pass between {self._lab.server} and this host, and the invitation must not be revoked"
        awaited = self._awaited or sorted(self._unready) or ["the manifests to be applied"]
        doing = f"; {'; '.join(self._containers)}" if self._containers else ""
        return f"still waiting for {', '.join(awaited)}{doing}"

    def _seconds_left(self, patience: float | None) -> float | None:
        if self._settled:
            return None
        if patience is None:
            return self._silence
        return max(0.0, self._began + patience - time.monotonic())

    def _remind(self) -> None:
        """A user watches and can end it, so the wait has no limit; but there are regular messages."""
        self._silence *= 2
        seconds = time.monotonic() - self._began
        self._listener.tell(f"not ready after {seconds:.0f} s; {self._waiting_for()}; logs: {self._plan.logs}")

    def _await(self, awaited: list[str], containers: list[str]) -> None:
        """The state of containers is reported only after a long wait, because it changes all the time."""
        self._containers = containers
        if awaited != self._awaited:
            self._awaited = awaited
            self._listener.tell(f"waiting for {', '.join(awaited)}")

    def _take(self, report: Doc, pipes: Pipes) -> None:
        match report:
            case {"ready": str(name)}:
                self._unready.discard(name)
                if not self._unready:
                    pipes.gate.close_writer()
                self._listener.tell(f"{name} is ready")
                if self._plan.has_joined and not self._unready:
                    self._settle()
            case {"awaiting": list(awaited), "containers": list(containers)}:
                self._await(awaited, containers)
            case {"settled": int(pods), "name_servers": list(name_servers)}:
                self._settle(pods, name_servers)
            case {"died": _} | {"note": _}:
                self._listener.tell(_report_text(report))
            case {"refused": list(messages)}:
                raise LabError("\n".join(messages))
            case {"fatal": str(message)}:
                raise LabError(message)
            case {"down": True}:
                raise _Ended

    def _settle(self, pods: int = 0, name_servers: Iterable[str] = ()) -> None:
        if not self._settled:
            self._settled = True
            seconds, nodes = time.monotonic() - self._began, tuple(node.name for node in self._plan.nodes)
            self._listener.settled(Settled(self._lab, seconds, nodes, pods, tuple(name_servers)))


def _report_text(report: Doc) -> str:
    """A report that is only passed on, in words."""
    if "note" in report:
        return str(report["note"])
    return f"{report['died']} has ended ({_exit_text(report['code'])}) and is started again; its log: {report['log']}"


def _exit_text(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, set off by a colon; nothing when it has none."""
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return ""
    return ":\n" + "\n".join(last) if last else ""

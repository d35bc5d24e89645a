"""The host process of a lab: creates the lab's resources on this machine, starts and follows its PID 1, and cleans up.

Resources on this machine are the run folder with its lock, the data folder, certificates and kubeconfigs, and the API
server's socket on 127.0.0.1. Everything else is in namespaces (including a user namespace, when not root). This
machine's network and mounts therefore do not change, and killing PID 1 of the lab ends all of it.
"""

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from fairlead.app.lab import listeners
from fairlead.app.lab.fork import LabError, NamespacesRefused, in_child
from fairlead.app.lab.host.data_folder import check_kind, data_folder
from fairlead.app.lab.host.machine import home_of_user, require_families, require_programs
from fairlead.app.lab.host.pulls import Pulls
from fairlead.app.lab.host.sockets import host_sockets, loopback_sockets, vni_of
from fairlead.app.lab.host.spawn import INIT_LOG, Init, Pipes, interrupts, start_init
from fairlead.app.lab.host_link import HostSockets
from fairlead.app.lab.listeners import LOOPBACK
from fairlead.app.lab.loopback import on_loopback, refusals
from fairlead.app.lab.node_memory import recall
from fairlead.app.lab.plan import LabManifest, LabPlan, WirePlan, memory_of_nodes
from fairlead.app.lab.settings import NO_PROXY, LabSettings
from fairlead.drivers.images.places import place_here
from fairlead.drivers.lab import control_socket, run_folder
from fairlead.drivers.lab.control_socket import ControlReply
from fairlead.drivers.lab.run_folder import RunningLab
from fairlead.drivers.linux.process_tree import end_descendants
from fairlead.model.document import Doc
from fairlead.model.socket_address import SocketAddress

if TYPE_CHECKING:
    from fairlead.app.lab.invitation import Invitation

SILENCE = 10.0  # seconds in which a start tells nothing before it says what it waits for; twice that the next time
WITHOUT_NAMESPACES = (
    "so this lab is made without namespaces, on loopback addresses; docs/userspace.md says what differs"
)


@dataclass(frozen=True)
class LabOptions:
    """A lab as the user requests it.

    Attributes:
        data: the data folder; None: the data lasts only as long as the lab runs.
        patience: seconds until everything must be ready; None waits indefinitely.
        wire: address of this machine for the lab's connection with other hosts, if it has one.
        invitation: to a lab of another host; this host then starts no lab itself.
        userspace: whether the lab is made without namespaces; None: only if this machine refuses them.
        owners: descriptors that become readable when the lab must end, such as a pipe whose other end is closed, or a
            pidfd of a process that has ended.
    """

    name: str
    data: Path | None
    manifests: tuple[LabManifest, ...]
    settings: LabSettings
    patience: float | None
    wire: SocketAddress | None = None
    invitation: "Invitation | None" = None
    owners: tuple[int, ...] = ()
    userspace: bool | None = None

    @property
    def may_do_without(self) -> bool:
        """Whether the lab is to go without namespaces where they are refused."""
        needs_them = self.invitation is not None or self.wire is not None or bool(refusals(self.settings))
        return self.userspace is None and not needs_them


@dataclass(frozen=True)
class Settled:
    """Everything is ready.

    Attributes:
        seconds: time since the start of the lab.
        nodes: the names of the nodes on this host.
        pods: the number of ready Pods.
        name_servers: the ready Pods of the cluster's DNS.
    """

    lab: RunningLab
    seconds: float
    nodes: tuple[str, ...]
    pods: int = 0
    name_servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """Receives the progress of a lab: ``tell`` gets short lines."""

    tell: Callable[[str], None]
    settled: Callable[[Settled], None]


def serve(options: LabOptions, listener: Listener) -> None:
    """Run a lab until it is ended by SIGINT, SIGTERM or a request at its control socket.

    Raises:
        LabError: it could not be started, a manifest was refused, or its PID 1 was killed. Nothing is left of it.
    """
    began = time.monotonic()
    if options.userspace:
        _serve(options, listener, began, has_namespaces=False)
        return
    try:
        require_programs(may_do_without=options.may_do_without)
        require_families(options.settings.ip_families)
        _serve(options, listener, began, has_namespaces=True)
    except NamespacesRefused as refusal:
        if not options.may_do_without:
            raise
        listener.tell(str(refusal))
        listener.tell(WITHOUT_NAMESPACES)
        _serve(options, listener, began, has_namespaces=False)


def _serve(options: LabOptions, listener: Listener, began: float, *, has_namespaces: bool) -> None:
    run_folder.remove_leftovers()
    folder = run_folder.root() / options.name
    try:
        lock = run_folder.claim(options.name)
    except run_folder.RunFolderInUse:
        raise LabError(
            f'a lab named "{options.name}" is running: stop it with `fairlead down --name {options.name}`, '
            "or give this lab another --name"
        ) from None
    try:
        with data_folder(options.data or folder / "data", options.settings.ip_families) as (data, data_lock):
            if not has_namespaces:
                _serve_on_loopback(options, listener, began, (data, folder), (lock, data_lock))
                return
            check_kind(data, has_namespaces=True)
            settings = _remembered(options.settings, data, listener)
            wire = _wire(options, data)
            plan = LabPlan(options.name, folder, data, options.manifests, settings, wire, home_of_user(), place_here())
            with host_sockets(plan) as sockets:
                lab = _lab(plan, sockets)
                _Outside(plan, lab, listener, began).follow(sockets, options, (lock, data_lock))
    finally:
        run_folder.remove(folder)
        os.close(lock)


def _serve_on_loopback(
    options: LabOptions, listener: Listener, began: float, folders: tuple[Path, Path], locks: tuple[int, int]
) -> None:
    """Run a lab without namespaces.

    Args:
        folders: for its data, and its run folder. locks: descriptors that hold them.
    """
    if options.wire or options.invitation:
        raise LabError("a lab without namespaces cannot be connected with other hosts: leave out --wire")
    data, folder = folders
    check_kind(data, has_namespaces=False)
    with loopback_sockets(options.name, data) as (number, sockets):
        settings = on_loopback(_remembered(options.settings, data, listener), number)
        plan = LabPlan(options.name, folder, data, options.manifests, settings, loopback=number)
        lab = RunningLab(folder, os.getpid(), plan.api_url, loopback=number)
        try:
            _Outside(plan, lab, listener, began).follow(sockets, options, locks)
        finally:
            end_descendants()  # which the kernel does where PID 1 of a namespace ends


def _remembered(settings: LabSettings, data: Path, listener: Listener) -> LabSettings:
    """The settings with the nodes that the lab has after all that was added and removed in its earlier lives."""
    nodes = recall(memory_of_nodes(data)).nodes(settings.nodes, settings.ip_families)
    for name in sorted({node.name for node in settings.nodes} - {node.name for node in nodes}):
        listener.tell(f"without {name}, which was removed; `fairlead node add {name}` brings it back")
    return structs.replace(settings, nodes=nodes)


def _wire(options: LabOptions, data: Path) -> WirePlan | None:
    if invitation := options.invitation:
        return WirePlan(invitation.vni, options.wire or invitation.address, invitation.hub)
    return WirePlan(vni_of(data), options.wire) if options.wire else None


def _lab(plan: LabPlan, sockets: HostSockets) -> RunningLab:
    if sockets.api:
        url = f"https://{LOOPBACK}:{sockets.api.getsockname()[1]}"
        return RunningLab(plan.run_folder, os.getpid(), url, proxyless=_proxyless(plan.settings))
    assert plan.wire
    return RunningLab(plan.run_folder, os.getpid(), str(plan.wire.hub), plan.nodes[0].name)


def _proxyless(settings: LabSettings) -> run_folder.ProxylessNodes:
    is_usual = settings.proxy_mode == NO_PROXY
    differ = (node.name for node in settings.nodes if (settings.proxy_mode_of(node) == NO_PROXY) != is_usual)
    return run_folder.ProxylessNodes(is_usual, tuple(differ))


class _Ended(Exception):
    """The lab must end; this is not an error."""


class _Outside:
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
                self._listener.tell(_told(report))
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


def _told(report: Doc) -> str:
    """A report that is only passed on, in words."""
    if "note" in report:
        return str(report["note"])
    return f"{report['died']} has ended ({_how(report['code'])}) and is started again; its log: {report['log']}"


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, set off by a colon; nothing when it has none."""
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return ""
    return ":\n" + "\n".join(last) if last else ""

"""PID 1 of a lab: creates its networks, forks its components, serves requests, and ends with the host process.

Runs in new namespaces below the host process (``lab``). Stays synchronous, because it forks. When the host process has
ended, PID 1 does its cleanup and ends. When PID 1 ends, the kernel ends all processes of the lab and removes its
namespaces, links, rules and mounts.
"""

import os
import selectors
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

from fairlead.app.lab.host_link import Doors
from fairlead.app.lab.init.networks import Networks
from fairlead.app.lab.init.no_networks import NoNetworks
from fairlead.app.lab.plan import PROXY, LabPlan
from fairlead.drivers.lab import control_socket, run_folder
from fairlead.drivers.linux.process_identity import ProcessIdentity
from fairlead.drivers.linux.process_tree import end_descendants
from fairlead.drivers.pods.launching.nursery import Nursery
from fairlead.drivers.pods.orphan_ends import OrphanEnds


def main(plan: LabPlan, doors: Doors, nursery: Nursery) -> NoReturn:
    """Run as PID 1 until the host process has ended."""
    networks = Networks(plan) if plan.loopback is None else NoNetworks(plan)
    api_sockets = [doors.sockets.api] if doors.sockets.api else []
    if doors.sockets.api and plan.loopback is None and not plan.settings.control_plane:
        api_sockets.append(_listen(plan.api_address))
    control = control_socket.listen(plan.run_folder / "control")
    _supervise(plan, doors, networks, api_sockets, control, nursery)
    if plan.loopback is not None:
        end_descendants()
    run_folder.remove(plan.run_folder)
    os._exit(0)


def _listen(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family, backlog=256)


def _tell_ends(plan: LabPlan) -> Callable[[ProcessIdentity, int], None]:
    """Records how containers ended that outlived their node agent. Without namespaces there are none."""
    return OrphanEnds(plan.orphan_ends).tell if plan.loopback is None else lambda _, __: None


def _supervise(
    plan: LabPlan,
    doors: Doors,
    networks: Networks | NoNetworks,
    api_sockets: list[socket.socket],
    control: socket.socket,
    nursery: Nursery,
) -> None:
    from fairlead.app.lab.init.components import components, router_component
    from fairlead.app.lab.init.control import ControlRequests
    from fairlead.app.lab.init.demand import Demand
    from fairlead.app.lab.init.nodes import Nodes
    from fairlead.app.lab.init.sharing import share_tables
    from fairlead.app.lab.init.wire_peers import LabWire
    from fairlead.drivers.lab.supervisor import Supervisor

    wakeup, signalled = socket.socketpair()
    for end in (wakeup, signalled):
        end.setblocking(False)
    signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    def let_go() -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for thing in (wakeup, signalled, control, selector, networks, routing):
            thing.close()

    os.read(doors.prepared, 1)
    share_tables(plan.kubeconfig(PROXY))
    routing = Demand(router_component(plan, networks))
    parts = components(plan, networks, api_sockets, doors, nursery.socket, routing.ask)
    supervisor = Supervisor(parts, doors.report, let_go, _tell_ends(plan))
    underlay = doors.sockets.wire
    wire = None
    if underlay and isinstance(networks, Networks):
        wire = LabWire(plan, networks, underlay, doors.report, supervisor)
    respond = ControlRequests(doors, Nodes(plan, networks, supervisor, wire, nursery.socket)).respond
    callers = control_socket.Callers(outside=True, everybody=plan.loopback is not None)
    with selectors.DefaultSelector() as selector:
        sources: tuple[int | socket.socket, ...] = (doors.life, wakeup, control, routing.reader)
        for source in sources:
            selector.register(source, selectors.EVENT_READ)
        while True:
            delay = supervisor.start_due()
            ready = {key.fileobj for key, _ in selector.select(delay)}
            if doors.life in ready:
                return
            if control in ready:
                control_socket.answer(control, callers, respond)
            routing.meet(supervisor, ready)
            if wakeup in ready:
                wakeup.recv(4096)
            supervisor.reap()
            nursery.keep()

"""A lab's sockets in this machine's network: the API server's listening socket on loopback, and one end of the wire.

The host process creates them before the namespaces: a socket belongs to the network namespace that it was created in.
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.app.lab.fork import LabError
from fairlead.app.lab.host.data_folder import API_PORT_FILE, LOOPBACK_FILE
from fairlead.app.lab.host_link import HostSockets
from fairlead.app.lab.listeners import LOOPBACK
from fairlead.app.lab.plan import API_PORT, LabPlan, WirePlan
from fairlead.dataplane.vxlan import VNI_MAX
from fairlead.drivers.entropy import choose
from fairlead.drivers.lab.wire_ends import open_underlay
from fairlead.labnet.loopback import lab_network, loopback_plan, numbers_for


@contextmanager
def host_sockets(plan: LabPlan) -> Iterator[HostSockets]:
    """The sockets that this lab needs.

    Raises:
        LabError: one could not be bound.
    """
    wire = _wire_socket(plan.wire) if plan.wire else None
    sockets = HostSockets(None, wire)
    try:
        if not plan.has_joined:
            sockets = HostSockets(_api_socket(plan.data_folder), wire)
        yield sockets
    finally:
        sockets.close()


def _wire_socket(wire: WirePlan) -> socket.socket:
    try:
        return open_underlay(wire.address)
    except OSError as error:
        raise LabError(
            f"the wire cannot be bound at {wire.address}: {error.strerror}; give an address of this machine, "
            "and another port if this one is taken"
        ) from error


def _api_socket(data: Path) -> socket.socket:
    """A listening socket on this machine: at the port that the lab had before, so that kubeconfigs stay good; else at
    the usual port if that is free, else anywhere."""
    remembered = data / API_PORT_FILE
    try:
        candidates = [int(remembered.read_text())]
    except (FileNotFoundError, ValueError):
        candidates = [API_PORT, 0]
    for port in candidates:
        try:
            listener = socket.create_server((LOOPBACK, port), backlog=256)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            remembered.write_text(str(listener.getsockname()[1]))
            return listener
    raise LabError(
        f"port {candidates[0]} of {LOOPBACK}, where this lab's API server was before, is taken: "
        f"stop the process that listens there, or delete {remembered} to use another port"
    )


@contextmanager
def loopback_sockets(name: str, data: Path) -> Iterator[tuple[int, HostSockets]]:
    """The number of a lab without namespaces, and its API server's socket, by which it has that number to itself: the
    one that it had before, so that addresses stay good; else one that no other lab has.

    Raises:
        LabError: there is none left, or another process has that socket.
    """
    remembered = data / LOOPBACK_FILE
    try:
        candidates = [int(remembered.read_text())]
    except (FileNotFoundError, ValueError):
        candidates = list(numbers_for(name))
    for number in candidates:
        address = loopback_plan(number).switch, API_PORT
        try:
            listener = socket.create_server(address, backlog=256)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise LabError(f"the API server cannot listen at {address[0]}:{API_PORT}: {error.strerror}") from error
            continue
        with listener:
            remembered.write_text(str(number))
            yield number, HostSockets(listener, None)
        return
    raise LabError(
        f"{lab_network(candidates[0])}, where this lab had its addresses, is in use by another process: stop it, or "
        f"delete {data} to begin again"
        if len(candidates) == 1
        else "every part of 127.0.0.0/8 that a lab can use is taken"
    )


def vni_of(data: Path) -> int:
    """The number of a lab's VXLAN segment: that which it had before, so that invitations stay good; else one that
    hardly another lab has."""
    remembered = data / "vni"
    try:
        return int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        vni = 1 + choose(VNI_MAX)
        remembered.write_text(str(vni))
        return vni

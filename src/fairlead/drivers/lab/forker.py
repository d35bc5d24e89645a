"""A process that forks for another: it runs commands and makes sockets inside a lab.

A program with threads must not fork, and only a fork can enter a Pod's namespaces and leave its parent where it is. So
``forker_client`` starts this process, which has one thread and imports little. A request is one message on a socket: a
JSON document, and descriptors of which the first is where the answer goes. The process ends with its client.
"""

import array
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, NoReturn

from fairlead.drivers.lab.enter import EnteredCommand, Place, run_inside
from fairlead.drivers.linux.calls import CLONE_NEWNET, CLONE_NEWUSER, set_parent_death_signal, setns
from fairlead.drivers.linux.privileged_ports import first_free_port
from fairlead.labnet.loopback import PortRule
from fairlead.nodeagent.credentials import credentials_from

LONGEST = 256 * 1024  # octets of a request
MAX_FDS = 8
CONNECT_SECONDS = 10.0

Request = Mapping[str, Any]
_KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}


def main() -> None:
    """Serve the socket whose descriptor is the first argument until its other end is closed."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: they answer by themselves
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, LONGEST, MAX_FDS)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            _answer(json.loads(message), descriptors)
        for fd in descriptors:
            os.close(fd)


def _answer(request: Request, descriptors: Sequence[int]) -> NoReturn:
    """Run as the child of one request."""
    code = 1
    try:
        set_parent_death_signal(signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setpgid(0, 0)  # so that what it runs can be killed as one
        answer = socket.socket(fileno=descriptors[0])
        answer.send(json.dumps({"pid": os.getpid()}).encode())
        try:
            _REQUESTS[request["op"]](request, descriptors[1:], answer)
            code = 0
        except OSError as error:
            with suppress(OSError):
                answer.send(json.dumps({"error": os.strerror(error.errno or 0), "errno": error.errno}).encode())
    finally:
        os._exit(code)


def kind_of(place: Place) -> dict[str, Any]:
    """How a place is entered, as a request has it."""
    variables = None if place.variables is None else dict(place.variables)
    return {"user_namespace": place.has_user_namespace, "variables": variables}


def make_socket(place: Place, request: Request) -> socket.socket:
    """A socket made in the network of a place, which must name one, by a fork of this process: for programs without
    threads.

    Args:
        request: one of those of a socket; see ``_REQUESTS``.

    Raises:
        OSError: it cannot be made, or connected.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _answer({**kind_of(place), **request}, (theirs.fileno(), *place.descriptors))
    with ours:
        theirs.close()
        ours.recv(LONGEST)  # its pid
        try:
            return taken(ours)
        finally:
            os.waitpid(pid, 0)


def taken(answer: socket.socket) -> socket.socket:
    """The socket that comes as an answer; raises OSError when none comes."""
    message, descriptors, _, _ = socket.recv_fds(answer, LONGEST, 1)
    document = json.loads(message) if message else {"error": "the process that makes sockets has ended", "errno": 5}
    if "error" in document:
        raise OSError(document["errno"], document["error"])
    return socket.socket(fileno=descriptors[0])


def _exec(request: Request, descriptors: Sequence[int], answer: socket.socket) -> None:
    """Run a command with the standard streams that came along, then those of the place."""
    streams, place = descriptors[:3], descriptors[3:]
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    credentials = request["credentials"]
    there = Place(
        place[0],
        request["user_namespace"],
        place[1] if len(place) > 1 else None,
        None if credentials is None else credentials_from(credentials),
        request["variables"],
    )
    command = EnteredCommand(tuple(request["arguments"]), request["environment"], request["directory"])
    answer.send(json.dumps({"code": run_inside(there, command)}).encode())


def _enter_network(request: Request, place: Sequence[int]) -> None:
    if request["variables"] is not None:
        return
    if request["user_namespace"]:
        setns(place[0], CLONE_NEWUSER)
    setns(place[1], CLONE_NEWNET)


def _listen(request: Request, place: Sequence[int], answer: socket.socket) -> None:
    """Make a socket that listens (TCP) or is bound (UDP) in the network of the place."""
    _enter_network(request, place)
    host, port = request["address"]
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, _KINDS[request["protocol"]])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, made.type == socket.SOCK_STREAM)
    made.bind(_bound(request, host, port))
    if made.type == socket.SOCK_STREAM:
        made.listen(256)
    _give(answer, made)


def _connect(request: Request, place: Sequence[int], answer: socket.socket) -> None:
    """Make a connected socket in the network of the place."""
    _enter_network(request, place)
    host, port = request["address"]
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, _KINDS[request["protocol"]])
    made.settimeout(request.get("seconds", CONNECT_SECONDS))
    if own := _own_address(request):
        made.bind((own, 0))
        port = _port_rule(own).bound(port) if ip_address(host).is_loopback else port
    made.connect((host, port))
    made.settimeout(None)
    _give(answer, made)


def _own_address(request: Request) -> str:
    """What is a network of its own elsewhere is an address in a lab without namespaces; empty elsewhere."""
    return str((request["variables"] or {}).get("POD_IP", ""))


def _bound(request: Request, host: str, port: int) -> tuple[str, int]:
    """Where to listen: every address is the one that the place has."""
    own = _own_address(request)
    return (own, _port_rule(own).bound(port)) if own else (host, port)


def _port_rule(own: str) -> PortRule:
    return PortRule(first_free_port(own))


def _connect_abstract(request: Request, place: Sequence[int], answer: socket.socket) -> None:
    """Connect to an abstract Unix socket (unix(7)), which belongs to a network namespace as any other."""
    _enter_network(request, place)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(CONNECT_SECONDS)
    made.connect(f"\0{request['name']}")
    made.settimeout(None)
    _give(answer, made)


def _packets(request: Request, place: Sequence[int], answer: socket.socket) -> None:
    """Make a packet socket (packet(7)) on a link in the network of the place; on request, have the kernel put whole
    frames on that link."""
    from fairlead.drivers.lab.wire_ends import open_link, send_whole_frames

    _enter_network(request, place)
    if request["whole"]:
        send_whole_frames(request["link"])
    _give(answer, open_link(request["link"]))


def _give(answer: socket.socket, made: socket.socket) -> None:
    answer.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [made.fileno()]))])


_REQUESTS: dict[str, Callable[[Request, Sequence[int], socket.socket], None]] = {
    "exec": _exec,
    "listen": _listen,
    "connect": _connect,
    "connect-abstract": _connect_abstract,
    "packets": _packets,
}

"""Delays packets between two Pods, for kernels without netem: this program holds them back.

Packet sockets see an arriving packet before the rules of the hook ``ingress`` (packet(7), nft(8)). A rule there drops
each packet that must be late. This program has a copy, and sends it again after the delay from the node's end of the
Pod's link, with another link-layer source, which the rule lets pass. Addresses, ports and order are kept, for any
protocol. Rules and copies end with this program.
"""

import asyncio
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from fairlead.drivers.kube.client import PODS
from fairlead.drivers.lab.nft_session import NftSession
from fairlead.lab import objects
from fairlead.lab.commands import as_of_this_machine, execute
from fairlead.lab.connection import EntryPoint, LabConnection
from fairlead.lab.errors import LabError
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.names import ObjectKey

LINK = "eth0"  # the Pod's end
_MARK = "02:de:1a:00:00:01"  # locally administered, and unused
_MARK_OCTETS = bytes.fromhex(_MARK.replace(":", ""))
_LARGEST = 65536
_BURST = 64
_WORDS = {IPFamily.IPV4: "ip", IPFamily.IPV6: "ip6"}
_TYPES = {IPFamily.IPV4: b"\x08\x00", IPFamily.IPV6: b"\x86\xdd"}  # of an Ethernet frame
_SOURCES = {IPFamily.IPV4: slice(26, 30), IPFamily.IPV6: slice(22, 38)}  # where its packet has its source


class FrameHolder:
    """Holds back the frames of some senders."""

    def __init__(
        self, arrivals: socket.socket, departures: socket.socket, sources: Iterable[str], seconds: float
    ) -> None:
        self._arrivals, self._departures, self._seconds = arrivals, departures, seconds
        self._sources = {_packed(source) for source in sources}
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        self._loop.add_reader(self._arrivals, self._take)

    def stop(self) -> None:
        """Packets that are held back still leave at their time."""
        self._loop.remove_reader(self._arrivals)

    def _take(self) -> None:
        with suppress(BlockingIOError):
            for _ in range(_BURST):
                frame = self._arrivals.recv(_LARGEST)
                if frame[6:12] != _MARK_OCTETS and source_of(frame) in self._sources:
                    self._loop.call_later(self._seconds, self._pass_on, frame[:6] + _MARK_OCTETS + frame[12:])

    def _pass_on(self, frame: bytes) -> None:
        with suppress(OSError):  # as good as lost on the way
            self._departures.send(frame)


def source_of(frame: bytes) -> bytes:
    """The source address of the IP packet in an Ethernet frame; empty for other packets."""
    return next((frame[_SOURCES[family]] for family, type_ in _TYPES.items() if frame[12:14] == type_), b"")


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def table(number: int, sources: Iterable[str]) -> str:
    """The rules that drop packets that must be late, as nft reads them, in one line."""
    rules = "".join(f"ether saddr != {_MARK} {_WORDS[family_of(a)]} saddr {a} drop; " for a in sources)
    return (
        f"table netdev fairlead-delay-{number} {{ flags owner; "
        f"chain late {{ type filter hook ingress device {LINK} priority 0; {rules}}}; }}"
    )


@contextmanager
def delayed(connection: LabConnection, pod: ObjectKey, sources: tuple[str, ...], seconds: float) -> Iterator[None]:
    """Delay packets from these addresses to a Pod until the context ends.

    Raises:
        LabError: it cannot be done.
    """
    if seconds <= 0:
        raise LabError(f"delay: {seconds} must be more than 0 seconds")
    with ExitStack() as stack:
        here = stack.enter_context(connection.enter_network(pod.namespace, pod.name))
        node, address = _placement(connection, pod)
        there = stack.enter_context(connection.enter_network("", f"node/{node}"))
        link = _link_to(connection, there, address)
        arrivals = stack.enter_context(_packets(connection, here, LINK, whole=False))
        departures = stack.enter_context(_packets(connection, there, link, whole=True))
        stack.enter_context(_held(connection, arrivals, departures, sources, seconds))
        running = connection.forker.start(here.place, as_of_this_machine(("nft", "-i")))
        session = stack.enter_context(NftSession(running))
        if refusal := session.command(table(running.pid, sources)):
            raise LabError(f"the kernel rejects the rules of a fault: {refusal}")
        yield


@contextmanager
def _held(
    connection: LabConnection,
    arrivals: socket.socket,
    departures: socket.socket,
    sources: tuple[str, ...],
    seconds: float,
) -> Iterator[None]:
    async def start() -> FrameHolder:
        holder = FrameHolder(arrivals, departures, sources, seconds)
        holder.start()
        return holder

    async def stop(holder: FrameHolder) -> None:
        holder.stop()
        await asyncio.sleep(seconds)  # for what is still held back

    holder = connection.background.call(start())
    try:
        yield
    finally:
        connection.background.call(stop(holder))


def _packets(connection: LabConnection, entry: EntryPoint, link: str, *, whole: bool) -> socket.socket:
    made = connection.forker.make_socket(entry.place, {"op": "packets", "link": link, "whole": whole})
    made.setblocking(False)
    return made


def _placement(connection: LabConnection, pod: ObjectKey) -> tuple[str, str]:
    """The node of a Pod, and its address."""
    found = connection.ask(lambda client, _: objects.get(client, PODS, pod.namespace, pod.name))
    return str(found["spec"]["nodeName"]), str(found["status"]["podIP"])


def _link_to(connection: LabConnection, node: EntryPoint, address: str) -> str:
    """The node's end of the Pod's link."""
    found = execute(connection, node, as_of_this_machine(("ip", "-j", "route", "get", address)), {})
    return str(json.loads(found.stdout)[0]["dev"])

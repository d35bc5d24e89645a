"""The table of connections over real sockets on loopback: the client's result, and the source that the endpoint sees.

No namespaces, no rules in a kernel and no privileges but that of low ports; where those are missing, higher ones stand
for them.
"""

import asyncio
import functools
import socket
from contextlib import suppress

import pytest

from fairlead.app.proxy.userspace.decision import Destination
from fairlead.app.proxy.userspace.listeners import Listeners
from fairlead.drivers.linux.privileged_ports import first_free_port
from fairlead.drivers.proxy.stream_relay import Route, listen
from fairlead.labnet.loopback import PortRule
from fairlead.netfilter.ruleset import Target
from fairlead.trace.chance import Draws
from fairlead.trace.contract import Rules
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, PacketFate
from tests.support.loopback_flows import TABLE, as_sockets_have_it, cluster_of, outcomes_of

PORTS = PortRule(first_free_port("127.31.0.1"))
PATIENCE = 60.0  # seconds
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Stage:
    """A node of the table with its sockets, and servers at its endpoints that tell who they are and who asks."""

    def __init__(self, flow):
        self.flow, self.turn, self.decided = flow, 0, asyncio.Queue()
        self.cluster = cluster_of(flow.world, Draws(lambda below: self.turn % below))
        self.notes, self.servers = [], []
        self.listeners = Listeners(PORTS, self.decide, self.notes.append)

    async def decide(self, frontend, client):
        decisions = self.cluster.decisions
        decision = decisions.decide_at("here", decisions.client(client[0]), Destination(*frontend))
        self.decided.put_nowait(decision)
        if decision.target is None:
            return Route(None, is_silent=decision.fate is PacketFate.DROP)
        return Route(Target(decision.target.address, PORTS.bound(decision.target.port)), decision.source)

    async def __aenter__(self):
        for address, port in sorted(self.endpoints()):
            made = listen((address, PORTS.bound(port)), KINDS[self.flow.protocol])
            name = f"{address} {port}"
            if self.flow.protocol == "tcp":
                self.servers.append(await asyncio.start_server(answering(name), sock=made))
            else:
                made.setblocking(False)
                make = functools.partial(Answering, name)
                transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(make, sock=made)
                self.servers.append(transport)
        self.listeners.keep(self.cluster.frontends)
        assert self.notes == []
        return self

    async def __aexit__(self, *_):
        self.listeners.close()
        for server in self.servers:
            server.close()

    def endpoints(self):
        protocol = self.flow.protocol.upper()
        return {
            (address, port.port)
            for slice_ in self.flow.world.slices
            for port in slice_.ports or ()
            if (port.protocol or "TCP") == protocol
            for endpoint in slice_.endpoints or ()
            for address in endpoint.addresses
        }

    async def outcome(self):
        """What happens to one connection."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, KINDS[self.flow.protocol]) as client:
            client.setblocking(False)
            client.bind((self.flow.source, 0))
            try:
                async with asyncio.timeout(PATIENCE):
                    await loop.sock_connect(client, (self.flow.destination, PORTS.bound(self.flow.port)))
                    await loop.sock_sendall(client, b"who\n")
                    return await self._told(client)
            except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
                return REJECTED

    async def _told(self, client):
        loop = asyncio.get_running_loop()
        deciding = asyncio.ensure_future(self.decided.get())
        answer = asyncio.ensure_future(loop.sock_recv(client, 512))
        await asyncio.wait([deciding, answer], return_when=asyncio.FIRST_COMPLETED)
        if not deciding.done():
            deciding.cancel()
            return await answer  # an error: nobody listens for datagrams
        decision = deciding.result()
        if decision.target is None and decision.fate is PacketFate.DROP:
            answer.cancel()
            await asyncio.wait([answer])
            with pytest.raises(BlockingIOError):
                client.recv(1)
            return DROPPED
        address, port, seen = (await answer).decode().split()
        assert seen == decision.source
        return Outcome(PacketFate.ACCEPT, address, int(port), decision.is_masqueraded)


def answering(name):
    async def answer(reader, writer):
        with suppress(ConnectionError):
            await reader.readline()
            writer.write(f"{name} {writer.get_extra_info('peername')[0]}".encode())
            await writer.drain()
        writer.close()

    return answer


class Answering(asyncio.DatagramProtocol):
    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(f"{self.name} {addr[0]}".encode(), addr)


@pytest.mark.parametrize("flow", TABLE, ids=str)
def test_a_client_gets_what_the_table_says(flow):
    """Dropped: accepted and silent, or refused where nothing listens; rejected: refused, or accepted and reset."""
    is_served = any(outcome != REJECTED for outcome in outcomes_of(flow))
    expected = as_sockets_have_it(flow.outcomes(Rules.NFT), flow, is_served=is_served)

    async def scenario():
        found = set()
        async with Stage(flow) as stage:
            for stage.turn in range(12):  # every endpoint of two, three or four has had its turn by then
                found.add(await stage.outcome())
        return found

    assert asyncio.run(scenario()) == expected

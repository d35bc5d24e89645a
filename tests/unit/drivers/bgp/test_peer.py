"""Sessions over real connections: with a router that behaves, is hostile, hangs up, or asks for a password."""

import asyncio
import contextlib
import secrets
import socket
from pathlib import Path

import pytest

from fairlead.bgp import messages
from fairlead.bgp.capabilities import Capabilities
from fairlead.bgp.messages import Notification, OpenMessage
from fairlead.bgp.session import Session, SessionState, StateChanged
from fairlead.bgp.terms import Terms
from fairlead.bgp.updates import PathAttributes, announcements
from fairlead.drivers.bgp import peer as peer_module
from fairlead.drivers.bgp.peer import BgpPeer
from fairlead.drivers.bgp.sockets import RouterAddress, unconnected
from fairlead.model.addresses import IPFamily

pytestmark = pytest.mark.io  # sockets

TERMS = Terms(asn=64512, peer_asn=64513, identifier="192.0.2.1", families=(IPFamily.IPV4,))
OPEN = messages.encode_open(OpenMessage(64513, 9, "192.0.2.254", Capabilities((IPFamily.IPV4,), 64513)))
ROUTE = "198.51.100.1/32"


def hardly() -> float:
    """In place of a number from 0 to 1: leaves a few milliseconds of the pause between two attempts."""
    return -2.99


class Listener:
    """A router that is driven by a test: hands out connections as they come.

    Args:
        password: of the segments' signature; empty for none.
    """

    def __init__(self, password: str = "") -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # soon full
        self.port = self._socket.getsockname()[1]
        if password:
            sign(self._socket, password)

    async def accept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection, _ = await asyncio.get_running_loop().sock_accept(self._socket)
        return await asyncio.open_connection(sock=connection)

    async def establish(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.accept()
        await heard(reader)
        writer.write(OPEN + messages.KEEPALIVE)
        assert await heard(reader) == messages.KEEPALIVE
        return reader, writer

    def close(self) -> None:
        self._socket.close()


def sign(listening: socket.socket, password: str) -> None:
    """Have a listening socket take only what is signed, from this host."""
    import struct

    address = struct.pack("=H2x4s", socket.AF_INET, socket.inet_aton("127.0.0.1"))
    option = struct.pack("=128sBBHi80s", address, 0, 0, len(password), 0, password.encode())
    listening.setsockopt(socket.IPPROTO_TCP, 14, option)


async def heard(reader: asyncio.StreamReader) -> bytes:
    """The next message."""
    header = await reader.readexactly(19)
    return header + await reader.readexactly(int.from_bytes(header[16:18]) - 19)


@contextlib.asynccontextmanager
async def peer_of(listener: Listener, password: Path | None = None):
    """A peer that runs, and the states that it has told of."""
    states: asyncio.Queue[StateChanged] = asyncio.Queue()
    session = Session(TERMS, hardly)
    router = RouterAddress("127.0.0.1", listener.port, password)
    peer = BgpPeer(router, session, lambda _, change: states.put_nowait(change))
    peer.announce([ROUTE], {IPFamily.IPV4: "192.0.2.1"})
    peer.start()
    try:
        yield peer, states
    finally:
        await peer.stop()
        listener.close()


def run(scenario) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario

    asyncio.run(bounded())


def test_a_router_learns_routes_and_withdrawals():
    async def scenario():
        listener = Listener()
        async with peer_of(listener) as (_, states):
            reader, writer = await listener.establish()
            expected = announcements([ROUTE], "192.0.2.1", PathAttributes(64512, is_internal=False))
            assert [await heard(reader)] == list(expected)
            assert (await states.get()).state == SessionState.ESTABLISHED
        assert (await heard(reader))[18:21] == bytes([messages.Type.NOTIFICATION, 6, 2])
        assert await reader.read() == b""
        writer.close()

    run(scenario())


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(secrets.token_bytes(100_000), id="noise"),
        pytest.param(messages.MARKER + b"\xff\xff\xff", id="an endless message"),
        pytest.param(OPEN[:-1], id="half an OPEN, and gone"),
        pytest.param(OPEN + OPEN, id="two OPENs"),
        pytest.param(OPEN + messages.KEEPALIVE + b"\0" * 5000, id="noise in a session"),
        pytest.param(
            OPEN + messages.encode_notification(Notification(255, 255, b"\xff" * 200)), id="a strange farewell"
        ),
        pytest.param(b"", id="nothing, and gone"),
    ],
)
def test_a_hostile_router_is_disconnected_and_tried_again(octets):
    async def scenario():
        listener = Listener()
        async with peer_of(listener) as (_, states):
            _, writer = await listener.accept()
            writer.write(octets)
            writer.write_eof()
            while (await states.get()).state != SessionState.IDLE:
                pass
            writer.close()
            _, writer = await listener.establish()
            while (await states.get()).state != SessionState.ESTABLISHED:
                pass
            writer.close()

    run(scenario())


def with_little_room(router: RouterAddress) -> tuple[socket.socket, tuple[str, int]]:
    """A socket of which the kernel keeps little: else it takes megabytes before anything has to wait."""
    made, address = unconnected(router)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return made, address


def test_a_router_that_does_not_read_is_disconnected(monkeypatch):
    """What it has not read does not pile up without end."""
    monkeypatch.setattr(peer_module, "MAX_UNSENT", 10_000)
    monkeypatch.setattr(peer_module, "unconnected", with_little_room)

    async def scenario():
        listener = Listener()
        async with peer_of(listener) as (peer, states):
            _, writer = await listener.establish()
            assert (await states.get()).state == SessionState.ESTABLISHED
            many = [f"10.{i >> 8}.{i & 255}.0/32" for i in range(2000)]
            while peer.session.state == SessionState.ESTABLISHED:
                peer.announce(many, {IPFamily.IPV4: "192.0.2.1"})
                peer.announce([], {IPFamily.IPV4: "192.0.2.1"})
                await asyncio.sleep(0)
            assert (await states.get()).state == SessionState.IDLE
            writer.close()

    run(scenario())


def test_passwords(tmp_path):
    """Signed by both with the same password there is a session; with others nothing is answered."""
    password = tmp_path / "password"

    async def scenario():
        listener = Listener("open-sesame")
        password.write_text("open-sesame\nnot this line\n")
        async with peer_of(listener, password) as (_, states):
            _, writer = await listener.establish()
            assert (await states.get()).state == SessionState.ESTABLISHED
            writer.close()
        other = Listener("another")
        async with peer_of(other, password) as (peer, states):
            while peer.session.state != SessionState.CONNECT:  # noqa: ASYNC110 - nothing tells of this state
                await asyncio.sleep(0)
            peer.session.tick(asyncio.get_running_loop().time() + 5)
            assert "no answer within 5 s" in peer.session.reason

    run(scenario())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "password file .*: No such file or directory"),
        ("\n", "password file .*: a password has 1 to 80 octets"),
        ("x" * 81, "password file .*: a password has 1 to 80 octets"),
    ],
)
def test_passwords_that_cannot_be(tmp_path, content, message):
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    with pytest.raises(OSError, match=message):
        unconnected(RouterAddress("127.0.0.1", 179, path))


def test_only_a_router_on_the_link():
    made, address = unconnected(RouterAddress("127.0.0.1", 1179, source="127.0.0.2", is_adjacent=True))
    with made:
        assert address == ("127.0.0.1", 1179)
        assert made.getsockname()[0] == "127.0.0.2"
        assert made.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 255
    made, _ = unconnected(RouterAddress("::1", 1179, is_adjacent=True))
    with made:
        assert made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == 255


@pytest.mark.parametrize(
    ("router", "expected"),
    [
        (RouterAddress("192.0.2.1"), "192.0.2.1"),
        (RouterAddress("192.0.2.1", 1179), "192.0.2.1:1179"),
        (RouterAddress("fe80::1%eth0", 1179), "[fe80::1%eth0]:1179"),
    ],
)
def test_names(router, expected):
    assert str(router) == expected

"""The node's HTTP API over real TLS and real processes, without a lab: permissions, and that slow or absent clients
cost no memory and leave nothing running."""

import asyncio
import os
import signal
import socket
import ssl
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from fairlead.drivers.identity.authentication import user_of_certificate
from fairlead.drivers.identity.pki import API_SERVER, certificate_files, ensure_certificate, ensure_pki
from fairlead.drivers.kubelet.pages import NodePage
from fairlead.drivers.kubelet.server import MAX_STRANGERS, KubeletServer, node_tls
from fairlead.drivers.pods.output import ContainerStreams, FinishedLog, LogFile
from fairlead.drivers.pods.runtime import Refused, open_streams
from fairlead.streaming.exec_events import Output
from fairlead.streaming.spdy_frames import Data, FrameReader, FrameWriter
from tests.support.tcp_buffers import HELD_BY_CONNECTION
from tests.support.web_socket_client import WebSocketClient

MEBIBYTE = 1 << 20
# What may be on its way: a pipe, a chunk, the buffers of transports, and what two connections on loopback hold.
IN_FLIGHT = 2 * HELD_BY_CONNECTION + 16 * MEBIBYTE
SETTLE = 0.3


class LocalProcess:
    def __init__(self, process):
        self._process = process
        self.pid = process.pid

    async def wait(self):
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def hang_up(self):
        self._process.send_signal(1)


class LocalRuntime:
    """Runs commands as processes of this machine; its one log is a file."""

    def __init__(self, folder: Path) -> None:
        self.log_path = folder / "log"
        self.processes: list[LocalProcess] = []
        self.streams: ContainerStreams | None = None

    def log(self, name, previous):
        if name.container != "c":
            raise Refused(404, "no such container")
        return self.streams.log if self.streams else FinishedLog(self.log_path)

    async def execute(self, name, command, stdio):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=stdio.stdin, stdout=stdio.stdout, stderr=stdio.stderr
        )
        self.processes.append(LocalProcess(process))
        return self.processes[-1]

    def attach(self, name):
        return self.streams.attach()

    async def connect(self, namespace, pod, port):
        connection = socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        return connection


class OnlyTheApiServer:
    """Access for one user; what asks the API server instead is tested without sockets."""

    async def check(self, request, certificate):
        user = user_of_certificate(certificate)
        if user is None:
            raise Refused(401, "Unauthorized")
        if user.name != API_SERVER:
            raise Refused(403, "Forbidden")


async def health(request):
    return NodePage(b"ok")


@pytest.fixture(scope="module", autouse=True)
def hang_ups_end_processes():
    """Commands begin with this process's signals, and under nohup that ignores the one they are to end by."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ensure_pki(folder, ["127.0.0.1"])
    for name, hosts in ((API_SERVER, ()), ("somebody", ()), ("node", ("127.0.0.1",))):
        ensure_certificate(folder, name, name, hosts)
    return folder


class World:
    def __init__(self, pki, runtime, port):
        self._pki, self.runtime, self.port = pki, runtime, port
        self._writers = []

    def abort(self):
        for writer in self._writers:
            with suppress(AttributeError):  # Python before 3.11.4 cannot abort a TLS connection that is closed already
                writer.transport.abort()

    async def connect(self, name=API_SERVER):
        tls = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        if name:
            tls.load_cert_chain(*certificate_files(self._pki, name))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls, limit=MEBIBYTE)
        self._writers.append(writer)
        return reader, writer

    async def ask(self, line, *headers, name=API_SERVER):
        reader, writer = await self.connect(name)
        writer.write("\r\n".join([f"{line} HTTP/1.1", "Host: n", *headers, "", ""]).encode())
        return reader, writer


@asynccontextmanager
async def world_of(pki, folder):
    runtime = LocalRuntime(folder)
    tls = node_tls(pki / "ca.crt", *certificate_files(pki, "node"))
    server = KubeletServer(runtime, OnlyTheApiServer(), {"healthz": health})
    world = World(pki, runtime, await server.start("127.0.0.1", 0, tls))
    try:
        yield world
    finally:
        world.abort()
        await server.close()
        await asyncio.gather(*(process.wait() for process in runtime.processes))


@pytest.fixture
def run(pki, tmp_path):
    """Runs a test's coroutine with a server of its own."""

    def run_(test):
        async def main():
            async with asyncio.timeout(60), world_of(pki, tmp_path) as world:
                await test(world)

        asyncio.run(main())

    return run_


class SpdyClient:
    """Speaks SPDY after an upgrade; reads only when asked to."""

    def __init__(self, reader, writer):
        self._reader, self.writer = reader, writer
        self.frames, self._parser = FrameWriter(), FrameReader()

    @classmethod
    async def open(cls, world, path, protocol, *streams):
        reader, writer = await world.ask(
            f"POST {path}", "Connection: Upgrade", "Upgrade: SPDY/3.1", f"X-Stream-Protocol-Version: {protocol}"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        client = cls(reader, writer)
        for number, headers in enumerate(streams):
            client.write(client.frames.syn_stream(2 * number + 1, headers))
        return client

    def write(self, data):
        self.writer.write(data)

    async def sent_until_held_up(self, stream):
        """How many bytes of a stream are taken before nobody takes more."""
        sent = 0
        with suppress(TimeoutError):
            while sent < 2 * IN_FLIGHT:
                self.write(self.frames.data(stream, bytes(65536)))
                async with asyncio.timeout(SETTLE):
                    await self.writer.drain()
                sent += 65536
        return sent

    async def data(self, stream, count=1):
        """At least so many bytes of a stream, or less when it ends."""
        found = b""
        while len(found) < count and (received := await self._reader.read(65536)):
            found += b"".join(
                f.data for f in self._parser.receive(received) if isinstance(f, Data) and f.stream == stream
            )
        return found


async def command(world, *arguments, stdin=False):
    query = "&".join(f"command={argument}" for argument in arguments) + "&output=1" + ("&input=1" if stdin else "")
    kinds = ["error", "stdout", *(["stdin"] if stdin else [])]
    streams = [{"streamtype": kind} for kind in kinds]
    return await SpdyClient.open(world, f"/exec/n/p/c?{query}", "v4.channel.k8s.io", *streams)


async def eventually(check):
    while not check():  # noqa: ASYNC110 (what is waited for is outside this process)
        await asyncio.sleep(0.01)


def written_by(pid):
    """Bytes that a process has written so far."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


async def settled(value):
    """A number once it is not 0 and no longer changes."""
    before = 0
    while (now := value()) != before or not now:
        before = now
        await asyncio.sleep(SETTLE)
    return now


async def answer_to(world, line, *headers, name=API_SERVER):
    reader, writer = await world.ask(line, *headers, name=name)
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()


class TestWhoMayAsk:
    def test_an_unauthenticated_client_is_refused(self, run):
        async def test(world):
            for line in ("GET /containerLogs/n/p/c", "POST /exec/n/p/c?command=id&output=1", "GET /healthz"):
                assert (await answer_to(world, line, name=None)).startswith("HTTP/1.1 401 ")
            assert world.runtime.processes == []

        run(test)

    def test_a_client_without_permission_is_refused(self, run):
        async def test(world):
            for line in ("GET /containerLogs/n/p/c", "POST /exec/n/p/c?command=id&output=1", "GET /"):
                assert (await answer_to(world, line, name="somebody")).startswith("HTTP/1.1 403 ")
            assert world.runtime.processes == []

        run(test)

    def test_idle_connections_do_not_block_other_clients(self, run):
        """Without a handshake, and with one but never a request; the oldest of these give way."""

        async def test(world):
            with ExitStack() as held:
                for _ in range(300):
                    held.enter_context(socket.create_connection(("127.0.0.1", world.port)))
                silent = [await world.connect("somebody") for _ in range(MAX_STRANGERS + 5)]
                assert (await answer_to(world, "GET /")).startswith("HTTP/1.1 404 ")
                for reader, _ in silent[:5]:
                    assert await reader.read() == b""

        run(test)


REQUESTS = [
    ("GET /", 404),
    ("GET /exec/n/p", 404),
    ("GET /containerLogs/n/p/other", 404),
    ("GET /containerLogs/n/p/c?tailLines=x", 400),
    ("POST /exec/n/p/c?command=true&output=1", 400),
    ("POST /exec/n/p/c?output=1", 400),
    ("POST /portForward/n/p", 400),
    ("DELETE /exec/n/p/c?command=true&output=1", 405),
    ("POST /containerLogs/n/p/c", 405),
    ("POST /healthz", 405),
    ("nonsense", 400),
]


def test_a_page_is_answered_whole_and_without_its_body_for_head(run):
    async def test(world):
        head, _, body = (await answer_to(world, "GET /healthz")).partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert body == "ok"
        assert await answer_to(world, "HEAD /healthz") == f"{head}\r\n\r\n"

    run(test)


@pytest.mark.parametrize(("line", "code"), REQUESTS)
def test_requests_that_are_refused(run, line, code):
    async def test(world):
        assert (await answer_to(world, line)).startswith(f"HTTP/1.1 {code} ")

    run(test)


class TestSlowness:
    def test_a_command_waits_for_a_client_that_does_not_read(self, run):
        async def test(world):
            client = await command(world, "cat", "/dev/zero")
            await eventually(lambda: world.runtime.processes)
            pid = world.runtime.processes[0].pid
            assert await settled(lambda: written_by(pid)) < IN_FLIGHT
            client.writer.transport.abort()
            assert await world.runtime.processes[0].wait() == 129

        run(test)

    def test_a_client_waits_for_a_command_that_does_not_read(self, run):
        async def test(world):
            client = await command(world, "sleep", "100", stdin=True)
            await eventually(lambda: world.runtime.processes)
            assert await client.sent_until_held_up(5) < IN_FLIGHT
            world.runtime.processes[0].hang_up()
            await client.data(1)

        run(test)

    def test_connections_of_a_pod_that_does_not_read_hold_up_the_client(self, run):
        async def test(world):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = {"port": str(listener.getsockname()[1]), "requestid": "0"}
                streams = [{"streamtype": kind, **port} for kind in ("error", "data")]
                client = await SpdyClient.open(world, "/portForward/n/p", "portforward.k8s.io", *streams)
                listener.setblocking(False)
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                with connection:
                    assert await client.sent_until_held_up(3) < IN_FLIGHT
                    client.writer.transport.abort()
                    await asyncio.to_thread(_read_all, connection)

        run(test)


def _read_all(connection):
    connection.settimeout(30)
    try:
        while connection.recv(MEBIBYTE):
            pass
    except ConnectionResetError:
        return


class TestEnds:
    def test_a_command_gets_a_hangup_when_its_client_disconnects(self, run):
        async def test(world):
            client = await command(world, "sleep", "100")
            await eventually(lambda: world.runtime.processes)
            client.writer.close()
            assert await world.runtime.processes[0].wait() == 129

        run(test)

    def test_a_command_reads_what_a_client_sent_before_it_went(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr("fairlead.drivers.kubelet.exec_stream.READS_ON_FOR", 60.0)
        file = tmp_path / "copy"
        target = quote(f"sleep 0.3; cat > {file}; echo >> {file}")

        async def over_spdy(world):
            client = await command(world, "sh", "-c", target, stdin=True)
            client.write(client.frames.data(5, b"sent"))
            await client.writer.drain()
            client.writer.close()

        async def over_web_socket(world):
            reader, writer = await world.connect()
            client = WebSocketClient("v4.channel.k8s.io")
            path = f"/exec/n/p/c?command=sh&command=-c&command={target}&input=1&output=1"
            writer.write(client.head.replace(b" /exec ", f" {path} ".encode()))
            client.received(await reader.readuntil(b"\r\n\r\n"))
            writer.write(client.message(b"\0sent") + client.close())
            await writer.drain()

        async def test(world):
            for client in (over_spdy, over_web_socket):
                await client(world)
                await eventually(lambda: file.exists() and file.read_text() == "sent\n")
                file.unlink()

        run(test)

    def test_input_that_comes_before_all_streams_is_read_once(self, run):
        async def test(world):
            path = "/exec/n/p/c?command=cat&input=1&output=1"
            early = [{"streamtype": kind} for kind in ("error", "stdin")]
            client = await SpdyClient.open(world, path, "v4.channel.k8s.io", *early)
            client.write(client.frames.data(3, b"early"))
            await client.writer.drain()
            await asyncio.sleep(SETTLE)  # so that the node sees it alone
            client.write(client.frames.syn_stream(5, {"streamtype": "stdout"}))
            client.write(client.frames.data(3, b" late", fin=True))
            assert await client.data(5, 100) == b"early late"

        run(test)

    def test_a_client_with_invalid_messages_is_disconnected(self, run):
        async def test(world):
            client = await command(world, "sleep", "100")
            await eventually(lambda: world.runtime.processes)
            client.write(b"\x80\x09nonsense")
            assert await world.runtime.processes[0].wait() == 129

        run(test)

    def test_no_descriptor_is_left_open(self, run):
        async def test(world):
            async def once():
                client = await command(world, "echo", "hello", stdin=True)
                assert await client.data(3) == b"hello\n"
                client.writer.close()
                await client.writer.wait_closed()

            await once()
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(5):
                await once()
            await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)

        run(test)


class TestLogs:
    LINES = "".join(f"2026-01-01T00:00:00.{n:09}Z stdout F line {n}\n" for n in range(10_000))

    @pytest.mark.parametrize("tail", [0, 1, 9, 5_000, 9_999, 10_000, 20_000])
    def test_the_last_lines(self, run, tail):
        async def test(world):
            world.runtime.log_path.write_text(self.LINES)
            reader, writer = await world.ask(f"GET /containerLogs/n/p/c?tailLines={tail}")
            text = _unchunked(await reader.read())
            writer.close()
            expected = [f"line {n}" for n in range(max(0, 10_000 - tail), 10_000)]
            assert text.decode().splitlines() == expected

        run(test)

    def test_followed_until_the_container_ends(self, run):
        async def test(world):
            log = LogFile(world.runtime.log_path)
            own, given = streams = open_streams(stdin=False, terminal=False)
            world.runtime.streams = ContainerStreams(own, log)
            reader, writer = await world.ask("GET /containerLogs/n/p/c?follow=true")
            await reader.readuntil(b"\r\n\r\n")
            os.write(given.stdout, b"one\n")
            assert await reader.readuntil(b"one\n\r\n")
            streams.close_given()
            await world.runtime.streams.finish()
            assert (await reader.read()).endswith(b"0\r\n\r\n")
            writer.close()

        run(test)

    def test_a_follower_that_disconnects_is_dropped(self, run):
        async def test(world):
            own, given = open_streams(stdin=False, terminal=False)
            world.runtime.streams = ContainerStreams(own, LogFile(world.runtime.log_path))
            _, writer = await world.ask("GET /containerLogs/n/p/c?follow=true")
            busy = len(asyncio.all_tasks())
            await eventually(lambda: len(asyncio.all_tasks()) > busy)
            writer.close()
            await eventually(lambda: len(asyncio.all_tasks()) <= busy)
            os.close(given.stdout)
            os.close(given.stderr)
            os.close(given.stdin)
            await world.runtime.streams.finish()

        run(test)


def _unchunked(answer: bytes) -> bytes:
    body = answer.partition(b"\r\n\r\n")[2]
    text = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        text, body = text + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return text


class TestAttached:
    def test_a_process_waits_for_its_slowest_client_until_that_goes(self, run):
        async def test(world):
            own, given = streams = open_streams(stdin=False, terminal=False)
            world.runtime.streams = ContainerStreams(own, LogFile(world.runtime.log_path))
            slow, quick = world.runtime.streams.attach(), world.runtime.streams.attach()
            process = await world.runtime.execute(None, ("cat", "/dev/zero"), given)
            streams.close_given()
            reading = asyncio.create_task(_read_from(quick))
            assert await settled(lambda: written_by(process.pid)) < MEBIBYTE
            stopped_at = written_by(process.pid)
            await slow.detach()
            await eventually(lambda: written_by(process.pid) > stopped_at + MEBIBYTE)
            process.hang_up()
            await process.wait()
            await world.runtime.streams.finish()
            assert await reading > stopped_at

        run(test)

    def test_an_ended_process_does_not_wait(self, run):
        async def test(world):
            own, given = streams = open_streams(stdin=False, terminal=False)
            world.runtime.streams = ContainerStreams(own, LogFile(world.runtime.log_path))
            stuck = world.runtime.streams.attach()
            process = await world.runtime.execute(None, ("head", "-c", str(MEBIBYTE), "/dev/zero"), given)
            streams.close_given()
            await settled(lambda: written_by(process.pid))
            process.hang_up()
            await process.wait()
            await world.runtime.streams.finish()
            assert (await stuck.read())[0] is Output.STDOUT

        run(test)


async def _read_from(attached):
    count = 0
    while piece := await attached.read():
        count += len(piece[1])
    return count

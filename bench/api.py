"""The API server: durable creates, a long list, watch delay and memory, beside Debian's etcd doing puts of that size.

Eight clients, each with one connection and one request at a time. The load is sent by a process of its own, so that on
a machine of two cores server and load have one each. etcd is asked through its JSON gateway: one more hop than gRPC,
so its figures are low rather than high; take the ratio as an order of magnitude. Both wait for the disk on every
commit, and both may group waiting writes into one.
"""

import asyncio
import base64
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CLIENTS = 8
CREATES = 4000
SERVICES = 5000
WATCHERS = 200
CHANGES = 50
PAYLOAD = "y" * 600


class Connection:
    """One HTTP/1.1 connection, kept; only what the two servers need of the protocol."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    @classmethod
    async def open(cls, port: int, token: str = "") -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26), token)

    def send(self, method: str, path: str, document: object = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        if self._token:
            head += f"Authorization: Bearer {self._token}\r\n"
        self._writer.write(f"{head}\r\n".encode() + body)

    async def head(self) -> dict[str, str]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        if lines[0].split()[1][0] != "2":
            raise RuntimeError(f"{lines[0]}: {await self._reader.read(2000)!r}")
        return dict(line.lower().split(": ", 1) for line in lines[1:] if line)

    async def ask(self, method: str, path: str, document: object = None) -> bytes:
        self.send(method, path, document)
        headers = await self.head()
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        body = b""
        while chunk := await self.chunk():
            body += chunk
        return body

    async def chunk(self) -> bytes:
        size = int(await self._reader.readline(), 16)
        data = await self._reader.readexactly(size)
        await self._reader.readline()
        return data

    def close(self) -> None:
        self._writer.close()


class Server:
    """A process that serves HTTP on loopback, over a directory that is thrown away."""

    def __init__(self, process: subprocess.Popen[str], port: int, token: str = "") -> None:
        self.process, self.port, self.token = process, port, token

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@contextmanager
def fairlead() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "fairlead",
            "apiserver",
            "--data",
            folder,
            "--listen",
            f"127.0.0.1:{port}",
            "--plain",
        ]
        with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
            assert process.stdout
            assert "serving" in process.stdout.readline()
            yield Server(process, port, (Path(folder) / "tokens.csv").read_text().partition(",")[0])


@contextmanager
def etcd() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port, peer = free_port(), free_port()
        urls = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}")
        command = ["etcd", "--data-dir", folder, "--log-level", "error", "--listen-client-urls", urls[0]]
        command += ["--advertise-client-urls", urls[0], "--listen-peer-urls", urls[1]]
        command += ["--initial-advertise-peer-urls", urls[1], "--initial-cluster", f"default={urls[1]}"]
        with ended(subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True)) as process:
            wait_for_port(port)
            yield Server(process, port)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("etcd does not answer")


Ask = Callable[[Connection, int], Awaitable[bytes]]


def config_map(number: int) -> dict[str, object]:
    return {"metadata": {"name": f"m{number}"}, "data": {"x": PAYLOAD}}


async def create_map(connection: Connection, number: int) -> bytes:
    return await connection.ask("POST", "/api/v1/namespaces/default/configmaps", config_map(number))


async def put_key(connection: Connection, number: int) -> bytes:
    # As long as what the API server stores: the document with what the server adds to it.
    value = json.dumps({**config_map(number), "server": "x" * 220}).encode()
    key = base64.b64encode(f"/registry/configmaps/default/m{number}".encode()).decode()
    return await connection.ask("POST", "/v3/kv/put", {"key": key, "value": base64.b64encode(value).decode()})


async def writes_per_second(server: Server, ask: Ask) -> float:
    numbers = iter(range(CREATES))
    connections = [await Connection.open(server.port, server.token) for _ in range(CLIENTS)]

    async def client(connection: Connection) -> None:
        for number in numbers:
            await ask(connection, number)

    start = time.perf_counter()
    await asyncio.gather(*(client(connection) for connection in connections))
    took = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return CREATES / took


async def fill(server: Server) -> None:
    """Services and slices, as the controllers would make them."""
    numbers = iter(range(SERVICES))

    async def client() -> None:
        connection = await Connection.open(server.port, server.token)
        for number in numbers:
            name = f"s{number}"
            spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
            service = {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}
            await connection.ask("POST", "/api/v1/namespaces/default/services", service)
            endpoints = [{"addresses": [f"10.244.{number // 250}.{number % 250 + 1}"], "conditions": {"ready": True}}]
            slice_ = {
                "metadata": {"name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": [{"name": "http", "port": 8080}],
            }
            await connection.ask("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def list_seconds(server: Server) -> float:
    connection = await Connection.open(server.port, server.token)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        await connection.ask("GET", "/api/v1/services")
        times.append(time.perf_counter() - start)
    connection.close()
    return statistics.median(times)


async def watch_delays(server: Server) -> list[float]:
    """Seconds from sending a change to the last of all watchers having seen it."""
    watchers = [await Connection.open(server.port, server.token) for _ in range(WATCHERS)]
    writer = await Connection.open(server.port, server.token)
    version = json.loads(await writer.ask("GET", "/api/v1/services?limit=1"))["metadata"]["resourceVersion"]
    for watcher in watchers:
        watcher.send("GET", f"/api/v1/services?watch=1&resourceVersion={version}")
    for watcher in watchers:
        await watcher.head()
    delays = []
    for number in range(CHANGES):
        document = {"metadata": {"name": f"w{number}"}, "spec": {"ports": [{"port": 80}]}}
        start = time.perf_counter()
        writing = asyncio.ensure_future(writer.ask("POST", "/api/v1/namespaces/default/services", document))
        await asyncio.gather(*(watcher.chunk() for watcher in watchers))
        delays.append(time.perf_counter() - start)
        await writing
    for connection in [writer, *watchers]:
        connection.close()
    return delays


async def measure() -> None:
    with fairlead() as server:
        empty = server.resident_mib()
        creates = await writes_per_second(server, create_map)
    with fairlead() as server:
        await fill(server)
        memory = server.resident_mib()
        listing = await list_seconds(server)
        delays = await watch_delays(server)
    print(f"API server, {CLIENTS} clients, objects of {len(PAYLOAD)} octets")
    print(f"  durable creates               {creates:8.0f} /s")
    if shutil.which("etcd"):
        with etcd() as server:
            puts = await writes_per_second(server, put_key)
            weight = server.resident_mib()
        print(f"  etcd, puts of the same size   {puts:8.0f} /s   (ratio {creates / puts:.2f})")
        print(f"  etcd, memory afterwards       {weight:8.0f} MiB")
    else:
        print("  etcd is not installed (Debian: etcd-server), so there is nothing to compare with")
    print(f"  list of {SERVICES} Services         {1000 * listing:8.1f} ms")
    delay, slowest = 1000 * statistics.median(delays), 1000 * max(delays)
    print(f"  change seen by {WATCHERS} watchers    {delay:8.1f} ms, slowest {slowest:.1f} ms")
    print(f"  memory, empty                 {empty:8.0f} MiB")
    print(f"  memory, {SERVICES} Services+slices  {memory:8.0f} MiB")


def main() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    main()

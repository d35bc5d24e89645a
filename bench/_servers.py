"""The two servers that bench/api.py compares, and a bare HTTP/1.1 client for both."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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

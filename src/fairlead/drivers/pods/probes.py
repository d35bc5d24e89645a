"""Performs a probe or hook of a container, from its node's network: exec, httpGet, tcpSocket, grpc or sleep.

Success and failure as upstream's ``pkg/probe`` defines them: a program's exit code 0, an HTTP status of 200 to 399
(certificates are not checked), an accepted connection, a gRPC service that says it is serving; everything else, a
time-out included, is a failure.
"""

import asyncio
import signal
import socket
import ssl
from typing import NamedTuple

from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.drivers.pods.process import ProcessSpec, beside, start_in_container
from fairlead.labnet.loopback import PortRule
from fairlead.model.addresses import is_one_hosts, parse_ip
from fairlead.model.socket_address import SocketAddress
from fairlead.nodeagent.manifest import Container, GRPCAction, Handler, HTTPGetAction, port_number


class ProbeTarget(NamedTuple):
    """The running container that is probed, and what its process was made from; which port stands for which."""

    container: Container
    process: Child
    spec: ProcessSpec
    pod_ip: str
    ports: PortRule = PortRule()


class ProbeResult(NamedTuple):
    """Whether it succeeded; ``message`` says why not."""

    success: bool
    message: str = ""


async def perform(handler: Handler, target: ProbeTarget, seconds: float) -> ProbeResult:
    """The result within this time. Errors of the container are results, not exceptions."""
    try:
        async with asyncio.timeout(seconds):
            return await _perform(handler, target)
    except TimeoutError:
        return ProbeResult(False, f"timed out after {seconds}s")
    except (OSError, StartError, ValueError, asyncio.IncompleteReadError) as error:
        return ProbeResult(False, str(error) or type(error).__name__)


async def _perform(handler: Handler, target: ProbeTarget) -> ProbeResult:
    if handler.exec:
        return await _exec(handler.exec.command, target)
    if handler.http_get:
        return await _http_get(handler.http_get, target)
    if handler.tcp_socket:
        address = await _address(handler.tcp_socket.host, target)
        _, writer = await asyncio.open_connection(address, _port(target, handler.tcp_socket.port))
        writer.close()
        return ProbeResult(True)
    if handler.grpc:
        return await _grpc(handler.grpc, target)
    if handler.sleep:
        await asyncio.sleep(handler.sleep.seconds)
        return ProbeResult(True)
    return ProbeResult(False, "it says neither exec, httpGet, tcpSocket, grpc nor sleep")


async def _exec(command: tuple[str, ...], target: ProbeTarget) -> ProbeResult:
    child = await start_in_container(target.process, beside(target.spec, command))
    try:
        code = await child.wait()
    finally:
        child.signal(signal.SIGKILL)
    return ProbeResult(code == 0, f"command exited with {code}")


async def _http_get(action: HTTPGetAction, target: ProbeTarget) -> ProbeResult:
    host, port = action.host or target.pod_ip, _port(target, action.port)
    headers = {"Host": str(SocketAddress(host, port)), "User-Agent": "kube-probe/fairlead", "Connection": "close"}
    headers |= {header.name: header.value for header in action.http_headers}
    path = action.path if action.path.startswith("/") else f"/{action.path}"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    tls = _unverified() if action.scheme == "HTTPS" else None
    reader, writer = await asyncio.open_connection(await _address(action.host, target), port, ssl=tls)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        status_line = await reader.readuntil(b"\r\n")
        code = int(status_line.split()[1])
    except IndexError:
        return ProbeResult(False, "malformed HTTP status line")
    finally:
        writer.close()
    return ProbeResult(200 <= code < 400, f"HTTP probe failed with statuscode: {code}")


async def _address(host: str, target: ProbeTarget) -> str:
    """The target of a probe, from the node's network: the Pod, or the host that the probe names.

    Raises:
        ValueError: that is no other host, but the node itself or its link, in whatever way it is written. A Pod in the
            node's network has the node's address, and is probed there.
    """
    if host in ("", target.pod_ip):
        return target.pod_ip
    for *_, address in await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM):
        parsed = parse_ip(str(address[0]).partition("%")[0])
        if parsed is not None and is_one_hosts(parsed):
            return str(parsed)
    raise ValueError(f"probes of host {host!r} are not allowed")


async def _grpc(action: GRPCAction, target: ProbeTarget) -> ProbeResult:
    from fairlead.drivers.pods.grpc_health import HealthError, check_health  # few need HTTP/2

    try:
        await check_health(target.pod_ip, target.ports.bound(action.port), action.service)
    except HealthError as error:
        return ProbeResult(False, str(error))
    return ProbeResult(True)


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _port(target: ProbeTarget, port: int | str) -> int:
    number = port_number(target.container, port)
    if number is None:
        raise ValueError(f"container {target.container.name} has no port named {port!r}")
    return target.ports.bound(number)

"""Connections through a proxy: HTTP's CONNECT (RFC 9110, section 9.3.6) and SOCKS5 (RFC 1928, RFC 1929)."""

import asyncio
import base64
import socket

from fairlead.drivers.kube.access.proxy import Proxy

_LONGEST_HEAD = 16 << 10  # octets of a proxy's answer
_SOCKS_ADDRESS_LENGTH = {1: 4, 4: 16}  # by address type; names have their length before them


async def connect_through(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A socket that reaches a host by way of the proxy.

    Raises:
        OSError: the proxy cannot be reached, or refuses.
    """
    sock = await _connected(proxy.host, proxy.port)
    try:
        await (_ask_socks if proxy.scheme == "socks5" else _ask_http)(sock, proxy, host, port)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    error: OSError = OSError(f"the proxy {host} has no address")
    for family, type_, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, type_, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as failed:
            sock.close()
            error = failed
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise OSError(f"the proxy {host}:{port} cannot be reached: {error}")


async def _ask_http(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user:
        pair = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {pair}")
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # octet by octet: what follows belongs to the server behind the proxy
        head += await _exactly(sock, 1)
        if len(head) > _LONGEST_HEAD:
            raise OSError(f"the proxy {proxy.host}:{proxy.port} does not speak HTTP")
    status = head.split(b"\r\n", 1)[0].decode(errors="replace")
    if not status.startswith("HTTP/1.") or status.split(" ")[1:2] != ["200"]:
        raise OSError(f"the proxy {proxy.host}:{proxy.port} refuses: {status}")


async def _ask_socks(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    method = 2 if proxy.user else 0
    await loop.sock_sendall(sock, bytes((5, 1, method)))
    if await _exactly(sock, 2) != bytes((5, method)):
        raise OSError(f"the proxy {proxy.host}:{proxy.port} does not take our credentials, or no SOCKS5")
    if proxy.user:
        user, password = proxy.user.encode(), proxy.password.encode()
        await loop.sock_sendall(sock, bytes((1, len(user))) + user + bytes((len(password),)) + password)
        if (await _exactly(sock, 2))[1]:
            raise OSError(f"the proxy {proxy.host}:{proxy.port} refuses user {proxy.user}")
    name = host.encode("idna")
    await loop.sock_sendall(sock, bytes((5, 1, 0, 3, len(name))) + name + port.to_bytes(2, "big"))
    _, refusal, _, kind = await _exactly(sock, 4)
    if refusal:
        raise OSError(f"the proxy {proxy.host}:{proxy.port} refuses: SOCKS error {refusal}")
    length = _SOCKS_ADDRESS_LENGTH.get(kind) or (await _exactly(sock, 1))[0]
    await _exactly(sock, length + 2)


async def _exactly(sock: socket.socket, count: int) -> bytes:
    loop, received = asyncio.get_running_loop(), b""
    while len(received) < count:
        piece = await loop.sock_recv(sock, count - len(received))
        if not piece:
            raise OSError("the proxy has closed the connection")
        received += piece
    return received

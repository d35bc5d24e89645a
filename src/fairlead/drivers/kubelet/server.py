"""The node's HTTP API, as kubelets have it: logs, exec, attach, port-forward, and pages about the node.

Paths, as upstream's: ``/containerLogs/NAMESPACE/POD/CONTAINER``, ``/exec/...`` and ``/attach/...`` likewise,
``/portForward/NAMESPACE/POD``; the pages are given by path. Every request is checked first (``access``). One request
for each connection. Source: ``pkg/kubelet/server/server.go``.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.identity.authentication import user_of_certificate
from fairlead.drivers.identity.renewal import FollowedCertificate
from fairlead.drivers.kubelet.access import KubeletAccess
from fairlead.drivers.kubelet.exec_stream import Conversation, serve_attach, serve_exec
from fairlead.drivers.kubelet.log_stream import read_log
from fairlead.drivers.kubelet.pages import NodePages, head_only, require_method
from fairlead.drivers.kubelet.peer import StreamPeer
from fairlead.drivers.kubelet.port_forward_stream import serve_port_forward
from fairlead.drivers.linux.accepting import Acceptor
from fairlead.drivers.pods.runtime import ContainerName, Refused, Runtime
from fairlead.streaming import exec_spdy, port_forward
from fairlead.streaming.errors import BadRequest
from fairlead.streaming.exec_events import ExecSession
from fairlead.streaming.exec_request import ExecRequest, parse_attach, parse_exec
from fairlead.streaming.exec_spdy import SpdyExec
from fairlead.streaming.exec_websocket import WebSocketExec
from fairlead.streaming.log_lines import parse_log_options
from fairlead.streaming.port_forward import PlainBytes, PortForward, PortSession, WebSocketBytes
from fairlead.streaming.port_forward_channels import ChannelPortForward, parse_ports
from fairlead.streaming.upgrade import (
    CHUNKED_ANSWER,
    LAST_CHUNK,
    HttpRequest,
    chunk,
    parse_request,
    plain_answer,
    switch_to_spdy,
)

PORT = 10250
MAX_HEAD = 256 * 1024  # bytes; a command may have long arguments
LOOK_SECONDS = 1.0  # between two looks at the certificate, which the cluster issues while this serves already
REQUEST_SECONDS = HANDSHAKE_SECONDS = 15.0
MAX_SESSIONS = 1024
MAX_STRANGERS = 64  # connections of users that have not been let in yet; the oldest gives way

log = logging.getLogger(__name__)


def node_tls(authority: Path, certificate: Path, key: Path) -> FollowedCertificate:
    """TLS that asks clients for a certificate of the authority, and takes those that have none; all files PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return FollowedCertificate(context, certificate, key, LOOK_SECONDS)


class _Route(NamedTuple):
    """What answers below a path's first segment, if the path has so many of them."""

    segments: int
    methods: tuple[str, ...]
    handle: Callable[[HttpRequest, StreamPeer], Awaitable[None]]


class KubeletServer:
    """Serves from ``start`` until ``close``."""

    def __init__(self, runtime: Runtime, access: KubeletAccess, pages: NodePages | None = None) -> None:
        self._runtime, self._access, self._pages = runtime, access, pages or {}
        self._acceptor: Acceptor | None = None
        self._strangers: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._known: set[str] = set()  # names of users with certificates that have been let in before
        self._tasks: set[asyncio.Task[None]] = set()
        self._routes: dict[str, _Route] = {
            "containerLogs": _Route(4, ("GET",), self._logs),
            "exec": _Route(4, ("GET", "POST"), self._exec),
            "attach": _Route(4, ("GET", "POST"), self._attach),
            "portForward": _Route(3, ("GET", "POST"), self._port_forward),
        }

    async def start(self, host: str, port: int, tls: FollowedCertificate) -> int:
        """Listen; the port, which is another one when 0 was asked for.

        Raises:
            OSError: the address cannot be listened at.
        """
        logging.getLogger("websockets.server").setLevel(logging.WARNING)  # it tells of every connection
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        bound: int = listener.getsockname()[1]
        self._acceptor = Acceptor(listener, lambda connection: self._welcome(connection, tls))
        return bound

    async def _welcome(self, connection: socket.socket, tls: FollowedCertificate) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_HEAD, loop=loop)
        await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader, self._accept, loop=loop),
            connection,
            ssl=tls.current(),
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )

    async def close(self) -> None:
        """Stop listening, and end every session."""
        if self._acceptor:
            self._acceptor.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= MAX_SESSIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        if _name(writer) not in self._known:
            self._strangers[task] = None
        if len(self._strangers) > MAX_STRANGERS:
            next(iter(self._strangers)).cancel()
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._strangers.pop(task, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, and close it."""
        peer = StreamPeer(reader, writer)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            request = parse_request(head)
            await self._access.check(request, writer.get_extra_info("peercert"))
            self._let_in(writer)
            await self._route(request, peer)
        except BadRequest as error:
            await peer.send(plain_answer(400, str(error)))
        except Refused as error:
            await peer.send(plain_answer(error.code, str(error)))
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("connection given up: %r", error)
        except Exception:
            log.exception("fault while serving a request")
        finally:
            writer.close()

    def _let_in(self, writer: asyncio.StreamWriter) -> None:
        """The client at the other end is no stranger any more."""
        if task := asyncio.current_task():
            self._strangers.pop(task, None)
        if (name := _name(writer)) and len(self._known) < MAX_SESSIONS:
            self._known.add(name)

    async def _route(self, request: HttpRequest, peer: StreamPeer) -> None:
        if page := self._pages.get(request.path[0]):
            require_method(request, ("GET", "HEAD"))
            await peer.send(head_only(request, (await page(request)).encode()))
            return
        route = self._routes.get(request.path[0])
        if route is None or len(request.path) != route.segments:
            raise Refused(404, "404 page not found")
        require_method(request, route.methods)
        await route.handle(request, peer)

    async def _logs(self, request: HttpRequest, peer: StreamPeer) -> None:
        options = parse_log_options(request.query, time.time_ns())
        source = self._runtime.log(_container(request), options.previous)
        sending = asyncio.create_task(_send_chunked(peer, read_log(source, options)))
        leaving = asyncio.create_task(peer.read())  # the client sends nothing more, so this ends when it goes
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _exec(self, request: HttpRequest, peer: StreamPeer) -> None:
        wanted, name = parse_exec(request.query), _container(request)
        conversation = await _converse(request, wanted, peer)
        await serve_exec(wanted, conversation, lambda stdio: self._runtime.execute(name, wanted.command, stdio))

    async def _attach(self, request: HttpRequest, peer: StreamPeer) -> None:
        wanted, attachment = parse_attach(request.query), self._runtime.attach(_container(request))
        await serve_attach(wanted, await _converse(request, wanted, peer), attachment)

    async def _port_forward(self, request: HttpRequest, peer: StreamPeer) -> None:
        _, namespace, pod = request.path
        forward: PortSession
        if request.wants_websocket and "ports" in request.query:
            forward = ChannelPortForward(request.head, parse_ports(request.query["ports"]))
        elif request.wants_websocket:
            forward = PortForward(WebSocketBytes(request.head))
        else:
            await _switch(request, peer, port_forward.PROTOCOL)
            forward = PortForward(PlainBytes())
        await serve_port_forward(forward, peer, lambda port: self._runtime.connect(namespace, pod, port))


def _name(writer: asyncio.StreamWriter) -> str:
    """The client's name in its certificate; empty without one."""
    user = user_of_certificate(writer.get_extra_info("peercert"))
    return user.name if user else ""


def _container(request: HttpRequest) -> ContainerName:
    return ContainerName(*request.path[1:])


async def _converse(request: HttpRequest, wanted: ExecRequest, peer: StreamPeer) -> Conversation:
    session: ExecSession
    if request.wants_websocket:
        session = WebSocketExec(wanted, request.head)
    else:
        await _switch(request, peer, exec_spdy.PROTOCOL)
        session = SpdyExec(wanted)
    return Conversation(session, peer)


async def _switch(request: HttpRequest, peer: StreamPeer, protocol: str) -> None:
    if not request.wants_spdy:
        raise BadRequest("Upgrade request required")
    await peer.send(switch_to_spdy(request, protocol))


async def _send_chunked(peer: StreamPeer, pieces: AsyncIterator[bytes]) -> None:
    await peer.send(CHUNKED_ANSWER)
    async for piece in pieces:
        await peer.send(chunk(piece))
    await peer.send(LAST_CHUNK)

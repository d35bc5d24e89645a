"""A headless Service on loopback: the project's own DNS server over a cluster written down, and servers as its Pods.

All of it runs in the event loop of one thread, so that clients of either kind can be tried against it.
"""

import asyncio
import socket
import socketserver
import threading
from contextlib import contextmanager, suppress

import dns.asyncresolver

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.outside import OutsideForwarders
from fairlead.drivers.dns.server import DnsServer, ServedPlace
from fairlead.model.objects import EndpointSlice
from tests.support.dns_cases import endpoint, namespace, port, service, slice_
from tests.support.dns_servers import block_over

HOST = "127.0.0.1"
NAME = "web.testns.svc.cluster.local."
PATIENCE = 60.0  # seconds


class LoopbackService:
    """The Service ``web``; its Pods are addresses of loopback, all at one port."""

    def __init__(self, ttl):
        self.loop = asyncio.new_event_loop()
        self._zone = Zone(ttl=ttl)
        self._slice: EndpointSlice | None = None
        self.forget()
        self._pods = {}
        self.port = self.dns_port = 0

    def serve(self):
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(asyncio.sleep(0))  # what was closed is let go
        finally:
            self.loop.close()

    def run(self, coroutine):
        """The coroutine's result, from the thread that serves."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def resolver(self, lifetime=30.0):
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [HOST], self.dns_port, lifetime
        return resolver

    def publish(self, *endpoints, family="IPv4"):
        """Make these the ready endpoints: addresses, or what ``dns_cases.endpoint`` makes."""

        async def change():
            new = slice_("web", *endpoints, ports=[port("http", self.port)], family=family)
            self._authority.change(self._slice, new, 0)
            self._slice = new

        self.run(change())

    def start_pod(self, address, handler=None):
        """A Pod that tells its address to whoever connects, or what the handler (of socketserver) does."""
        self._pods[address] = _Pod((address, self.port), handler or _TellAddress)
        self.port = self._pods[address].server_address[1]
        threading.Thread(target=self._pods[address].serve_forever, args=[0.01]).start()

    def kill_pod(self, address):
        """Nothing listens there any longer; DNS does not know."""
        self._pods.pop(address).die()

    def start_dns(self):
        async def start():
            self._server = DnsServer(self._authority, Services(OutsideForwarders()))
            await self._server.listen({ServedPlace(HOST, self.dns_port): (block_over(self._zone),)})
            return self._server.port

        self.dns_port = self.run(start())

    def stop_dns(self):
        async def stop():
            self._server.close()

        self.run(stop())

    def forget(self):
        """From the next start on DNS is a server that has not read the cluster yet: SERVFAIL until ``begin``."""
        self._authority, self._slice = Authority(self._zone), None

    def begin(self):
        async def begin():
            for object_ in (namespace("testns"), service("web", ports=[port("http", 80)])):
                self._authority.change(None, object_, 0)
            self._authority.finish_sync(0)

        self.run(begin())

    def end(self):
        for address in list(self._pods):
            self.kill_pod(address)


@contextmanager
def loopback_service(ttl=1):
    """A Service without Pods yet, and its name server."""
    served = LoopbackService(ttl)
    thread = threading.Thread(target=served.serve)
    thread.start()
    try:
        served.begin()
        served.start_dns()
        yield served
    finally:
        served.end()
        served.stop_dns()
        served.loop.call_soon_threadsafe(served.loop.stop)
        thread.join()


class _Pod(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments):
        self.connections = set()
        super().__init__(*arguments)

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def die(self):
        self.shutdown()
        self.server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _TellAddress(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.server.server_address[0].encode())


async def _no_upstream(*_):
    raise AssertionError("nothing may be asked of the world outside")


__all__ = ["HOST", "NAME", "PATIENCE", "LoopbackService", "endpoint", "loopback_service"]

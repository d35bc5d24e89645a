"""An HTTPS server that tells who asked: by which name, certificate, token and headers."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import msgspec

from fairlead.drivers.identity.pki import ensure_pki


class TellTale:
    """Answers every request with what it saw of it, unless its token is among the refused.

    Attributes:
        connections: how many have been made.
        refused: values of Authorization that get 401.
    """

    def __init__(self, pki, hosts=("127.0.0.1", "localhost")):
        self.pki, self.connections, self.refused, self.port = pki, 0, set(), 0
        ensure_pki(pki, hosts)
        self._names = {}

    @asynccontextmanager
    async def serving(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki / "server.crt", self.pki / "server.key")
        context.load_verify_locations(self.pki / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.sni_callback = lambda socket, name, _: self._names.__setitem__(socket, name)
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    async def _accept(self, reader, writer):
        self.connections += 1
        tls = writer.get_extra_info("ssl_object")
        subject = (tls.getpeercert() or {}).get("subject", ())
        user = next((value for part in subject for name, value in part if name == "commonName"), "")
        about = {"user": user, "sni": self._names.get(tls)}
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(self._answer(head.decode(), about))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _answer(self, head, about):
        first, *lines = head.strip().split("\r\n")
        headers = [line.split(": ", 1) for line in lines]
        seen = {"path": first.split()[1], **about, "headers": [[name.lower(), value] for name, value in headers]}
        is_refused = any(value in self.refused for _, value in headers)
        body = msgspec.json.encode(seen)
        return f"HTTP/1.1 {401 if is_refused else 200} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

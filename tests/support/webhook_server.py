"""A webhook on loopback: an HTTPS server that answers reviews as its paths say."""

import base64
import json
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fairlead.drivers.identity.pki import ensure_pki


class WebhookServer:
    """Attributes:
    say: path -> (review's request -> response, or the body as it is).
    reviews: what was asked.
    hanging: requests to /hang are answered when it is set, and not before.
    asked: set when somebody has asked /hang.
    """

    def __init__(self, folder):
        ensure_pki(folder, ("127.0.0.1", "localhost"))
        self.folder, self.reviews = folder, []
        self.hanging, self.asked = threading.Event(), threading.Event()
        self.say = {
            "/allow": lambda request: {"allowed": True},
            "/deny": lambda request: {"allowed": False, "status": {"message": "not here"}},
            "/garbage": lambda request: b"what?",
            "/empty": lambda request: b"",
            "/huge": lambda request: b"x" * (9 << 20),
            "/hang": self._hang,
        }

    def _hang(self, request):
        self.asked.set()
        self.hanging.wait(30)
        return {"allowed": True}

    @property
    def authorities(self):
        """Its ``caBundle``."""
        return base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()

    @contextmanager
    def serving(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.hanging.set()
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(hook):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            review = json.loads(self.rfile.read(int(self.headers["content-length"])))
            hook.reviews.append((self.path, dict(self.headers), review))
            path = self.path.partition("?")[0]
            said = hook.say[path](review["request"]) if path in hook.say else None
            if isinstance(said, dict):
                response = {"uid": review["request"]["uid"], **said}
                said = json.dumps({**review, "request": None, "response": response}).encode()
            self.send_response(404 if said is None else 200)
            self.send_header("content-length", str(len(said or b"")))
            self.end_headers()
            self.wfile.write(said or b"")

        def log_message(self, *arguments):
            pass

        def handle(self):
            with suppress(ConnectionError, ssl.SSLError):
                super().handle()

    return Handler

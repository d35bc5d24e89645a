"""A webhook on loopback: an HTTPS server that answers reviews as its paths say."""

import base64
import json
import threading
from contextlib import contextmanager

from fairlead.drivers.identity.pki import ensure_pki
from tests.support.https_threads import QuietHandler, server_tls, serving_https


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
        with serving_https(_handler(self), server_tls(self.folder)) as port:
            self.url = f"https://127.0.0.1:{port}"
            try:
                yield self
            finally:
                self.hanging.set()


def _handler(hook):
    class Handler(QuietHandler):
        def do_POST(self):  # noqa: N802 - so http.server calls it
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

    return Handler

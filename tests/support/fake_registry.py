"""A registry that does what a test wants: it has images, asks for logins, and fails in every way that one can."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.support.image_archives import MadeImage

Fault = Callable[[BaseHTTPRequestHandler], bool]  # answers a request and returns True, or lets it be answered


class FakeRegistry:
    """Images by tag and digest, behind a server on loopback.

    Attributes:
        faults: the next ones, by a part of the path that they are for; each is used once.
        requests: what was asked for: method, path, headers.
        auth: what is asked of clients: nothing, ``basic``, or ``bearer``.
        login: the user and password that are taken.
        valid: tokens that are accepted; those that the realm gives are added.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.faults: list[tuple[str, Fault]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.auth, self.login = "", ("user", "secret")
        self.valid: set[str] = set()
        self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *args: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Clients that go away are no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, image: MadeImage, *tags: str) -> None:
        """Have an image by its digest and by tags."""
        self.blobs |= image.blobs
        for name in (image.manifest, *tags):
            self.manifests[name] = ("application/vnd.oci.image.manifest.v1+json", image.text)

    def put_document(self, name: str, document: Any, media_type: str) -> None:
        self.manifests[name] = (media_type, json.dumps(document).encode())

    def asked(self, part: str) -> list[dict[str, str]]:
        """The headers of all requests with this in their path."""
        return [headers for _, path, headers in self.requests if part in path]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if length := int(request.headers.get("Content-Length") or 0):
            request.form = parse_qs(request.rfile.read(length).decode())  # type: ignore[attr-defined]
        self.requests.append((request.command, request.path, dict(request.headers)))
        for number, (part, fault) in enumerate(self.faults):
            if part in request.path:
                del self.faults[number]
                if fault(request):
                    return
                break
        path = urlparse(request.path)
        if path.path == "/token":
            self._give_token(request)
        elif not self._is_let_in(request):
            self._ask_for_login(request)
        elif "/manifests/" in path.path:
            self._give_manifest(request, path.path.rpartition("/")[2])
        else:
            self._give_blob(request, path.path.rpartition("/")[2])

    def _is_let_in(self, request: BaseHTTPRequestHandler) -> bool:
        shown = request.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        return {
            "": True,
            "basic": shown == basic,
            "bearer": shown.removeprefix("Bearer ") in self.valid and shown.startswith("Bearer "),
        }[self.auth]

    def _ask_for_login(self, request: BaseHTTPRequestHandler) -> None:
        realm = f'Bearer realm="http://{self.host}/token",service="test",scope="repository:x:pull"'
        challenge = 'Basic realm="test, with a comma"' if self.auth == "basic" else realm
        error = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        reply(request, 401, json.dumps(error).encode(), {"WWW-Authenticate": challenge})

    def _give_token(self, request: BaseHTTPRequestHandler) -> None:
        basic = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        form = getattr(request, "form", {})
        if request.headers.get("Authorization") != basic and form.get("refresh_token") != ["identity"]:
            reply(request, 401, b'{"errors": [{"message": "incorrect username or password"}]}')
            return
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.valid.add(token)
        reply(request, 200, json.dumps({"token": token, "expires_in": 300}).encode())

    def _give_manifest(self, request: BaseHTTPRequestHandler, name: str) -> None:
        if name not in self.manifests:
            error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            reply(request, 404, json.dumps(error).encode())
            return
        media_type, content = self.manifests[name]
        reply(request, 200, content, {"Content-Type": media_type})

    def _give_blob(self, request: BaseHTTPRequestHandler, digest: str) -> None:
        content = self.blobs.get(digest)
        if content is None:
            reply(request, 404, b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]}')
            return
        first = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if not first:
            reply(request, 200, content)
        elif first >= len(content):
            reply(request, 416, b"")
        else:
            partial = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            reply(request, 206, content[first:], partial)


def reply(request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str] | None = None) -> bool:
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
    return True


def status(code: int, **headers: str) -> Fault:
    """An answer that is no good."""
    return lambda request: reply(request, code, b"", {name.replace("_", "-"): value for name, value in headers.items()})


def cut(content: bytes, after: int) -> Fault:
    """The connection breaks after so many octets of the content that the range asks for."""

    def fault(request: BaseHTTPRequestHandler) -> bool:
        first = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        whole = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
        request.send_response(206 if first else 200)
        for name, value in ({"Content-Length": str(len(content) - first)} | whole).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content[first : first + after])
        request.wfile.flush()
        request.close_connection = True
        return True

    return fault


def drop(request: BaseHTTPRequestHandler) -> bool:
    """The connection breaks before there is an answer."""
    request.close_connection = True
    return True


@contextmanager
def fake_registry(*images: tuple[MadeImage, Sequence[str]]) -> Iterator[FakeRegistry]:
    registry = FakeRegistry()
    for image, tags in images:
        registry.put(image, *tags)
    try:
        yield registry
    finally:
        registry.close()

"""A server of a part of the API on loopback: the kind Flavour of flavours.example.com/v1, for users that a front proxy
names."""

import json
import ssl
from contextlib import contextmanager

from fairlead.drivers.identity.pki import ensure_pki
from tests.support.https_threads import QuietHandler, server_tls, serving_https

GROUP = "flavours.example.com"
PART = f"/apis/{GROUP}/v1"
_RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1",
    "resources": [
        {
            "name": "flavours",
            "singularName": "flavour",
            "namespaced": True,
            "kind": "Flavour",
            "verbs": ["get", "list", "watch", "create"],
            "shortNames": ["fl"],
        }
    ],
}


class ExtensionServer:
    """Attributes:
    asked: (method, path, user, groups, name of the client's certificate) of each request.
    flavours: what there is.
    """

    def __init__(self, folder, host, client_authority):
        ensure_pki(folder, (host,))
        self.folder, self.client_authority = folder, client_authority
        self.asked, self.flavours = [], []

    @property
    def authority(self):
        return (self.folder / "ca.crt").read_bytes()

    @contextmanager
    def serving(self):
        """Serve on a port of loopback, which is given."""
        context = server_tls(self.folder)
        context.load_verify_locations(cadata=self.client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
        with serving_https(_handler(self), context) as port:
            yield port

    def answer(self, method, path, body):
        """(status, document)."""
        if path == PART:
            return 200, _RESOURCES
        if not path.endswith("/flavours"):
            return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        if method == "POST":
            self.flavours.append({**body, "kind": "Flavour", "apiVersion": f"{GROUP}/v1"})
            return 201, self.flavours[-1]
        metadata = {"resourceVersion": str(len(self.flavours))}
        return 200, {
            "kind": "FlavourList",
            "apiVersion": f"{GROUP}/v1",
            "metadata": metadata,
            "items": self.flavours,
        }


def _handler(extension):
    class Handler(QuietHandler):
        def do_GET(self):  # noqa: N802 - so http.server calls it
            size = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(size)) if size else None
            subject = dict(part[0] for part in self.connection.getpeercert()["subject"])
            groups = self.headers.get_all("x-remote-group", [])
            asked = (self.command, self.path, self.headers.get("x-remote-user"), groups, subject["commonName"])
            extension.asked.append(asked)
            code, document = extension.answer(self.command, self.path.partition("?")[0], body)
            said = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_POST(self):  # noqa: N802 - so http.server calls it
            self.do_GET()

    return Handler

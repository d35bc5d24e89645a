"""A lab's API from the process of a test: a request over a connection that stays open.

A kubectl for each look at an object costs a hundred times as much CPU time. Tests of what kubectl shows or sends use
kubectl.
"""

import base64
import contextlib
import http.client
import json
import select
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import yaml

# Resources that ``Lab.get`` asks for by itself, by group and version.
RESOURCES = {
    "v1": "pods services nodes namespaces events configmaps secrets endpoints serviceaccounts persistentvolumeclaims",
    "apps/v1": "deployments statefulsets replicasets daemonsets",
    "batch/v1": "jobs",
    "discovery.k8s.io/v1": "endpointslices",
}
VERSIONS = {name: version for version, names in RESOURCES.items() for name in names.split()}
OF_THE_CLUSTER = {"nodes", "namespaces"}
OPTIONS = {"-n": "namespace", "-l": "labelSelector", "--selector": "labelSelector", "--field-selector": "fieldSelector"}


class NotThereError(AssertionError):
    """The server has no such object."""


class LabApi:
    """A client of the API server that a kubeconfig names.

    Raises:
        AssertionError: from each request, when the server refuses it or does not answer.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[part]))
            file.flush()
            context.load_cert_chain(file.name)
        server = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(server.hostname or "", server.port, timeout=30, context=context)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connection; the next request opens one again."""
        self._connection.close()

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """The body of the answer."""
        encoded = None if body is None else json.dumps(body).encode()
        with self._lock:
            status, answer = self._answer(method, path, encoded)
        if status == http.HTTPStatus.NOT_FOUND:
            raise NotThereError(path)
        assert status < 400, f"{method} {path}: {status} {answer.decode()}"
        return answer

    def _answer(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            if self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
                self._connection.close()  # the server has closed it, or is another one now
            self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AssertionError(f"{method} {path}: {error!r}") from error

    def get(self, *arguments: str) -> Any:
        """What ``kubectl get ARGUMENTS -o json`` prints; None for what only kubectl knows to ask for."""
        path = path_of(arguments)
        if path is None:
            return None
        found = json.loads(self.request("GET", path))
        if "items" in found:
            kind = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
            found["items"] = [{**kind, **item} for item in found["items"]]
        for each in found.get("items", [found]):
            each["metadata"].pop("managedFields", None)
        return found

    def create(self, document: dict[str, Any]) -> None:
        """Create an object of a kind that namespaces have; fields that its type does not have are refused."""
        self.request("POST", f"{_collection(document)}?fieldValidation=Strict", document)

    def delete(self, document: dict[str, Any]) -> None:
        """Delete the object that was created from a document."""
        self.request("DELETE", f"{_collection(document)}/{document['metadata']['name']}")

    def delete_pod(self, name: str) -> None:
        """Delete a Pod at once, if it is still there."""
        with contextlib.suppress(NotThereError):
            self.request("DELETE", f"/api/v1/namespaces/default/pods/{name}", {"gracePeriodSeconds": 0})

    def log(self, pod: str, container: str = "") -> str:
        """What a container of a Pod has printed, its only one unless named; a terminal's lines end as others do."""
        log = self.request("GET", f"/api/v1/namespaces/default/pods/{pod}/log?container={container}")
        return log.decode().replace("\r\n", "\n")


def path_of(arguments: tuple[str, ...]) -> str | None:
    """The path of the request for what follows ``kubectl get``; None if it is not simple."""
    words, options, words_left = [], {"namespace": "default"}, list(arguments)
    while words_left:
        word, _, value = words_left.pop(0).partition("=")
        if word == "-A":
            options["namespace"] = ""
        elif word in OPTIONS:
            options[OPTIONS[word]] = value or words_left.pop(0)
        elif value or word.startswith("-"):
            return None
        else:
            words.append(word)
    name = plural(words[0])
    if name not in VERSIONS or len(words) > 2:
        return None
    namespace = options.pop("namespace")
    path = "/".join([_place(VERSIONS[name], "" if name in OF_THE_CLUSTER else namespace), name, *map(quote, words[1:])])
    return f"{path}?{urlencode(options)}" if options else path


def plural(name: str) -> str:
    """The name of a resource from a word for one or several of them, by the rule that client-go guesses by."""
    if name in VERSIONS:
        return name
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}{'es' if name.endswith('s') else 's'}"


def _collection(document: dict[str, Any]) -> str:
    namespace = document["metadata"].get("namespace", "default")
    return f"{_place(document['apiVersion'], namespace)}/{plural(document['kind'].lower())}"


def _place(version: str, namespace: str) -> str:
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    return f"{root}/namespaces/{namespace}" if namespace else root

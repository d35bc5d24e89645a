"""The names, addresses and ports in a client's manifest: arguments, environment, ConfigMaps that it uses.

Only clear addresses of servers count: a URL, ``host:port``, or a variable that ends in ``_HOST``. Secrets are not read,
    so references in them are unknown.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.explain.candidates import SelectorCandidate
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import mapping, pairs, rows, text, texts
from fairlead.explain.statements import Evidence
from fairlead.model.document import Doc

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?)"
_URL = re.compile(rf"\b(?P<scheme>[a-z][a-z0-9+]*)://(?:[^\s/@'\"]*@)?{_HOST}(?::(?P<port>\d{{1,5}}))?")
_PAIR = re.compile(rf"(?<![\w.:/@-]){_HOST}:(?P<port>\d{{2,5}})(?![\w.])")
_PASSWORD = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)")  # with the user's name; neither is needed
_NAME = re.compile(rf"^{_HOST}$")
_HOST_VARIABLE = re.compile(r"(^|_)(HOST|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT)$", re.IGNORECASE)
_LONGEST = 4096  # characters of a value that are read
PORTS = {"http": 80, "https": 443, "redis": 6379, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "amqp": 5672}


class ClientReference(NamedTuple):
    """Something that a client connects to.

    Attributes:
        client: the Pod, or the workload of the template.
        host: a name or an address, in lower case, with a final dot if it was written so.
        port: None if it is not given.
        scheme: of a URL, else "".
    """

    client: SelectorCandidate
    host: str
    port: int | None
    scheme: str
    evidence: Evidence

    @property
    def namespace(self) -> str:
        return self.client.ref.namespace

    @property
    def text(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def references_of(cluster: Cluster, client: SelectorCandidate) -> list[ClientReference]:
    """The references in the containers of a Pod or template, each once."""
    found: dict[tuple[str, int | None], ClientReference] = {}
    for where, variable, value in _values(cluster, client):
        for host, port, scheme in _hosts(variable, value[:_LONGEST]):
            evidence = Evidence(
                f"{client.ref} {where}: {_PASSWORD.sub('***', value)[:120]}", cluster.sources.get(client.ref, "")
            )
            found.setdefault((host, port), ClientReference(client, host, port, scheme, evidence))
    return list(found.values())


def _values(cluster: Cluster, client: SelectorCandidate) -> Iterator[tuple[str, str, str]]:
    """The place of a value, its variable ("" for none), and the value."""
    for container in rows(client.spec, "containers"):
        name = text(container, "name")
        for part in ("command", "args"):
            yield from ((f".spec.containers[{name}].{part}", "", value) for value in texts(container, part))
        own = pairs_of(container)
        yield from (
            (f".spec.containers[{name}].env.{key}", key, _with_port(key, value, own)) for key, value in own.items()
        )
        yield from _from_config(cluster, client.ref, container)


def pairs_of(container: Doc) -> dict[str, str]:
    """The variables that a container sets to plain values."""
    return {text(row, "name"): text(row, "value") for row in rows(container, "env") if text(row, "value")}


def _with_port(key: str, value: str, own: dict[str, str]) -> str:
    """A host whose port is in another variable: ``DB_HOST`` and ``DB_PORT``."""
    match = _HOST_VARIABLE.search(key)
    port = own.get(key[: match.start(2)] + "PORT", "") if match else ""
    return f"{value}:{port}" if port.isdigit() and _NAME.match(value) else value


def _from_config(cluster: Cluster, ref: Ref, container: Doc) -> Iterator[tuple[str, str, str]]:
    for source in rows(container, "envFrom"):
        name = text(source, "configMapRef", "name")
        data = pairs(cluster.document("ConfigMap", ref.namespace, name) or {}, "data")
        yield from ((f"envFrom ConfigMap {name}, {key}", key, value) for key, value in data.items())
    for row in rows(container, "env"):
        wanted = mapping(row, "valueFrom", "configMapKeyRef")
        data = pairs(cluster.document("ConfigMap", ref.namespace, text(wanted, "name")) or {}, "data")
        if text(wanted, "key") in data:
            yield (
                f"env {text(row, 'name')} from ConfigMap {text(wanted, 'name')}",
                text(row, "name"),
                data[text(wanted, "key")],
            )


def _hosts(variable: str, value: str) -> Iterator[tuple[str, int | None, str]]:
    urls = list(_URL.finditer(value))
    for match in urls:
        port = int(match["port"]) if match["port"] else PORTS.get(match["scheme"])
        yield match["host"].lower(), port, match["scheme"]
    if urls:
        return
    matches = list(_PAIR.finditer(value))
    yield from ((match["host"].lower(), int(match["port"]), "") for match in matches)
    if not matches and _HOST_VARIABLE.search(variable) and (name := _NAME.match(value)):
        yield name["host"].lower(), None, ""

"""Anonymous reports: names and addresses are replaced, each by the same word everywhere.

Replaced are names of objects, of Nodes and images, values of labels, host names that objects mention, files, and
every IP address. Names that every cluster has (``kube-system``, ``default``) stay. Other words, such as an
application's own
in the message of a probe, stay too: read a report before posting it.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from ipaddress import ip_address

import msgspec

from fairlead.explain.candidates import all_templates, of_pod
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.documents import mapping, pairs, rows, text, texts
from fairlead.explain.references import references_of
from fairlead.explain.statements import Evidence, Statement
from fairlead.model.addresses import parse_ip
from fairlead.model.document import Doc
from fairlead.model.phrases import Phrase

KEPT = frozenset(
    {"default", "kube-system", "kube-public", "kube-node-lease", "kube-dns", "coredns", "kube-proxy", "kubernetes"}
)
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"
)
_WORD = r"(?<![A-Za-z0-9])(?<!cluster\.){}(?![A-Za-z0-9])"  # the cluster domain identifies no cluster
_DEEPEST = 12  # selectors are less deep
_SHORTEST = 2  # letters of a word that is replaced


class Anonymizer:
    """The words of one cluster, and their replacements."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._addresses: dict[str, str] = {}

    @cached_property
    def _words(self) -> dict[str, str]:
        found: dict[str, str] = {}
        counts: dict[str, int] = {}
        for kind, word in _names(self._cluster):
            if word not in found and word not in KEPT and len(word) >= _SHORTEST and not word.isdigit():
                counts[kind] = counts.get(kind, 0) + 1
                found[word] = f"{kind}-{counts[kind]}"
        return found

    @cached_property
    def _pattern(self) -> "re.Pattern[str] | None":
        longest = sorted(self._words, key=len, reverse=True)
        return re.compile(_WORD.format(f"(?:{'|'.join(map(re.escape, longest))})")) if longest else None

    def text(self, shown: str) -> str:
        """A text without the cluster's words."""
        shown = _ADDRESS.sub(lambda match: self._address(match[0]), shown)
        return self._pattern.sub(lambda match: self._words[match[0]], shown) if self._pattern else shown

    def _address(self, address: str) -> str:
        """A replacement for an address, from the ranges for documentation (RFC 3849) and for benchmarks (RFC 2544)."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return address
        if parsed.is_loopback or parsed.is_unspecified:
            return address
        number = len(self._addresses) + 1
        other = f"198.18.{number // 250}.{number % 250 + 1}" if parsed.version == 4 else f"2001:db8::{number:x}"
        return self._addresses.setdefault(address, other)

    def statement(self, shown: Statement) -> Statement:
        """The tree without names from the cluster."""
        because = tuple(self._evidence(each) for each in shown.because)
        return Statement(self._phrase(shown.text), because, tuple(map(self.statement, shown.parts)), shown.verdict)

    def _phrase(self, shown: str) -> str:
        """The sentence with other values; its template contains no names."""
        return shown.mapped(self.text) if isinstance(shown, Phrase) else self.text(shown)

    def _evidence(self, evidence: Evidence) -> Evidence:
        return Evidence(self.text(evidence.what), self.text(evidence.where), evidence.kind)

    def finding(self, found: Finding) -> Finding:
        """The finding without names from the cluster; its fixes can then not be run."""
        return msgspec.structs.replace(
            found,
            subject=Ref(found.subject.kind, self.text(found.subject.namespace), self.text(found.subject.name)),
            text=self._phrase(found.text),
            evidence=tuple(self._evidence(each) for each in found.evidence),
            fixes=tuple(Fix(self.text(fix.text)) for fix in found.fixes),
            services=frozenset((self.text(space), self.text(name)) for space, name in found.services),
        )


def _names(cluster: Cluster) -> Iterator[tuple[str, str]]:
    for ref, document in cluster.documents.items():
        if ref.namespace:
            yield "namespace", ref.namespace
        yield ref.kind.lower(), ref.name
        yield from _inside(document)
    yield from _outside(cluster)
    for where in dict.fromkeys(cluster.sources.values()):
        yield "file", where.partition(", document ")[0]
    yield from (("file", each.where) for each in cluster.observations)


def _inside(document: Doc) -> Iterable[tuple[str, str]]:
    """Words in an object: labels' values, images, hosts."""
    for path in (("metadata", "labels"), ("spec", "selector"), ("spec", "selector", "matchLabels")):
        yield from (("label", value) for value in pairs(document, *path).values())
    for spec in (mapping(document, "spec"), mapping(document, "spec", "template", "spec")):
        for container in rows(spec, "containers"):
            yield "image", text(container, "image")
            yield "container", text(container, "name")
    yield "host", text(document, "spec", "externalName")
    yield from (("label", value) for value in _selected(document.get("spec"), 0))
    yield "node", text(document, "spec", "nodeName")


def _selected(value: object, depth: int) -> Iterator[str]:
    """The values of all label selectors below a value, such as those of a policy's rules."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        yield from pairs(value, "matchLabels").values()
        for term in rows(value, "matchExpressions"):
            yield from texts(term, "values")
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inside:
        yield from _selected(each, depth + 1)


def _outside(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Hosts that clients use, except names of the cluster, whose parts are replaced one by one."""
    templates = (template for group in all_templates(cluster).values() for template in group)
    pods = (of_pod(cluster, pod) for pod in cluster.snapshot.pods.values())
    for client in (*templates, *pods):
        for reference in references_of(cluster, client):
            host = reference.host.rstrip(".")
            if "." in host and ".svc" not in host and parse_ip(host) is None and _is_foreign(cluster, host):
                yield "host", host


def _is_foreign(cluster: Cluster, host: str) -> bool:
    return host.rpartition(".")[2] not in cluster.snapshot.namespaces

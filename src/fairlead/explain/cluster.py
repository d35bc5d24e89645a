"""What was read of a cluster: objects, where each was read, which kinds are complete, and observations beside them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from fairlead.explain.documents import pairs
from fairlead.explain.observations import Observation
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, unchecked
from fairlead.model.document import Doc
from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.phrases import Phrase
from fairlead.model.snapshot import ClusterSnapshot

WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job")


class Ref(NamedTuple):
    """An object by kind, namespace ("" where it has none) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class DocumentFault(NamedTuple):
    """A document that could not be read: where it stands, what is wrong with it, and which object it is."""

    where: str
    message: str
    ref: Ref | None = None


@dataclass(frozen=True)
class Cluster:
    """The data of a cluster at one reading.

    Attributes:
        snapshot: the objects that answers are computed from.
        documents: all objects that were read, in full.
        sources: where each was read.
        kinds: kinds that were read; for any other kind it is unknown whether there are objects.
        zone: the cluster domain.
    """

    snapshot: ClusterSnapshot = field(default_factory=ClusterSnapshot)
    documents: Mapping[Ref, Doc] = field(default_factory=dict)
    sources: Mapping[Ref, str] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    faults: tuple[DocumentFault, ...] = ()
    observations: tuple[Observation, ...] = ()
    zone: str = "cluster.local"

    def has_read(self, *kinds: str) -> bool:
        return self.kinds.issuperset(kinds)

    def of_kind(self, kind: str) -> Mapping[ObjectKey, Doc]:
        """All objects of a kind."""
        return self._by_kind.get(kind, {})

    def document(self, kind: str, namespace: str, name: str) -> Doc | None:
        return self.documents.get(Ref(kind, namespace, name))

    def pods_in(self, namespace: str) -> Iterable[Pod]:
        return self._pods_by_namespace.get(namespace, ())

    def selected_pods(self, namespace: str, selector: Mapping[str, str]) -> list[Pod]:
        """The Pods of a Namespace that have these labels, in order of name; the rarest label narrows the search."""
        if not selector:
            return []
        groups = [self._pods_by_label.get((namespace, *pair), []) for pair in selector.items()]
        return sorted((p for p in min(groups, key=len) if contains(p.labels, selector)), key=lambda pod: pod.name)

    def events_of(self, ref: Ref) -> list[Doc]:
        """The Events about an object, in the order in which they were read."""
        return self._events.get(ref, [])

    def fault_of(self, ref: Ref) -> DocumentFault | None:
        """The fault of an object that was found and could not be read."""
        return next((fault for fault in self.faults if fault.ref == ref), None)

    def observed(self, kind: str) -> Iterator[Observation]:
        return (observation for observation in self.observations if observation.kind == kind)

    def field(self, ref: Ref, path: str, value: object) -> Evidence:
        """Evidence that is a field of an object."""
        return Evidence(f"{ref} {path} = {_short(value)}", self.sources.get(ref, ""))

    def missing(self, what: str, *kinds: str) -> Statement:
        """A statement that something was not checked because these kinds were not read."""
        names = [plural(kind) for kind in kinds if kind not in self.kinds]
        return unchecked(
            Phrase("{what}: {names: and } were not read", what=what, names=names),
            Evidence("what was read", kind=EvidenceKind.OBSERVATION),
        )

    @cached_property
    def _by_kind(self) -> dict[str, dict[ObjectKey, Doc]]:
        found: dict[str, dict[ObjectKey, Doc]] = {}
        for ref, document in self.documents.items():
            found.setdefault(ref.kind, {})[ObjectKey(ref.namespace, ref.name)] = document
        return found

    @cached_property
    def _pods_by_namespace(self) -> dict[str, list[Pod]]:
        found: dict[str, list[Pod]] = {}
        for pod in self.snapshot.pods.values():
            found.setdefault(pod.namespace, []).append(pod)
        return found

    @cached_property
    def _pods_by_label(self) -> dict[tuple[str, str, str], list[Pod]]:
        found: dict[tuple[str, str, str], list[Pod]] = {}
        for pod in self.snapshot.pods.values():
            for key, value in pod.labels.items():
                found.setdefault((pod.namespace, key, value), []).append(pod)
        return found

    @cached_property
    def _events(self) -> dict[Ref, list[Doc]]:
        found: dict[Ref, list[Doc]] = {}
        for event in self.of_kind("Event").values():
            about = pairs(event, "involvedObject") or pairs(event, "regarding")
            ref = Ref(about.get("kind", ""), about.get("namespace", ""), about.get("name", ""))
            found.setdefault(ref, []).append(event)
        return found


def plural(kind: str) -> str:
    """The plural of a kind, as a word."""
    if kind.endswith("s"):
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("cy") else f"{kind}s"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={each}" for key, each in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "[]"
    return str(value) if value not in ("", None) else '""'

"""Which objects of its namespace a Pod refers to, by name. Upstream: ``VisitPodSecretNames`` and its kin in
``pkg/api/v1/pod/util.go``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from fairlead.model.document import Doc

_REMEMBERED = 4096  # Pods


@dataclass(frozen=True)
class PodReferences:
    """Names of objects, by kind."""

    claims: frozenset[str]
    config_maps: frozenset[str]
    secrets: frozenset[str]
    service_accounts: frozenset[str]


@lru_cache(_REMEMBERED)
def pod_references(document: bytes) -> PodReferences:
    """The objects that a stored Pod refers to."""
    spec: Doc = msgspec.json.decode(document, type=_Pod).spec
    sources = [*_of_volumes(spec), *_of_containers(spec)]
    pulling = (source.get("name", "") for source in spec.get("imagePullSecrets") or ())
    claimed = (volume.get("persistentVolumeClaim") or {} for volume in spec.get("volumes") or ())
    return PodReferences(
        claims=frozenset(claim["claimName"] for claim in claimed if claim.get("claimName")),
        config_maps=frozenset(name for kind, name in sources if kind == "configMap"),
        secrets=frozenset([*(name for kind, name in sources if kind == "secret"), *pulling]),
        service_accounts=frozenset([spec.get("serviceAccountName", "")]),
    )


class _Pod(msgspec.Struct):
    spec: Doc


def _of_volumes(spec: Doc) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or ():
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            for kind in ("configMap", "secret"):
                if found := source.get(kind):
                    yield kind, found.get("secretName") or found.get("name", "")


def _of_containers(spec: Doc) -> Iterator[tuple[str, str]]:
    containers = (each for kind in _CONTAINERS for each in spec.get(kind) or ())
    for container in containers:
        for source in container.get("envFrom") or ():
            yield from _references(source, "Ref")
        for variable in container.get("env") or ():
            yield from _references(variable.get("valueFrom") or {}, "KeyRef")


_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def _references(source: Doc, suffix: str) -> Iterator[tuple[str, str]]:
    for kind in ("configMap", "secret"):
        if found := source.get(kind + suffix):
            yield kind, found.get("name", "")

"""Reads a live cluster through its API, with lists alone; what may not be listed is a kind that was not read."""

import asyncio
from typing import Any

import msgspec

from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.sources.uncollected import uncollected
from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import Observation
from fairlead.explain.permissions import READABLE, Readable
from fairlead.explain.reading import FoundDocument, cluster_of

_PAGE = "5000"  # objects in one answer


def read_live_cluster(
    kubeconfig: str | None,
    context: str | None,
    zone: str = "cluster.local",
    observations: tuple[Observation, ...] = (),
) -> Cluster:
    """Reads a cluster from its API server.

    Raises:
        KubeError: it refused to show even one kind. Unreachable: there is no such server, or it does not answer.
    """
    with uncollected():
        return asyncio.run(_read(kubeconfig, context, zone, observations))


async def _read(
    kubeconfig: str | None, context: str | None, zone: str, observations: tuple[Observation, ...]
) -> Cluster:
    found: list[FoundDocument] = []
    kinds: list[str] = []
    refusal: KubeError | None = None
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        for readable in READABLE:
            try:
                found += await _list(client, readable)
                kinds.append(readable.kind)
            except KubeError as error:
                refusal = error
    if refusal is not None and not kinds:
        raise refusal
    return cluster_of(found, observations, kinds, zone)


async def _list(client: KubeClient, readable: Readable) -> list[FoundDocument]:
    """All objects of a kind, page by page; a list that changed too much on the way is begun again without pages."""
    found: list[FoundDocument] = []
    query = {"limit": _PAGE}
    while True:
        try:
            page: dict[str, Any] = msgspec.json.decode(await client.get(readable.path, query))
        except KubeError as error:
            if error.code != 410 or "limit" not in query:
                raise
            found, query = [], {}
            continue
        found += [FoundDocument("the API", {**item, "kind": readable.kind}) for item in page.get("items") or ()]
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return found
        query = {"limit": _PAGE, "continue": token}


__all__ = ["KubeError", "Unreachable", "read_live_cluster"]

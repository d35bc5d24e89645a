"""Which resources an API server has, as its discovery documents say."""

from typing import Any, NamedTuple

import msgspec

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.troubles import error_text


class Discovered(NamedTuple):
    """One resource: where its objects are, of which kind, and what can be done with them."""

    resource: ResourcePath
    kind: str
    verbs: frozenset[str]


class Discovery(NamedTuple):
    """All that could be read.

    Attributes:
        faults: by group version, why its resources could not be read: another server that has them may be down.
    """

    found: list[Discovered]
    faults: dict[str, str]


async def preferred_versions(client: KubeClient) -> list[str]:
    """The version of each named group that the server prefers.

    Raises:
        KubeError: the server refused. Unreachable: there was no answer.
    """
    groups = await _document(client, "/apis")
    return [group["preferredVersion"]["groupVersion"] for group in groups["groups"]]


async def discover(client: KubeClient) -> Discovery:
    """All resources, each in the version that the server prefers for its group; subresources are left out.

    Raises:
        KubeError: the server refused. Unreachable: there was no answer.
    """
    found: list[Discovered] = []
    faults: dict[str, str] = {}
    for group_version in await preferred_versions(client):
        try:
            found += await _resources(client, f"/apis/{group_version}", group_version)
        except (KubeError, Unreachable) as error:
            faults[group_version] = error_text(error)
    # The core's own comes last: a server that is gone altogether is not one that lacks a few groups.
    return Discovery(await _resources(client, "/api/v1", "v1") + found, faults)


async def _resources(client: KubeClient, path: str, group_version: str) -> list[Discovered]:
    listed = await _document(client, path)
    return [_row(group_version, entry) for entry in listed["resources"] or () if "/" not in entry["name"]]


async def _document(client: KubeClient, path: str) -> dict[str, Any]:
    return msgspec.json.decode(await client.get(path), type=dict[str, Any])


def _row(group_version: str, entry: dict[str, Any]) -> Discovered:
    resource = ResourcePath(group_version, entry["name"], entry["namespaced"])
    return Discovered(resource, entry["kind"], frozenset(entry["verbs"]))

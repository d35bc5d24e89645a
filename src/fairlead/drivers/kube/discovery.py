"""Which resources an API server has, as its discovery documents say."""

from typing import Any, NamedTuple

import msgspec

from fairlead.drivers.kube.client import KubeClient, Resource


class Discovered(NamedTuple):
    """One resource: where its objects are, of which kind, and what can be done with them."""

    resource: Resource
    kind: str
    verbs: frozenset[str]


async def discover(client: KubeClient) -> list[Discovered]:
    """All resources, each in the version that the server prefers for its group; subresources are left out.

    Raises:
        KubeError: the server refused. Unreachable: there was no answer.
    """
    groups = await _document(client, "/apis")
    preferred = [group["preferredVersion"]["groupVersion"] for group in groups["groups"]]
    found = []
    for group_version in ["v1", *preferred]:
        prefix = "/apis/" if "/" in group_version else "/api/"
        listed = await _document(client, prefix + group_version)
        found += [_row(group_version, entry) for entry in listed["resources"] if "/" not in entry["name"]]
    return found


async def _document(client: KubeClient, path: str) -> dict[str, Any]:
    return msgspec.json.decode(await client.get(path), type=dict[str, Any])


def _row(group_version: str, entry: dict[str, Any]) -> Discovered:
    resource = Resource(group_version, entry["name"], entry["namespaced"])
    return Discovered(resource, entry["kind"], frozenset(entry["verbs"]))

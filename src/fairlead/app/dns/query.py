"""``fairlead dns query``: what a name answers, from manifests or a live API, without a server.

Manifests are taken as they stand: nothing allocates a virtual IP or derives EndpointSlices, so what they lack does not
answer. A dump of a cluster (``kubectl get ns,svc,endpointslices,pods -A -o yaml``) answers as the cluster did.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.dns.flags import Flags
from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings import options_from
from fairlead.app.dns.settings_blocks import block_of
from fairlead.app.dns.surroundings import MachineFiles
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import Ask, DnsRequest, Run
from fairlead.clusterdns.changes import Watched
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.records import Answer, Origin, Question, Rcode, Reason
from fairlead.clusterdns.search import SearchStep, candidates, search_list, walk
from fairlead.clusterdns.server_blocks import DEFAULT_PORT, Block, ServerBlocks
from fairlead.clusterdns.upstreams import Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside, Zone
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, KubeClient, ResourcePath
from fairlead.model.decode import DecodeError, decode
from fairlead.model.objects import EndpointSlice, Namespace, Pod, Service
from fairlead.model.yaml_loader import NotYaml, yaml_documents

_KINDS: dict[str, type[Watched]] = {
    "Namespace": Namespace,
    "Service": Service,
    "EndpointSlice": EndpointSlice,
    "Pod": Pod,
}
_COLLECTIONS: dict[ResourcePath, type[Watched]] = {
    NAMESPACES: Namespace,
    SERVICES: Service,
    ENDPOINT_SLICES: EndpointSlice,
    PODS: Pod,
}


class UnusableManifest(ValueError):
    """A file that is not YAML, or an object in it that cannot be read; the message names the file."""


def read_manifests(paths: Iterable[Path]) -> list[Watched]:
    """The objects in manifest files that DNS reads; a Namespace that is only mentioned is there too."""
    found: dict[Any, Watched] = {}
    for path in paths:
        try:
            for document in _documents(yaml_documents(path.read_text())):
                object_ = decode(_KINDS[document["kind"]], document)
                found[type(object_), object_.key] = object_
        except (OSError, NotYaml, DecodeError) as error:
            raise UnusableManifest(f"{path}: {error}") from error
    mentioned = {object_.namespace for object_ in found.values()} - {""}
    namespaces = [decode(Namespace, {"metadata": {"name": name}}) for name in sorted(mentioned)]
    return [*namespaces, *found.values()]


def read_cluster(kubeconfig: Path | None, context: str | None) -> list[Watched]:
    """The objects of a live cluster that DNS reads.

    Raises:
        KubeError: the API server refused. Unreachable: it did not answer.
    """
    return asyncio.run(_read_cluster(kubeconfig, context))


def blocks_for(config: Path | None, given: dict[str, Any]) -> tuple[Block, ...]:
    """The server blocks to answer by: those of a file, or the defaults, with what the command line says.

    Raises:
        SettingsError: the file cannot be used, or a value makes no sense.
    """
    flags = Flags(**given)
    if config is not None:
        return options_from(config, flags)[0].blocks
    block = block_of(Zone(outside=Outside.FORWARD), DEFAULT_PORT)
    upstream = Forward(((),), Upstream((UpstreamServer("0.0.0.0"),)))  # noqa: S104 - it is shown, and never asked
    options = DnsOptions(blocks=(replace(block, plugins=(*block.plugins, upstream)),))
    return flags.over(options, MachineFiles()).blocks


def authority_over(objects: Iterable[Watched], blocks: tuple[Block, ...]) -> Authority:
    """The authority over a cluster that consists of these objects."""
    zones = DnsOptions(blocks=blocks).zones
    authority = Authority(zones[0] if zones else Zone())
    for object_ in objects:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    return authority


def walked(
    name: str, qtype: int, namespace: str | None, blocks: tuple[Block, ...], authority: Authority
) -> list[SearchStep]:
    """The questions that a name leads to, in the search list of a Namespace when one is given, with their answers."""
    server = ServerBlocks(blocks, authority)

    def find(question: Question) -> Answer:
        run = Run(server.answer(DnsRequest(question, server)))
        step, asked = run.step, None
        while isinstance(step, Ask):
            asked = step.question.name
            step = run.resume(Answer(Rcode.NOERROR, Origin(Reason.OUTSIDE)))
        return step._replace(outside=asked)

    suffixes = search_list(namespace, authority.zone.origin) if namespace else ()
    return walk(candidates(name, suffixes), qtype, find)


def _documents(documents: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if not isinstance(document, dict):
            continue
        if document.get("kind") == "List":
            yield from _documents(document.get("items") or ())
        elif document.get("kind") in _KINDS:
            yield _with_namespace(document)


def _with_namespace(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    if document["kind"] == "Namespace" or not isinstance(metadata, dict):
        return document
    return {**document, "metadata": {"namespace": "default", **metadata}}


async def _read_cluster(kubeconfig: Path | None, context: str | None) -> list[Watched]:
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        found: list[Watched] = []
        for resource, type_ in _COLLECTIONS.items():
            page = msgspec.json.decode(await client.get(resource.path()))
            found += [decode(type_, item) for item in page.get("items") or ()]
        return found

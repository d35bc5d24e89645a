"""The controllers process: everything that turns wanted state into state, by the API alone.

Each controller is a queue of keys and one level-triggered step (``loop``); all share one connection pool and one copy
of each collection. The process may be killed at any point and started again anywhere; it must run once at a time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.controllers.context import Context, Settings
from fairlead.app.controllers.cronjobs import CronJobController
from fairlead.app.controllers.custom_kinds import DEFINITIONS, custom_collections
from fairlead.app.controllers.daemonsets import DaemonSetController
from fairlead.app.controllers.deployments import DeploymentController
from fairlead.app.controllers.disruption import DisruptionController
from fairlead.app.controllers.endpoints import EndpointsController, MirroringController
from fairlead.app.controllers.garbage import GarbageCollector
from fairlead.app.controllers.jobs import JobController
from fairlead.app.controllers.load_balancers import LoadBalancerController
from fairlead.app.controllers.loop import Controller, run_controller
from fairlead.app.controllers.namespaces import NamespaceEmptier, NamespaceFurnisher
from fairlead.app.controllers.nodes import NodeController
from fairlead.app.controllers.replicasets import ReplicaSetController, ReplicationControllerController
from fairlead.app.controllers.scheduler import Scheduler
from fairlead.app.controllers.service_cidrs import ServiceCIDRController
from fairlead.app.controllers.slices import SliceController
from fairlead.app.controllers.statefulsets import StatefulSetController
from fairlead.app.controllers.volumes import ClaimBinder, VolumeReclaimer
from fairlead.app.controllers.watches import Watches
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.discovery import Discovered, discover
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.retry import until_answered
from fairlead.drivers.kube.watch_pages import Address, watch_pages
from fairlead.drivers.kube.work_queue import Clock
from fairlead.model.custom_kinds import CustomResourceDefinition

__all__ = ["CONTROLLERS", "ControllersOptions", "Settings", "run", "serve"]

# The last two come last: they are content with whatever form of an object the others keep.
CONTROLLERS: dict[str, Callable[[Context], Controller[Any]]] = {
    "endpointslice": SliceController,
    "endpoints": EndpointsController,
    "mirroring": MirroringController,
    "scheduler": Scheduler,
    "node": NodeController,
    "service-cidr": ServiceCIDRController,
    "load-balancer": LoadBalancerController,
    "replicaset": ReplicaSetController,
    "replicationcontroller": ReplicationControllerController,
    "deployment": DeploymentController,
    "statefulset": StatefulSetController,
    "daemonset": DaemonSetController,
    "job": JobController,
    "cronjob": CronJobController,
    "persistentvolumeclaim-binder": ClaimBinder,
    "persistentvolume-reclaimer": VolumeReclaimer,
    "custom-resources": lambda context: context.custom_kinds,
    "disruption": DisruptionController,
    "namespace-defaults": NamespaceFurnisher,
    "namespace": NamespaceEmptier,
    "garbage-collector": GarbageCollector,
}
_NO_CUSTOM_KINDS = (403, 404)  # not to be seen, or not served: then there are none to leave out
_COLLECTED_VERBS = frozenset({"list", "watch", "delete"})


@dataclass(frozen=True)
class ControllersOptions:
    """How to run the controllers.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        context: of the kubeconfig; None is the current one.
        only: names of ``CONTROLLERS`` to run, for instance beside a real control plane that has the others.
        settings: of the controllers themselves.
        http: address and port of ``/healthz``, ``/readyz`` and ``/metrics``; None for none.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    only: tuple[str, ...] = tuple(CONTROLLERS)
    settings: Settings = field(default_factory=Settings)
    http: Address | None = None


async def run(options: ControllersOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called when every collection has been read once."""
    is_ready = asyncio.Event()

    def all_read() -> None:
        is_ready.set()
        ready()

    async with KubeClient.from_kubeconfig(options.kubeconfig, options.context, "controllers") as client:
        watches = Watches(client)
        async with watch_pages(options.http, watches.informers, is_ready.is_set):
            await serve(client, options.only, all_read, options.settings, watches=watches)


async def serve(
    client: KubeClient,
    names: tuple[str, ...],
    ready: Callable[[], None],
    settings: Settings,
    clock: Clock | None = None,
    watches: Watches | None = None,
) -> None:
    """Run the named controllers on a connection until cancelled; ``clock``: else the event loop."""
    collections = await _discover_collections(client)
    clock = clock or asyncio.get_running_loop()
    context = Context(client, EventWriter(client), watches or Watches(client), clock, collections, settings)
    controllers = [CONTROLLERS[name](context) for name in names]
    async with asyncio.TaskGroup() as group:
        group.create_task(context.events.run())
        for watched in context.watches.all():
            group.create_task(watched.run())
        for controller in controllers:
            group.create_task(run_controller(controller))
        for watched in context.watches.all():
            await watched.synced()
        ready()


async def _discover_collections(client: KubeClient) -> tuple[Discovered, ...]:
    """Everything built in that can be watched and deleted; waits for the server as long as it takes."""
    found = await until_answered(lambda: discover(client), "read which resources there are", client.troubles)
    listed = await until_answered(
        lambda: client.get(DEFINITIONS.path()), "list customresourcedefinitions", client.troubles, _NO_CUSTOM_KINDS
    )
    custom = custom_collections(msgspec.json.decode(listed or b"{}", type=_Definitions).items)
    return tuple(d for d in found or () if _is_collected(d) and (_group(d), d.resource.plural) not in custom)


class _Definitions(msgspec.Struct):
    items: list[CustomResourceDefinition] = []


def _is_collected(discovered: Discovered) -> bool:
    return discovered.verbs >= _COLLECTED_VERBS and discovered.kind != "Event"


def _group(discovered: Discovered) -> str:
    return discovered.resource.group_version.rpartition("/")[0]

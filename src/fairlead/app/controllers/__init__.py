"""The controllers process: everything that reconciles desired and actual state, by the API alone.

Each controller is a queue of keys and one level-triggered step (``loop``); all share one connection pool and one copy
of each collection. The process may be killed at any point and started again anywhere. Of several, one works at a time:
the one that holds a Lease. A new holder reads everything first, so that it does not rely on old state.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fairlead.app.controllers.certificates import CertificateController
from fairlead.app.controllers.context import ControllerContext, ControllerSettings, SigningAuthority
from fairlead.app.controllers.cronjobs import CronJobController
from fairlead.app.controllers.daemonsets import DaemonSetController
from fairlead.app.controllers.deployments import DeploymentController
from fairlead.app.controllers.disruption import DisruptionController
from fairlead.app.controllers.dns_autoscaler import DnsAutoscaler
from fairlead.app.controllers.garbage import GarbageCollector
from fairlead.app.controllers.jobs import JobController
from fairlead.app.controllers.load_balancers import LoadBalancerController
from fairlead.app.controllers.loop import Controller, run_controller
from fairlead.app.controllers.namespaces import NamespaceContentDeleter, NamespaceInitializer
from fairlead.app.controllers.nodes import NodeController
from fairlead.app.controllers.replicasets import ReplicaSetController, ReplicationControllerController
from fairlead.app.controllers.scheduler import Scheduler
from fairlead.app.controllers.service_cidrs import ServiceCIDRController
from fairlead.app.controllers.services.endpoints import EndpointsController, MirroringController
from fairlead.app.controllers.services.slices import SliceController
from fairlead.app.controllers.statefulsets import StatefulSetController
from fairlead.app.controllers.volumes import ClaimBinder, VolumeReclaimer
from fairlead.app.controllers.watches import ControllerWatches, Watched
from fairlead.drivers.change_marks import ChangeMarks
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.leader import Candidacy, Elector
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.kube.watch_pages import Address, watch_pages
from fairlead.drivers.kube.work_queue import Clock
from fairlead.drivers.steering.faults import Steering
from fairlead.drivers.steering.part_socket import steered

__all__ = ["CONTROLLERS", "ControllerSettings", "ControllersOptions", "SigningAuthority", "run", "serve"]

# The last two come last: they are content with whatever form of an object the others keep.
CONTROLLERS: dict[str, Callable[[ControllerContext], Controller[Any]]] = {
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
    "certificate": CertificateController,
    "custom-resources": lambda context: context.custom_kinds,
    "disruption": DisruptionController,
    "dns-autoscaler": DnsAutoscaler,
    "namespace-defaults": NamespaceInitializer,
    "namespace": NamespaceContentDeleter,
    "garbage-collector": GarbageCollector,
}
_OF_SERVICES = frozenset({SliceController.name, EndpointsController.name, MirroringController.name})


@dataclass(frozen=True)
class ControllersOptions:
    """How to run the controllers.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        context: of the kubeconfig; None is the current one.
        only: names of ``CONTROLLERS`` to run, for instance beside a real control plane that has the others.
        settings: of the controllers themselves.
        http: address and port of ``/healthz``, ``/readyz`` and ``/metrics``; None for none.
        marks: folder with the sockets of listeners for written slices.
        candidacy: for which Lease they work; None where nobody else can be at work.
        steering: how tests steer them, in a lab.
        authorize_metrics: they are for those alone that the API server lets see them.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    only: tuple[str, ...] = tuple(CONTROLLERS)
    settings: ControllerSettings = field(default_factory=ControllerSettings)
    http: Address | None = None
    candidacy: Candidacy | None = None
    marks: Path | None = None
    steering: Steering | None = None
    authorize_metrics: bool = False


async def run(
    options: ControllersOptions, ready: Callable[[], None], standing_by: Callable[[str], None] = lambda _: None
) -> None:
    """Serve until cancelled.

    Args:
        ready: called when every collection has been read once, each time that the work begins.
        standing_by: called with the name of the process that works instead.
    """
    async with KubeClient.from_kubeconfig(options.kubeconfig, options.context, "controllers") as client:
        elector = Elector(client, options.candidacy, standing_by) if options.candidacy else None
        shift = _Shift(client, options, ready, elector)
        access = PageAccess(client) if options.authorize_metrics else None
        pages = watch_pages(options.http, shift.informers, shift.is_ready, (elector,) if elector else (), access)
        async with pages, steered(options.steering, shift.reached):
            await (elector.lead(shift.work) if elector else shift.work())


class _Shift:
    """The work from the moment that it may be done until it must stop; each time with copies read afresh."""

    def __init__(
        self, client: KubeClient, options: ControllersOptions, ready: Callable[[], None], elector: Elector | None
    ) -> None:
        self._client, self._options, self._ready, self._elector = client, options, ready, elector
        self._watches: ControllerWatches | None = None
        self._has_read = False
        self._of_services: list[Controller[Any]] = []

    def informers(self) -> list[Informer[Any]]:
        return self._watches.informers() if self._watches else []

    def is_ready(self) -> bool:
        """A process that stands by is ready to."""
        return self._has_read or (self._watches is None and self._elector is not None and bool(self._elector.leader))

    async def reached(self, version: int) -> int:
        """Wait until the slices are what a version of the API's objects leads to; the version that is known."""
        return await reached(
            version,
            lambda: (w.informer for each in self._of_services for w in each.needs if isinstance(w, Watched)),
            lambda: self._has_read and all(each.queue.is_idle for each in self._of_services),
        )

    async def work(self) -> None:
        self._watches = ControllerWatches(self._client)
        try:
            context = _context(self._client, self._options.settings, None, self._watches)
            context = replace(context, steering=self._options.steering, marks=ChangeMarks(self._options.marks))
            controllers = [CONTROLLERS[name](context) for name in self._options.only]
            self._of_services = [each for each in controllers if each.name in _OF_SERVICES]
            await _serve(context, controllers, self._read)
        finally:
            self._watches, self._has_read = None, False

    def _read(self) -> None:
        self._has_read = True
        self._ready()


async def serve(
    client: KubeClient,
    names: tuple[str, ...],
    ready: Callable[[], None],
    settings: ControllerSettings,
    clock: Clock | None = None,
    watches: ControllerWatches | None = None,
) -> None:
    """Run the named controllers on a connection until cancelled; ``clock``: else the event loop."""
    context = _context(client, settings, clock, watches)
    await _serve(context, [CONTROLLERS[name](context) for name in names], ready)


def _context(
    client: KubeClient, settings: ControllerSettings, clock: Clock | None, watches: ControllerWatches | None
) -> ControllerContext:
    clock = clock or asyncio.get_running_loop()
    return ControllerContext(client, EventWriter(client), watches or ControllerWatches(client), clock, settings)


async def _serve(context: ControllerContext, controllers: Sequence[Controller[Any]], ready: Callable[[], None]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(context.events.run())
        context.watches.begin(group.create_task)
        if context.kinds.is_wanted:
            group.create_task(context.kinds.run())
        for controller in controllers:
            group.create_task(run_controller(controller, context.client.troubles))
        for controller in controllers:
            for needed in controller.needs:
                await needed.synced()
        ready()

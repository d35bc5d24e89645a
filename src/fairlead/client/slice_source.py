"""Endpoints by watching EndpointSlices: changes arrive at once, and with zones; it takes an API server to ask.

Rights needed: list and watch of ``endpointslices`` in the Service's Namespace.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path

from fairlead.client.core.endpoint import Update
from fairlead.client.core.slices import ready_endpoints
from fairlead.client.source import FAMILIES

PATIENCE = 10.0  # seconds for the first list, after which waiting callers get an error


class Slices:
    """The ready endpoints of a Service.

    Args:
        service: its name.
        port: the name of a port of the Service, or the number at which Pods answer.
        families: IPv4 and IPv6 in order of preference; the first one that has endpoints is used.
        kubeconfig: None looks where kubectl looks, and in a Pod uses its service account.
    """

    def __init__(
        self,
        service: str,
        port: int | str,
        *,
        namespace: str = "default",
        families: Sequence[str] = FAMILIES,
        kubeconfig: str | Path | None = None,
    ) -> None:
        self._service, self._port, self._namespace = service, port, namespace
        self._families, self._kubeconfig = tuple(families), kubeconfig

    async def follow(self, doubt: asyncio.Event) -> AsyncGenerator[Update, None]:
        """Doubt changes nothing: what the API server knows is here already.

        Raises:
            Unreachable: there is no usable kubeconfig.
        """
        # Here, so that those who ask DNS need not load an HTTP client.
        from fairlead.drivers.kube.client import ENDPOINT_SLICES, KubeClient
        from fairlead.drivers.kube.informer import Informer
        from fairlead.model.objects import SERVICE_NAME_LABEL, EndpointSlice

        changed = asyncio.Event()
        selector = {"labelSelector": f"{SERVICE_NAME_LABEL}={self._service}"}
        async with KubeClient.from_kubeconfig(self._kubeconfig, part="client") as client:
            slices = ENDPOINT_SLICES.within(self._namespace)
            informer = Informer(client, slices, EndpointSlice, lambda *_: changed.set(), selector)
            watching = asyncio.ensure_future(informer.run())
            try:
                if not await _is_set_within(PATIENCE, informer.synced):
                    yield Update(None, "the API server has not answered yet")
                    await informer.synced.wait()
                while True:
                    changed.clear()
                    found = ready_endpoints(informer.objects.values(), self._port, self._families)
                    yield Update(
                        found, f"the EndpointSlices of {self._namespace}/{self._service} list none that is ready"
                    )
                    await changed.wait()
            finally:
                watching.cancel()
                await asyncio.wait([watching])


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()

"""The ranges of virtual IPs, from the cluster's ServiceCIDR objects (KEP-1880)."""

from collections.abc import Awaitable, Callable

from fairlead.drivers.kube.client import SERVICE_CIDRS, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.networking import ServiceCIDR

_NOT_SERVED = (403, 404)  # the API is too old for them, or does not let us see them


class ServiceCidrs:
    """Follows the objects, where the API serves them.

    Attributes:
        synced: set once the ServiceCIDRs are read, or once it is known that they cannot be read.
    """

    def __init__(self, client: KubeClient, changed: Callable[[tuple[str, ...]], None]) -> None:
        self._client, self._changed = client, changed
        self._informer = Informer(client, SERVICE_CIDRS, ServiceCIDR, self._note)
        self.synced = self._informer.synced

    async def run(self) -> None:
        """Tell of every change until cancelled."""
        if await self._are_served():
            await self._informer.run()
        self.synced.set()

    async def _are_served(self) -> bool:
        def ask() -> Awaitable[bytes]:
            return self._client.get(SERVICE_CIDRS.path(), {"limit": "1"})

        deed = "list servicecidrs.networking.k8s.io (without them, --service-cidr counts)"
        return await until_answered(ask, deed, self._client.troubles, _NOT_SERVED) is not None

    def _note(self, _old: ServiceCIDR | None, _new: ServiceCIDR | None) -> None:
        self._changed(tuple(sorted({cidr for o in self._informer.objects.values() for cidr in o.spec.cidrs})))

"""Services and the Pods behind them, indexed; tells which Services a change of a Service or Pod concerns.

Shared by the controllers that write EndpointSlices and Endpoints. A change finds its Services by index, so that it
costs what it touches.
Upstream: ``staging/src/k8s.io/endpointslice/util/controller_utils.go`` (GetPodServiceMemberships and its callers).
"""

from collections.abc import Callable, Iterable, Mapping

from fairlead.app.controllers.watches import ControllerWatches
from fairlead.drivers.kube.client import PODS, SERVICES
from fairlead.endpointslice.membership import endpoint_facts
from fairlead.endpointslice.selector_index import SelectorIndex
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod, Service, latest


class ServiceMembers:
    """The Services and Pods of the cluster as endpoints are made of them.

    Attributes:
        watched: the collections that must be there in full before anything is concluded.
    """

    def __init__(self, watches: ControllerWatches) -> None:
        services, pods = watches.of(SERVICES, Service), watches.of(PODS, Pod)
        self.watched = (services, pods)
        self._services: Mapping[ObjectKey, Service] = services.objects
        self._index = SelectorIndex()
        self._concerned: list[Callable[[ObjectKey], None]] = []
        services.listen(self._service_changed)
        pods.listen(self._pod_changed)

    def listen(self, concerned: Callable[[ObjectKey], None]) -> None:
        """Hear the key of every Service whose endpoints may have to change."""
        self._concerned.append(concerned)

    def service(self, key: ObjectKey) -> Service | None:
        return self._services.get(key)

    def pods_of(self, key: ObjectKey) -> list[Pod]:
        """The Pods that the Service's selector finds."""
        return self._index.pods_of(key)

    def services_of(self, pods: Iterable[Pod]) -> set[ObjectKey]:
        """The Services that any of the Pods is behind."""
        return {service for pod in pods for service in self._index.owners_of(pod)}

    def _tell(self, service: ObjectKey) -> None:
        for concerned in self._concerned:
            concerned(service)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        service = latest(old, new)
        self._index.put_selector(service.key, new.spec.selector if new else None)
        self._tell(service.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        self._index.put_pod(old, new)
        if not (old and new and endpoint_facts(old) == endpoint_facts(new)):
            for service in self.services_of(pod for pod in (old, new) if pod):
                self._tell(service)

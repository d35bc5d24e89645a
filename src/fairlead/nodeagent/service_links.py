"""The variables for Services in containers, with the names of upstream's ``pkg/kubelet/envvars``.

Those of a namespace are worked out when a container first needs them and kept until a Service changes: the hundreds of
containers that a node starts get the same ones.
"""

from collections.abc import Iterable, Mapping

from fairlead.model.objects import Service, latest
from fairlead.model.socket_address import SocketAddress
from fairlead.nodeagent.manifest import RunPod

API_SERVER = ("default", "kubernetes")  # whose variables are in every container
_NO_LINKS = ""  # the namespace of nothing


class ServiceLinks:
    """All Services, and their variables for Pods."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        self._services: dict[str, dict[str, Service]] = {}  # by namespace and name
        self._variables: dict[str, Mapping[str, str]] = {}  # by namespace
        for service in services:
            self.change(None, service)

    def change(self, old: Service | None, new: Service | None) -> None:
        """Take in that a Service was written or deleted (``new`` is None)."""
        service = latest(old, new)
        there = self._services.setdefault(service.namespace, {})
        if new:
            there[new.name] = new
        else:
            del there[service.name]
            if not there:
                del self._services[service.namespace]
        self._variables.clear()

    def variables(self, pod: RunPod) -> Mapping[str, str]:
        """Those for the API server, and for the Services of the Pod's namespace unless it does not want them."""
        namespace = pod.namespace if pod.spec.enable_service_links else _NO_LINKS
        if namespace not in self._variables:
            self._variables[namespace] = service_variables(self._linked(namespace))
        return self._variables[namespace]

    def _linked(self, namespace: str) -> Iterable[Service]:
        """The API server's, which one of the same name replaces, and the others in order of name."""
        namespace_of_server, name = API_SERVER
        found = {service.name: service for service in self._with_address(namespace_of_server) if service.name == name}
        found |= {service.name: service for service in self._with_address(namespace)}
        return found.values()

    def _with_address(self, namespace: str) -> Iterable[Service]:
        """Headless Services have none."""
        there = self._services.get(namespace, {})
        return (there[name] for name in sorted(there) if there[name].cluster_ips)


def service_variables(services: Iterable[Service]) -> dict[str, str]:
    """``NAME_SERVICE_HOST`` and its kin, with the variables of old Docker links."""
    variables: dict[str, str] = {}
    for service in services:
        prefix = service.name.upper().replace("-", "_")
        host = service.cluster_ips[0]
        variables[f"{prefix}_SERVICE_HOST"] = host
        for position, port in enumerate(service.spec.ports):
            if position == 0:
                variables[f"{prefix}_SERVICE_PORT"] = str(port.port)
                variables[f"{prefix}_PORT"] = f"{port.protocol.lower()}://{SocketAddress(host, port.port)}"
            if port.name:
                variables[f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
            link = f"{prefix}_PORT_{port.port}_{port.protocol}"
            variables[link] = f"{port.protocol.lower()}://{SocketAddress(host, port.port)}"
            variables[f"{link}_PROTO"] = port.protocol.lower()
            variables[f"{link}_PORT"] = str(port.port)
            variables[f"{link}_ADDR"] = host
    return variables

"""The owner of an address: a cluster IP belongs only to the Service to which the API server has assigned it.

A user who can write a Service can name any address in ``externalIPs``, including the DNS server's cluster IP, and thus
intercept the traffic of another Service (CVE-2020-8554). Such an address is not forwarded for the Service that names
it, on any port.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from fairlead.dataplane.service_ports import ForwardedPort
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.snapshot import ClusterSnapshot


class Usurpation(NamedTuple):
    """An address that a Service names, and that is the cluster IP of another Service or of itself."""

    address: str
    owner: ObjectKey


def usurpations(snapshot: ClusterSnapshot, service: Service) -> Iterator[Usurpation]:
    """The addresses that a Service names from outside and that are cluster IPs."""
    for address in service.outside_ips:
        if owners := snapshot.services_by_ip.get(address):
            yield Usurpation(address, min(owners))


def usurpers(
    snapshot: ClusterSnapshot, old: Service | None, new: Service | None
) -> Iterator[tuple[Service, Usurpation]]:
    """The Services that name another Service's cluster IP after this change; the changed Service can be either one."""
    if new is not None and (old is None or old.outside_ips != new.outside_ips):
        yield from ((new, usurpation) for usurpation in usurpations(snapshot, new))
    gained = set(new.cluster_ips if new else ()) - set(old.cluster_ips if old else ())
    for address in sorted(gained):
        for key in sorted(snapshot.services_by_outside_ip.get(address, ())):
            if new is not None and key != new.key:
                yield snapshot.services[key], Usurpation(address, new.key)


def only_its_own(port: ForwardedPort, snapshot: ClusterSnapshot) -> ForwardedPort:
    """The port without addresses that are cluster IPs."""
    if not port.external_ips and not port.load_balancer_ips:
        return port
    owned = snapshot.services_by_ip
    return msgspec.structs.replace(
        port,
        external_ips=tuple(ip for ip in port.external_ips if ip not in owned),
        load_balancer_ips=tuple(ip for ip in port.load_balancer_ips if ip not in owned),
    )


def with_rivals(before: ClusterSnapshot, after: ClusterSnapshot, changed: Collection[ObjectKey]) -> set[ObjectKey]:
    """The changed Services, and those that name an address which one of these has got or given back as cluster IP."""
    concerned = set(changed)
    for key in changed:
        addresses = {ip for snapshot in (before, after) for ip in _cluster_ips(snapshot, key)}
        for address in addresses:
            concerned.update(before.services_by_outside_ip.get(address, ()))
            concerned.update(after.services_by_outside_ip.get(address, ()))
    return concerned


def _cluster_ips(snapshot: ClusterSnapshot, key: ObjectKey) -> tuple[str, ...]:
    service = snapshot.services.get(key)
    return service.cluster_ips if service else ()

"""Look-up of everything that is not a Service: the zone's own names, Namespaces, Pods, and the reverse trees."""

from functools import partial
from itertools import chain

from fairlead.clusterdns.endpoints import packed
from fairlead.clusterdns.found import Existing, Found, Records, ZoneView, address_sets, missing
from fairlead.clusterdns.grammar import (
    AddressNode,
    Apex,
    Branch,
    Nameserver,
    NamespaceNode,
    PodNode,
    ReverseBranch,
    Unshaped,
    VersionName,
)
from fairlead.clusterdns.names import Name, from_dashed, reverse_name
from fairlead.clusterdns.records import NameTarget, Origin, Reason, RRset, RRType, Text
from fairlead.clusterdns.reverse import is_inner_node
from fairlead.clusterdns.service_names import endpoint_names, endpoint_pointers, service_name
from fairlead.clusterdns.zone import VERSION_TTL, PodsMode
from fairlead.model.addresses import IPAddress
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod

_DEAD_PHASES = ("Succeeded", "Failed", "Unknown")


def find_apex(node: Apex, view: ZoneView) -> Found:
    """The top of a zone: its SOA and NS."""
    soa = view.zone.soa(node.zone)
    nameservers = partial(_nameservers, node.zone, view)
    return Existing(Origin(Reason.ZONE), {RRType.SOA: lambda: Records((soa,)), RRType.NS: nameservers})


def find_branch(node: Branch, view: ZoneView) -> Found:
    """An inner node of the zone. ``dns`` exists only while this server has an address that ``ns.dns`` can have: a name
    with nothing below it would end the searches of resolvers that treat NODATA as an answer (musl's)."""
    if node.of_server and not view.zone.own_addresses:
        return missing(Reason.NOT_A_SHAPE)
    return Existing(Origin(Reason.BRANCH))


def find_unshaped(_: Unshaped, __: ZoneView) -> Found:
    """A name that cannot exist."""
    return missing(Reason.NOT_A_SHAPE)


def find_version(_: VersionName, view: ZoneView) -> Found:
    """The version of the specification."""
    record = RRset(("dns-version", *view.zone.origin), RRType.TXT, VERSION_TTL, (Text(view.zone.version),))
    return Existing(Origin(Reason.VERSION), {RRType.TXT: lambda: Records((record,))})


def find_nameserver(_: Nameserver, view: ZoneView) -> Found:
    """This server by its fixed name: the addresses that it is bound to."""
    if not view.zone.own_addresses:
        return missing(Reason.NOT_A_SHAPE)
    owner = _fixed_nameserver(view)
    sets = address_sets(owner, view.zone.ttl, _own_addresses(view))
    return Existing(Origin(Reason.ZONE), {s.rtype: partial(Records, (s,)) for s in sets})


def find_namespace(node: NamespaceNode, view: ZoneView) -> Found:
    """A Namespace, which exists even if it is empty."""
    if node.of_pods and view.zone.pods is PodsMode.DISABLED:
        return missing(Reason.PODS_DISABLED)
    if not view.shows(node.namespace):
        return missing(Reason.NO_NAMESPACE, ObjectKey("", node.namespace))
    return Existing(Origin(Reason.BRANCH))


def find_pod(node: PodNode, view: ZoneView) -> Found:
    """An address spelled as a name; in verified mode only that of a live Pod of the Namespace."""
    inside = find_namespace(NamespaceNode(node.namespace, of_pods=True), view)
    if not isinstance(inside, Existing):
        return inside
    address = from_dashed(node.label)
    if address is None:
        return missing(Reason.NOT_A_POD_ADDRESS)
    if view.zone.pods is PodsMode.VERIFIED and not _has_live_pod(node.namespace, address, view):
        return missing(Reason.NO_SUCH_POD)
    owner = (node.label, node.namespace, "pod", *view.zone.origin)
    (record,) = address_sets(owner, view.zone.ttl, (address.packed,))
    return Existing(Origin(Reason.POD), {record.rtype: lambda: Records((record,))})


def find_address(node: AddressNode, view: ZoneView) -> Found:
    """The owners of an address: the Service with this virtual IP, else every Service with this ready endpoint.

    Imported Services come last, because an address keeps the name that its own cluster gives it.
    """
    names = _pointers(node.address, view)
    if not names and view.clusterset:
        names = _pointers(node.address, view.clusterset)
    if not names:
        return missing(Reason.NO_POINTER)
    record = RRset(reverse_name(node.address), RRType.PTR, view.zone.ttl, tuple(NameTarget(name) for name in names))
    return Existing(Origin(Reason.POINTER), {RRType.PTR: lambda: Records((record,))})


def find_reverse_branch(node: ReverseBranch, view: ZoneView) -> Found:
    """A part of an address: it exists when an address of the cluster lies below it."""
    exists = is_inner_node(view.zone.reverse_nodes, node.name)
    return Existing(Origin(Reason.BRANCH)) if exists else missing(Reason.NO_POINTER)


def owners(address: str, view: ZoneView) -> set[ObjectKey]:
    """The Services, imported ones included, that have an address as virtual IP or endpoint."""
    own = {*view.snapshot.services_by_ip.get(address, ()), *view.snapshot.services_by_endpoint.get(address, ())}
    return own | owners(address, view.clusterset) if view.clusterset else own


def _pointers(address: IPAddress, view: ZoneView) -> list[Name]:
    text = str(address)
    owners = view.snapshot.services_by_ip.get(text, ())
    virtual = sorted(key for key in owners if view.shows(key.namespace) and view.service(key))
    if virtual:
        return [service_name(virtual[0], view)]
    services = sorted(view.snapshot.services_by_endpoint.get(text, ()))
    found = chain.from_iterable(endpoint_pointers(key, address.packed, view) for key in services)
    # Programs that look their own name up take the first (Erlang's distribution, and so RabbitMQ): the host name that a
    # StatefulSet gave a Pod must come before what other Services call it by its address. The sort is stable.
    return [name for name, _ in sorted(found, key=lambda pointer: not pointer[1])]


def is_live(pod: Pod) -> bool:
    """Whether a Pod's address is its own: after the Pod has ended, another can have it."""
    return not pod.is_terminating and pod.status.phase not in _DEAD_PHASES


def _has_live_pod(namespace: str, address: IPAddress, view: ZoneView) -> bool:
    pods = (view.snapshot.pods[key] for key in view.snapshot.pods_by_ip.get(str(address), ()))
    return any(pod.namespace == namespace and is_live(pod) for pod in pods)


def _fixed_nameserver(view: ZoneView) -> Name:
    return ("ns", "dns", *view.zone.origin)


def _own_addresses(view: ZoneView) -> tuple[bytes, ...]:
    return tuple(packed(address) for address in view.zone.own_addresses)


def _nameservers(apex: Name, view: ZoneView) -> Records:
    """NS and glue: the Service in front of this server if the server's address is one of its endpoints, else the fixed
    name."""
    names = _service_nameservers(view)
    if not names and view.zone.own_addresses:
        names = {_fixed_nameserver(view): _own_addresses(view)}
    if not names:
        return Records()
    record = RRset(apex, RRType.NS, view.zone.ttl, tuple(NameTarget(name) for name in names))
    glue = (address_sets(name, view.zone.ttl, addresses) for name, addresses in names.items())
    return Records((record,), tuple(chain.from_iterable(glue)))


def _service_nameservers(view: ZoneView) -> dict[Name, tuple[bytes, ...]]:
    """Names and addresses of the Services that send queries here; a headless one names the endpoint itself."""
    names: dict[Name, tuple[bytes, ...]] = {}
    for own in view.zone.own_addresses:
        for key in sorted(view.snapshot.services_by_endpoint.get(own, ())):
            service = view.snapshot.services.get(key)
            found = endpoint_names(key, packed(own), view)
            if service is None or not found:
                continue
            if service.is_headless:
                names.update({name: (*names.get(name, ()), packed(own)) for name in found})
            else:
                names[service_name(key, view)] = tuple(packed(ip) for ip in service.cluster_ips)
    return names

"""Validates the values that explanations compute with: addresses, networks, ports, families.

An API server checks all this before it stores an object; files are unchecked. An object that fails is reported and left
out of the snapshot, so that readers of the snapshot get only valid values. Wording: upstream's
``apimachinery/pkg/util/validation``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from fairlead.model.addresses import IPFamily, parse_ip
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import CLUSTER_IP_NONE, EndpointSlice, Node, Pod, Service
from fairlead.model.snapshot import Member

Problem = Iterator[str]

_USUAL = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)  # quick, for many Pods
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_HIGHEST = 65535
_ADDRESS_TYPES = (*IPFamily, "FQDN")


def problems_of(member: Member) -> Problem:
    """The invalid values of an object, each in upstream's words; the field's path comes first."""
    check = _CHECKS.get(type(member))
    return check(member) if check else iter(())


def _address(path: str, text: str) -> Problem:
    if not _USUAL.fullmatch(text) and parse_ip(text) is None:
        yield f'{path}: Invalid value: "{text}": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'


def _addresses(path: str, texts: Iterable[str]) -> Problem:
    for index, text in enumerate(texts):
        yield from _address(f"{path}[{index}]", text)


def _network(path: str, text: str) -> Problem:
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        yield f'{path}: Invalid value: "{text}": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'


def _port(path: str, number: int | None, lowest: int = 1) -> Problem:
    if number is not None and not lowest <= number <= _HIGHEST:
        yield f"{path}: Invalid value: {number}: must be between 1 and 65535, inclusive"


def _one_of(path: str, text: str | None, supported: Iterable[str]) -> Problem:
    if text is not None and text not in tuple(supported):
        listed = ", ".join(f'"{each}"' for each in supported)
        yield f'{path}: Unsupported value: "{text}": supported values: {listed}'


def _service(service: Service) -> Problem:
    spec = service.spec
    ips = (ip for ip in (*spec.cluster_ips, spec.cluster_ip) if ip not in ("", CLUSTER_IP_NONE))
    yield from _addresses("spec.clusterIPs", ips)
    yield from _addresses("spec.externalIPs", spec.external_ips)
    for index, family in enumerate(spec.ip_families):
        yield from _one_of(f"spec.ipFamilies[{index}]", family, IPFamily)
    for index, cidr in enumerate(spec.load_balancer_source_ranges):
        yield from _network(f"spec.loadBalancerSourceRanges[{index}]", cidr)
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        yield from _port(f"{path}.port", port.port)
        yield from _port(f"{path}.nodePort", port.node_port, 0)
        yield from _port(f"{path}.targetPort", port.target_port if isinstance(port.target_port, int) else None, 0)
        yield from _one_of(f"{path}.protocol", port.protocol, _PROTOCOLS)
    for index, point in enumerate(service.status.load_balancer.ingress):
        yield from _address(f"status.loadBalancer.ingress[{index}].ip", point.ip) if point.ip else ()


def _slice(slice_: EndpointSlice) -> Problem:
    yield from _one_of("addressType", slice_.address_type, _ADDRESS_TYPES)
    for index, port in enumerate(slice_.ports or ()):
        yield from _port(f"ports[{index}].port", port.port)
        yield from _one_of(f"ports[{index}].protocol", port.protocol, _PROTOCOLS)
    for index, endpoint in enumerate(slice_.endpoints or ()):
        if not endpoint.addresses:
            yield f"endpoints[{index}].addresses: Required value: must contain at least 1 address"
        if slice_.address_type in tuple(IPFamily):
            yield from _addresses(f"endpoints[{index}].addresses", endpoint.addresses)


def _pod(pod: Pod) -> Problem:
    yield from _addresses("status.podIPs", pod.ips)


def _node(node: Node) -> Problem:
    yield from _addresses("status.addresses", node.internal_ips)
    for cidr in (*node.spec.pod_cidrs, *filter(None, (node.spec.pod_cidr,))):
        yield from _network("spec.podCIDRs", cidr)


def _policy(policy: NetworkPolicy) -> Problem:
    for direction, rules in (("ingress", policy.spec.ingress), ("egress", policy.spec.egress)):
        for index, rule in enumerate(rules or ()):
            for peer in (*(rule.sources or ()), *(rule.destinations or ())):
                block = peer.ip_block
                for cidr in (block.cidr, *(block.excepts or ())) if block else ():
                    yield from _network(f"spec.{direction}[{index}].ipBlock", cidr)


_CHECKS: Mapping[type, Callable[[Any], Problem]] = {
    Service: _service,
    EndpointSlice: _slice,
    Pod: _pod,
    Node: _node,
    NetworkPolicy: _policy,
}

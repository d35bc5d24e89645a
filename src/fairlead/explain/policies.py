"""What NetworkPolicies let through, by the specification of networking.k8s.io/v1 alone.

A Pod is isolated in a direction when a policy selects it for that direction; then only what some policy's rule allows
passes. Both ends must agree. A Pod's own node always reaches it, which is why probes succeed where clients fail.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.explain.cluster import Cluster
from fairlead.explain.documents import Doc, at, mapping, name_of, pairs, rows, text, texts
from fairlead.model.objects import Pod

INGRESS, EGRESS = "Ingress", "Egress"


class Peer(NamedTuple):
    """The other end of a connection: a Pod, or an address that is no Pod's."""

    address: str
    pod: Pod | None = None


class Port(NamedTuple):
    """A port of the server, and the names that its Pod gives it."""

    number: int
    protocol: str = "TCP"
    names: frozenset[str] = frozenset()


def directions_of(policy: Doc) -> tuple[str, ...]:
    """What a policy isolates its Pods in; by default Ingress, and Egress where it has rules for it."""
    given = texts(policy, "spec", "policyTypes")
    return given or (INGRESS, *([EGRESS] if at(policy, "spec", "egress") else []))


def policies_for(cluster: Cluster, pod: Pod, direction: str) -> list[Doc]:
    """The policies that isolate a Pod in a direction."""
    return [
        document
        for key, document in sorted(cluster.of_kind("NetworkPolicy").items())
        if key.namespace == pod.namespace
        and direction in directions_of(document)
        and matches(mapping(document, "spec", "podSelector"), dict(pod.labels))
    ]


def isolating(cluster: Cluster, pod: Pod, direction: str) -> list[str]:
    """The names of those policies."""
    return [name_of(document) for document in policies_for(cluster, pod, direction)]


def selected_by(cluster: Cluster, namespace: str, policy: Doc) -> list[Pod]:
    """The Pods that a policy selects, by name."""
    selector = mapping(policy, "spec", "podSelector")
    return sorted(
        (p for p in cluster.pods_in(namespace) if matches(selector, dict(p.labels))), key=lambda pod: pod.name
    )


def refusing(cluster: Cluster, pod: Pod, direction: str, peer: Peer, port: Port) -> list[str]:
    """The policies that keep a connection away; none when it is let through."""
    policies = policies_for(cluster, pod, direction)
    if any(_allows(cluster, policy, direction, peer, port) for policy in policies):
        return []
    return [name_of(policy) for policy in policies]


def opens(policy: Doc, direction: str, port: Port) -> bool:
    """Whether a rule of the policy opens a port for anybody at all."""
    return any(_has_port(rule, port) for rule in rows(policy, "spec", direction.lower()))


def _allows(cluster: Cluster, policy: Doc, direction: str, peer: Peer, port: Port) -> bool:
    side = "from" if direction == INGRESS else "to"
    return any(
        _has_port(rule, port) and _has_peer(cluster, policy, rule, side, peer)
        for rule in rows(policy, "spec", direction.lower())
    )


def _has_port(rule: Doc, port: Port) -> bool:
    ports = list(rows(rule, "ports"))
    return not ports or any(_is_port(each, port) for each in ports)


def _is_port(wanted: Doc, port: Port) -> bool:
    if (text(wanted, "protocol") or "TCP") != port.protocol:
        return False
    number, end = wanted.get("port"), wanted.get("endPort")
    if number is None:
        return True
    if isinstance(number, str):
        return number in port.names
    if not isinstance(number, int):
        return False
    return number <= port.number <= (end if isinstance(end, int) else number)


def _has_peer(cluster: Cluster, policy: Doc, rule: Doc, side: str, peer: Peer) -> bool:
    peers = list(rows(rule, side))
    return not peers or any(_is_peer(cluster, text(policy, "metadata", "namespace"), each, peer) for each in peers)


def _is_peer(cluster: Cluster, namespace: str, wanted: Doc, peer: Peer) -> bool:
    block = at(wanted, "ipBlock")
    if block:
        return _in_block(block, peer.address)
    if peer.pod is None:
        return False
    spaces = at(wanted, "namespaceSelector")
    if spaces is None:
        is_there = peer.pod.namespace == namespace
    else:
        is_there = matches(spaces, namespace_labels(cluster, peer.pod.namespace))
    pods = at(wanted, "podSelector")
    return is_there and (pods is None or matches(pods, dict(peer.pod.labels)))


def namespace_labels(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The labels of a Namespace, with the one of its name that every API server adds."""
    document = cluster.document("Namespace", "", namespace) or {}
    return {"kubernetes.io/metadata.name": namespace, **pairs(document, "metadata", "labels")}


def _in_block(block: Doc, address: str) -> bool:
    return _is_in(address, text(block, "cidr")) and not any(_is_in(address, each) for each in texts(block, "except"))


def _is_in(address: str, cidr: str) -> bool:
    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return False


def matches(selector: Doc, labels: dict[str, str]) -> bool:
    """Whether labels satisfy a selector with matchLabels and matchExpressions; an empty one matches all."""
    wanted = pairs(selector, "matchLabels")
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(term, labels) for term in rows(selector, "matchExpressions")
    )


def _holds(term: Doc, labels: dict[str, str]) -> bool:
    key, values = text(term, "key"), texts(term, "values")
    match text(term, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def named_ports(pod: Pod, number: int) -> frozenset[str]:
    """The names that a Pod's containers give a port."""
    return frozenset(_names(pod, number))


def _names(pod: Pod, number: int) -> Iterator[str]:
    for container in pod.spec.containers:
        yield from (port.name for port in container.ports or () if port.container_port == number and port.name)

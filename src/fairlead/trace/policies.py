"""The oracle of NetworkPolicies: their specification, against which rules are tested.

Written from the reference of networking.k8s.io/v1 and the page "Network Policies" of the documentation, rule by rule. A
Pod is isolated in a direction once a policy selects it for that direction; then only packets pass that a rule of such a
policy allows. Both ends must allow them, each on its own node. Traffic between a node and its own Pods always passes,
and so does traffic of a Pod with itself.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.model.network_policies import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from fairlead.model.objects import LabelSelector, Pod, SelectorTerm
from fairlead.model.snapshot import ClusterSnapshot

INGRESS, EGRESS = "Ingress", "Egress"


class End(NamedTuple):
    """One end of a connection: an address, and the Pod that has it, if one has."""

    address: str
    pod: Pod | None = None


class ReceivedPacket(NamedTuple):
    """The packet at the receiving end, after translation; protocol in upper case."""

    port: int
    protocol: str = "TCP"


class Permission(NamedTuple):
    """A rule that lets a connection through: its policy, and its place in the list."""

    policy: NetworkPolicy
    rule: int


class Ruling(NamedTuple):
    """The verdict of one Pod's policies about a connection.

    Attributes:
        isolating: the policies that select the Pod for this direction; without any, everything passes.
        permissions: their rules that allow the connection.
    """

    pod: Pod
    direction: str
    isolating: tuple[NetworkPolicy, ...]
    permissions: tuple[Permission, ...]

    @property
    def passes(self) -> bool:
        return not self.isolating or bool(self.permissions)


def pod_at(snapshot: ClusterSnapshot, address: str) -> Pod | None:
    """The Pod that has an address, without Pods that use their node's network or have ended.

    Of several Pods: one that is not being deleted, and the youngest.
    """
    found = [snapshot.pods[key] for key in snapshot.pods_by_ip.get(address, ())]
    ranked = sorted(
        (pod for pod in found if has_policies(pod)),
        key=lambda pod: (not pod.is_terminating, pod.metadata.creation_timestamp or "", pod.key),
    )
    return ranked[-1] if ranked else None


def has_policies(pod: Pod) -> bool:
    """Whether policies can apply to a Pod."""
    return not pod.spec.host_network and pod.status.phase not in ("Succeeded", "Failed")


def rulings(
    snapshot: ClusterSnapshot, node: str, source: str, destination: str, asked: ReceivedPacket
) -> tuple[Ruling, ...]:
    """The rulings about a packet that a node forwards, of the policies of its own Pods: the sender's, then the
    receiver's."""
    ends = [End(address, pod_at(snapshot, address)) for address in (source, destination)]
    if source == destination:
        return ()
    here = [end.pod is not None and end.pod.spec.node_name == node for end in ends]
    found = []
    if here[0]:
        found.append(ruling(snapshot, EGRESS, ends[0], ends[1], asked))
    if here[1]:
        found.append(ruling(snapshot, INGRESS, ends[1], ends[0], asked))
    return tuple(found)


def ruling(snapshot: ClusterSnapshot, direction: str, own: End, other: End, asked: ReceivedPacket) -> Ruling:
    """The ruling of the policies of the Pod at one end."""
    assert own.pod is not None, "only Pods have policies"
    receiver = own.pod if direction == INGRESS else other.pod
    isolating = isolating_policies(snapshot, own.pod, direction)
    permissions = (
        Permission(policy, number)
        for policy in isolating
        for number, rule in enumerate(rules_of(policy, direction))
        if opens(rule, asked, receiver) and _admits(snapshot, policy, rule, direction, other)
    )
    return Ruling(own.pod, direction, isolating, tuple(permissions))


def isolating_policies(snapshot: ClusterSnapshot, pod: Pod, direction: str) -> tuple[NetworkPolicy, ...]:
    """The policies that isolate a Pod in a direction, by name."""
    return tuple(
        policy
        for key, policy in sorted(snapshot.policies.items())
        if key.namespace == pod.namespace
        and direction in directions_of(policy)
        and has_policies(pod)
        and selects(policy.spec.pod_selector or LabelSelector(), pod.labels)
    )


def directions_of(policy: NetworkPolicy) -> tuple[str, ...]:
    """The directions in which a policy isolates its Pods; by default Ingress, and Egress if it has rules for it."""
    return policy.spec.policy_types or ((INGRESS, EGRESS) if policy.spec.egress else (INGRESS,))


def rules_of(policy: NetworkPolicy, direction: str) -> tuple[PolicyRule, ...]:
    """The rules of a policy for a direction."""
    return (policy.spec.ingress if direction == INGRESS else policy.spec.egress) or ()


def peers_of(rule: PolicyRule, direction: str) -> tuple[PolicyPeer, ...]:
    """The peers that a rule allows; none listed: any peer."""
    return (rule.sources if direction == INGRESS else rule.destinations) or ()


def opens(rule: PolicyRule, asked: ReceivedPacket, receiver: Pod | None) -> bool:
    """Whether a rule applies to this port of the receiver; a rule without ports applies to all."""
    return not rule.ports or any(_is_meant(port, asked, receiver) for port in rule.ports)


def _is_meant(port: PolicyPort, asked: ReceivedPacket, receiver: Pod | None) -> bool:
    if port.protocol != asked.protocol:
        return False
    if isinstance(port.port, str):
        return port.end_port is None and receiver is not None and port.port in port_names(receiver, asked)
    if port.port is None:
        return port.end_port is None
    return port.port <= asked.port <= (port.port if port.end_port is None else port.end_port)


def port_names(pod: Pod, asked: ReceivedPacket) -> frozenset[str]:
    """The names of a Pod's port; sidecars count."""
    sidecars = [c for c in pod.spec.init_containers or () if c.restart_policy == "Always"]
    ports = [port for container in (*pod.spec.containers, *sidecars) for port in container.ports or ()]
    return frozenset(
        port.name
        for port in ports
        if (port.container_port, port.protocol) == (asked.port, asked.protocol) and port.name
    )


def _admits(snapshot: ClusterSnapshot, policy: NetworkPolicy, rule: PolicyRule, direction: str, other: End) -> bool:
    peers = peers_of(rule, direction)
    return not peers or any(is_peer(snapshot, policy.namespace, peer, other) for peer in peers)


def is_peer(snapshot: ClusterSnapshot, namespace: str, peer: PolicyPeer, other: End) -> bool:
    """Whether the other end matches a peer of a policy in this Namespace."""
    if peer.ip_block is not None:
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            return False  # which the API refuses
        return _lies_in(other.address, peer.ip_block.cidr, peer.ip_block.excepts or ())
    if other.pod is None or not has_policies(other.pod):
        return False
    if peer.namespace_selector is not None:
        is_there = selects(peer.namespace_selector, namespace_labels(snapshot, other.pod.namespace))
    else:
        is_there = peer.pod_selector is not None and other.pod.namespace == namespace
    return is_there and selects(peer.pod_selector or LabelSelector(), other.pod.labels)


def _lies_in(address: str, cidr: str, excepts: Iterable[str]) -> bool:
    """A block that cannot be read contains nothing, even if only an exception cannot be read."""
    try:
        networks = [ip_network(text, strict=False) for text in (cidr, *excepts)]
    except ValueError:
        return False
    return ip_address(address) in networks[0] and not any(ip_address(address) in network for network in networks[1:])


def namespace_labels(snapshot: ClusterSnapshot, name: str) -> Mapping[str, str]:
    """The labels of a Namespace, one of which is its name."""
    namespace = snapshot.namespaces.get(name)
    return {"kubernetes.io/metadata.name": name, **(namespace.labels if namespace else {})}


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether labels match a selector; an empty one matches all."""
    pairs = (selector.match_labels or {}).items()
    return all(labels.get(key) == value for key, value in pairs) and all(
        _is_true(term, labels) for term in selector.match_expressions or ()
    )


def _is_true(term: SelectorTerm, labels: Mapping[str, str]) -> bool:
    values = term.values or ()
    match term.operator:
        case "In":
            return labels.get(term.key) in values
        case "NotIn":
            return labels.get(term.key) not in values
        case "Exists":
            return term.key in labels
        case "DoesNotExist":
            return term.key not in labels
    return False

"""NetworkPolicies as slim objects (networking.k8s.io/v1)."""

import msgspec

from fairlead.model.objects import KubeObject, LabelSelector, Slim


class PolicyPort(Slim, frozen=True):
    """Ports of a rule: all of a protocol, one by its number or the receiver's name for it, or a range."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class IPBlock(Slim, frozen=True):
    """A network in CIDR notation, without some of its parts."""

    cidr: str = ""
    excepts: tuple[str, ...] | None = msgspec.field(default=None, name="except")


class PolicyPeer(Slim, frozen=True):
    """The allowed other ends: Pods that selectors match, or the addresses of a block."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class PolicyRule(Slim, frozen=True):
    """The packets that one rule allows; ``sources`` for ingress, ``destinations`` for egress. Empty allows all."""

    ports: tuple[PolicyPort, ...] | None = None
    sources: tuple[PolicyPeer, ...] | None = msgspec.field(default=None, name="from")
    destinations: tuple[PolicyPeer, ...] | None = msgspec.field(default=None, name="to")


class NetworkPolicySpec(Slim, frozen=True):
    """The isolated Pods, the directions of their isolation, and the packets that are allowed nevertheless."""

    pod_selector: LabelSelector | None = None
    policy_types: tuple[str, ...] | None = None
    ingress: tuple[PolicyRule, ...] | None = None
    egress: tuple[PolicyRule, ...] | None = None


class NetworkPolicy(KubeObject, frozen=True):
    """A NetworkPolicy."""

    spec: NetworkPolicySpec = NetworkPolicySpec()

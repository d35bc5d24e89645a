"""The packet filter rules for ports of a node that lead to its Pods, and for its Pods' traffic out of the cluster.

They work as in the CNI plugin portmap: the destination of packets to a port of the node is rewritten to the Pod, before
the node's proxy sees them; the client's source address is preserved. If a Pod connects to itself through its node, the
packets are masqueraded, or it would answer itself directly. The ports do not answer on 127.0.0.1, as with kube-proxy's
node ports in nftables mode.

The node masquerades a Pod's packets out of the cluster, because there are no routes to Pods from there.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.model.addresses import EVERY_ADDRESS, IPFamily, family_of
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import (
    Chain,
    ChainHook,
    DestinationTranslated,
    Field,
    Hook,
    InNetworks,
    IsLocal,
    IsPort,
    IsProtocol,
    Masquerade,
    Match,
    Rule,
    RuleOrigin,
    Table,
    TableName,
    Target,
    Translate,
)
from fairlead.nodeagent.manifest import RunPod

BEFORE_SERVICES, SOURCE_NAT = -105, 100  # hook priorities, nft(8); the proxy translates at -100
_LOOPBACK = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}


class HostPortForward(NamedTuple):
    """A port of the node, at one of its addresses or at all of the target's IP family (empty), with its target; it
    belongs to the Pod ``owner``."""

    owner: ObjectKey
    address: str
    protocol: str
    port: int
    target: Target

    @property
    def family(self) -> IPFamily:
        return family_of(self.target.address)


def forwards(pod: RunPod, pod_ips: Iterable[str]) -> tuple[HostPortForward, ...]:
    """The ports of its node that lead to a Pod, in each IP family that it has an address in, or in that of ``hostIP``
    alone; one that is in the network of its node needs none."""
    if pod.spec.host_network:
        return ()
    containers = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    ports = [port for container in containers for port in container.ports or () if port.host_port]
    return tuple(
        HostPortForward(
            pod.key,
            "" if port.host_ip == EVERY_ADDRESS[family_of(ip)] else port.host_ip,
            port.protocol.lower(),
            port.host_port,
            Target(ip, port.container_port),
        )
        for port in ports
        for ip in pod_ips
        if not port.host_ip or family_of(port.host_ip) == family_of(ip)
    )


def table_name(family: IPFamily) -> TableName:
    """The name of the table of an IP family."""
    return TableName(family, "fairlead-host-ports")


class PodEgress(NamedTuple):
    """The Pods whose packets are masqueraded, unless they go to one of the networks inside the cluster; as CIDRs."""

    pods: str
    inside: tuple[str, ...]


def pod_egress(pods: str, inside: Iterable[str]) -> PodEgress:
    """The egress rule of a node's Pods in one IP family; ``inside`` are the CIDRs of all families."""
    return PodEgress(pods, tuple(cidr for cidr in inside if family_of(cidr) == family_of(pods)))


def table_of(wanted: Iterable[HostPortForward], out: PodEgress | None = None) -> Table:
    """The rules for these forwards, all of one IP family, and for the Pods' way out."""
    ordered = sorted(wanted)
    translations = tuple(_translation(forward) for forward in ordered)
    addresses = dict.fromkeys(forward.target.address for forward in ordered)
    chains = (
        Chain("nat-prerouting", translations, ChainHook("nat", Hook.PREROUTING, BEFORE_SERVICES)),
        Chain("nat-output", translations, ChainHook("nat", Hook.OUTPUT, BEFORE_SERVICES)),
        Chain(
            "nat-postrouting",
            (*_hairpins(addresses), *_masquerade(out)),
            ChainHook("nat", Hook.POSTROUTING, SOURCE_NAT),
        ),
    )
    return Table({chain.name: chain for chain in chains})


def _translation(forward: HostPortForward) -> Rule:
    where: tuple[Match, ...] = (
        (InNetworks(Field.DESTINATION, (forward.address,)),)
        if forward.address
        else (IsLocal(Field.DESTINATION), InNetworks(Field.DESTINATION, (_LOOPBACK[forward.family],), negated=True))
    )
    packet = (*where, IsProtocol(forward.protocol), IsPort(forward.port))
    return Rule(packet, (Translate(forward.target),), RuleOrigin(str(forward.owner), "host port"))


def _hairpins(addresses: Iterable[str]) -> Iterator[Rule]:
    for address in addresses:
        ends = (InNetworks(Field.SOURCE, (address,)), InNetworks(Field.DESTINATION, (address,)))
        yield Rule((DestinationTranslated(), *ends), (Masquerade(),), RuleOrigin("", "a Pod that reached itself"))


def _masquerade(out: PodEgress | None) -> Iterator[Rule]:
    if out is not None and out.inside:
        ends = (InNetworks(Field.SOURCE, (out.pods,)), InNetworks(Field.DESTINATION, out.inside, negated=True))
        yield Rule(ends, (Masquerade(),), RuleOrigin("", "a Pod's way to the world outside"))

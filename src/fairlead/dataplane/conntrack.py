"""Which tracked flows a change makes stale.

Translation is decided once per flow, and a UDP flow lasts as long as packets arrive: a client that never pauses would
be sent to a removed endpoint indefinitely. TCP connections are left to close by themselves, gracefully, unless the view
requests a reset. For a reset, the entry of the connection is deleted. Its next packet then counts as a new connection,
and its receiver answers with a reset: an endpoint without that connection, or the rule for Services without endpoints.

Unlike in upstream's ``pkg/proxy/conntrack``, a flow is identified by its virtual address *and* the endpoint that it was
translated to, so that deleted Services and Services without endpoints are covered and no other flow is affected.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from fairlead.dataplane.forwarding import NodeView, PortPlan
from fairlead.netfilter.ruleset import Target


class Flow(NamedTuple):
    """The flows that were sent to ``address`` and ``port``, and are answered by ``endpoint``.

    Attributes:
        address: "" stands for every address of the node, where node ports answer on all of them. If the endpoint's
            address is "" too, the flows are meant that passed through untranslated.
        protocol: in lower case.
    """

    address: str
    port: int
    endpoint: Target
    protocol: str = "udp"


Frontend = tuple[str, str, int]  # protocol, address, port
Served = dict[Frontend, tuple[Target, ...]]


def forgotten_protocols(view: NodeView) -> tuple[str, ...]:
    """The protocols whose stale flows must be deleted."""
    return ("udp", "tcp") if view.resets_connections else ("udp",)


def stale_flows(old: Iterable[PortPlan], new: Iterable[PortPlan], view: NodeView) -> frozenset[Flow]:
    """The flows that the old plans allow and the new ones do not.

    Where something is served that was not before, flows that passed through untranslated are stale too.
    """
    before, after = _served(old, view), _served(new, view)
    return frozenset((_flows(before) - _flows(after)) | _untranslated(after.keys() - before.keys()))


def _served(plans: Iterable[PortPlan], view: NodeView) -> Served:
    protocols = forgotten_protocols(view)
    concerned = (p for p in plans if p.port.name.protocol.lower() in protocols and p.endpoints.serving)
    return {frontend: plan.endpoints.serving for plan in concerned for frontend in _frontends(plan, view)}


def _frontends(plan: PortPlan, view: NodeView) -> Iterator[Frontend]:
    port, protocol = plan.port, plan.port.name.protocol.lower()
    for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
        yield protocol, address, port.port
    if port.node_port:
        yield from ((protocol, address, port.node_port) for address in view.node_port_ips or ("",))


def _flows(served: Served) -> set[Flow]:
    return {Flow(a, port, target, protocol) for (protocol, a, port), targets in served.items() for target in targets}


def _untranslated(frontends: Iterable[Frontend]) -> set[Flow]:
    return {Flow(a, port, Target(a, port), protocol) for protocol, a, port in frontends if protocol == "udp"}


def untranslated_among(flows: Iterable[Flow], port: int, local: Collection[str]) -> list[Flow]:
    """Of the flows that are there, those to this port of any of the node's addresses that are not translated."""
    return [flow for flow in flows if flow.address in local and flow.endpoint == Target(flow.address, port)]


def stale_among(
    flows: Iterable[Flow], plans: Iterable[PortPlan], view: NodeView, local: Collection[str] = ()
) -> list[Flow]:
    """Of the flows that are there, those to our addresses whose endpoint no longer serves: the check at the start.

    Args:
        local: the node's own addresses, where node ports answer on all of them.
    """
    there = list(flows)
    served = _served(plans, view) if there else {}

    def is_stale(flow: Flow) -> bool:
        targets = served.get((flow.protocol, flow.address, flow.port))
        if targets is None and flow.address in local:
            targets = served.get((flow.protocol, "", flow.port))
        return targets is not None and flow.endpoint not in targets

    return [flow for flow in there if is_stale(flow)]

"""Which tracked UDP flows a change makes stale.

Translation is decided once per flow, and a UDP flow lives as long as packets keep coming: a client that never pauses
would be sent to a gone endpoint for ever. TCP is left alone: its connections close by themselves, gracefully.
Unlike upstream's ``pkg/proxy/conntrack``, a flow is told by its virtual address *and* the endpoint that it was
translated to, so that deleted Services and Services without endpoints are covered and no other flow is hit.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.dataplane.forwarding import NodeView, PortPlan
from fairlead.netfilter.ruleset import Target


class Flow(NamedTuple):
    """The UDP flows that were sent to ``address`` and ``port``, and are answered by ``endpoint``.

    Attributes:
        address: "" stands for any: a node port on every address of the node.
    """

    address: str
    port: int
    endpoint: Target


def stale_flows(old: Iterable[PortPlan], new: Iterable[PortPlan], view: NodeView) -> frozenset[Flow]:
    """The flows that the old plans allow and the new ones do not.

    Where something is served that was not before, flows that passed through untranslated are stale too.
    """
    before, after = _served(old, view), _served(new, view)
    return frozenset((_flows(before) - _flows(after)) | _untranslated(after.keys() - before.keys()))


Served = dict[tuple[str, int], tuple[Target, ...]]


def _served(plans: Iterable[PortPlan], view: NodeView) -> Served:
    udp = (plan for plan in plans if plan.port.name.protocol == "UDP" and plan.endpoints.serving)
    return {frontend: plan.endpoints.serving for plan in udp for frontend in _frontends(plan, view)}


def _frontends(plan: PortPlan, view: NodeView) -> Iterator[tuple[str, int]]:
    port = plan.port
    for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
        yield address, port.port
    if port.node_port:
        yield from ((address, port.node_port) for address in view.node_port_ips or ("",))


def _flows(served: Served) -> set[Flow]:
    return {Flow(*frontend, target) for frontend, targets in served.items() for target in targets}


def _untranslated(frontends: Iterable[tuple[str, int]]) -> set[Flow]:
    return {Flow(address, port, Target(address, port)) for address, port in frontends if address}


def stale_among(flows: Iterable[Flow], plans: Iterable[PortPlan], view: NodeView) -> list[Flow]:
    """Of the flows that are there, those to our addresses whose endpoint no longer serves: the check at the start."""
    there = list(flows)
    served = _served(plans, view) if there else {}

    def is_stale(flow: Flow) -> bool:
        targets = served.get((flow.address, flow.port)) or served.get(("", flow.port))
        return targets is not None and flow.endpoint not in targets

    return [flow for flow in there if is_stale(flow)]

"""Addresses of load balancers that no node can announce, and nodes that have lost their BGP sessions."""

from collections.abc import Iterator

from fairlead.dataplane.announcing import EXCLUDE_LABEL, announced_addresses, candidates, goes_by_endpoints
from fairlead.explain.announcing import lost_sessions
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.statements import Evidence
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase


def check_announced(ward: Ward, service: Service) -> Iterator[Finding]:
    """An address of the Service that no node may announce although there are endpoints."""
    if not ward.cluster.has_read("Node", "EndpointSlice") or not ward.has_ready_endpoint(service):
        return
    for address in announced_addresses(service):
        if ward.cluster.snapshot.nodes and not candidates(ward.cluster.snapshot, service.key, address):
            yield _unannounced(ward, service, address)
            return


def _unannounced(ward: Ward, service: Service, address: str) -> Finding:
    barred = sorted(n.name for n in ward.cluster.snapshot.nodes.values() if EXCLUDE_LABEL in n.labels)
    why = (
        Phrase("{nodes} are excluded by a label", nodes=barred)
        if barred
        else Phrase("no Node that is Ready has an endpoint of it")
        if goes_by_endpoints(service)
        else Phrase("no Node is Ready and stays")
    )
    text = Phrase(
        "no node may announce {address} of Service {service}: {why}", address=address, service=service.key, why=why
    )
    evidence = [ward.cluster.field(ref_of(service), ".status.loadBalancer.ingress", address)]
    evidence += [ward.cluster.field(Ref("Node", "", name), f"label {EXCLUDE_LABEL}", "") for name in barred[:2]]
    fix = f"kubectl label node {barred[0]} {EXCLUDE_LABEL}-" if barred else "kubectl get nodes"
    return Finding("load-balancer-unannounced", ref_of(service), text, tuple(evidence), (Fix(fix),), harmed(service))


def check_sessions(ward: Ward) -> Iterator[Finding]:
    """Nodes whose announcer has no session with one of its routers."""
    balanced = [service for service in ward.services if announced_addresses(service)]
    for lost in lost_sessions(ward.cluster):
        ref = Ref("Node", "", lost.node)
        text = Phrase(
            "{node} has no BGP session with {router}: {reason}", node=lost.node, router=lost.router, reason=lost.reason
        )
        evidence: tuple[Evidence, ...] = (lost.evidence,)
        fix = Fix(f"kubectl describe node {lost.node}  # and the router's own log of its neighbour {lost.node}")
        yield Finding("bgp-session-down", ref, text, evidence, (fix,), harmed(*balanced))

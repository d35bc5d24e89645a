"""Every address and port of a Service, from where it can be reached, and its endpoints."""

from collections.abc import Callable, Iterator, Mapping

from fairlead.dataplane.announcing import announced_addresses
from fairlead.dataplane.forwarding import Fate, PortPlan, plan_service
from fairlead.endpointslice.membership import families_of
from fairlead.explain.announcing import tell_announcement
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.proxying import Proxying, view_of
from fairlead.explain.statements import Evidence, Statement, failed, said, unchecked
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.objects import PROXY_NAME_LABEL, Service, ServicePort
from fairlead.model.phrases import Phrase

PLACEHOLDER = "a node"


def explain_answering(cluster: Cluster, service: Service, proxying: Proxying) -> Statement:
    """The addresses of the Service; a headless one and an alias have none."""
    if service.is_external_name or service.is_headless:
        return _nowhere(cluster, service)
    if not service.spec.ports:
        return failed("answers on no port: it has none", cluster.field(_ref(service), ".spec.ports", ()))
    parts = [*_virtual(cluster, service), *_external(cluster, service), *_load_balancer(cluster, service)]
    parts += _node_ports(cluster, service, proxying)
    if PROXY_NAME_LABEL in service.labels:
        parts.append(_other_proxy(cluster, service))
    return Statement("answers on", (), tuple(parts))


def _ref(service: Service) -> Ref:
    return Ref("Service", service.namespace, service.name)


def _nowhere(cluster: Cluster, service: Service) -> Statement:
    if service.is_external_name:
        target = service.spec.external_name or Phrase("nothing")
        text = Phrase("answers on no address: names lead to {target}", target=target)
        return said(text, cluster.field(_ref(service), ".spec.externalName", service.spec.external_name))
    text = Phrase("answers on no address of its own: each endpoint answers on its own address and port")
    return said(text, cluster.field(_ref(service), ".spec.clusterIP", "None"), parts=_headless_duties(service))


def _headless_duties(service: Service) -> Iterator[Statement]:
    """What a virtual IP would do for a client, which a client of a headless Service must do itself."""
    yield said("a client must choose an endpoint by itself: nothing balances its connections")
    yield said("it must ask DNS again to learn of new endpoints: the answer may be kept for its TTL, and no longer")
    yield said("it must try another address when one fails: an endpoint that is gone is not hidden")
    for port in service.spec.ports:
        target = port.target_port
        if target not in (None, port.port):
            yield said(
                Phrase(
                    "it must use the Pods' port {target}, not {port}: nothing translates ports; SRV records tell it",
                    target=target,
                    port=port.port,
                )
            )


def _other_proxy(cluster: Cluster, service: Service) -> Statement:
    name = service.labels[PROXY_NAME_LABEL]
    return unchecked(
        Phrase("another proxy is to serve it: {name}", name=name),
        cluster.field(_ref(service), f"label {PROXY_NAME_LABEL}", name),
    )


def _ports(service: Service) -> str:
    return ", ".join(_port(port) for port in service.spec.ports)


def _port(port: ServicePort) -> str:
    return f"{port.port}/{port.protocol}"


def at(address: str, port: int) -> str:
    """An address and a port as text."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _virtual(cluster: Cluster, service: Service) -> Iterator[Statement]:
    if not service.cluster_ips:
        text = "its virtual IP is not known: the API server gives it one when the Service is created"
        yield unchecked(text, cluster.field(_ref(service), ".spec.clusterIP", ""))
    for ip in service.cluster_ips:
        for port in service.spec.ports:
            because = cluster.field(_ref(service), ".spec.clusterIPs", ip)
            text = Phrase(
                "{point}/{protocol}: from Pods and nodes, never from outside",
                point=at(ip, port.port),
                protocol=port.protocol,
            )
            yield said(text, because, parts=(_leads(cluster, service, port, family_of(ip)),))


def _leads(cluster: Cluster, service: Service, port: ServicePort, family: IPFamily) -> Statement:
    """The endpoints of a port, as seen from a node without an endpoint."""
    if not cluster.has_read("EndpointSlice"):
        return cluster.missing("to whom it leads", "EndpointSlice")
    plan = _plan(cluster, service, port, PLACEHOLDER, Proxying(), family)
    if plan is None or not plan.endpoints.has_any:
        return failed("refused: no endpoint is ready", Evidence(f"EndpointSlices of {service.key}", "what was read"))
    targets = [at(t.address, t.port) for t in plan.endpoints.cluster] or Phrase(
        "endpoints of the client's own node only"
    )
    return said(Phrase("to {targets}", targets=targets), Evidence(f"EndpointSlices of {service.key}", "what was read"))


def _plan(
    cluster: Cluster, service: Service, port: ServicePort, node: str, proxying: Proxying, family: IPFamily
) -> PortPlan | None:
    plans = plan_service(cluster.snapshot, service.key, view_of(cluster, proxying, node, family))
    wanted = (port.name, port.protocol)
    return next((p for p in plans if (p.port.name.port, p.port.name.protocol) == wanted), None)


def _external(cluster: Cluster, service: Service) -> Iterator[Statement]:
    for ip in service.spec.external_ips:
        for port in service.spec.ports:
            text = Phrase(
                "{point}/{protocol}: from wherever packets for {ip} reach a node",
                point=at(ip, port.port),
                protocol=port.protocol,
                ip=ip,
            )
            yield said(text, cluster.field(_ref(service), ".spec.externalIPs", ip))


def _load_balancer(cluster: Cluster, service: Service) -> Iterator[Statement]:
    if service.spec.type != "LoadBalancer":
        return
    points = service.status.load_balancer.ingress
    if not points:
        yield failed(
            "its load balancer has no address yet", cluster.field(_ref(service), ".status.loadBalancer.ingress", ())
        )
    for point in points:
        ranges = service.spec.load_balancer_source_ranges
        who = Phrase("from {ranges}", ranges=ranges) if ranges else Phrase("from outside and inside")
        because = cluster.field(_ref(service), ".status.loadBalancer.ingress", point.ip or point.hostname)
        yield said(
            Phrase("{where}, ports {ports}: {who}", where=point.ip or point.hostname, ports=_ports(service), who=who),
            because,
            parts=[tell_announcement(cluster, service, point.ip)] if point.ip in announced_addresses(service) else (),
        )


def _node_ports(cluster: Cluster, service: Service, proxying: Proxying) -> Iterator[Statement]:
    for port in service.spec.ports:
        if port.node_port and service.spec.type in ("NodePort", "LoadBalancer"):
            yield _node_port(cluster, service, port, proxying)


def _node_port(cluster: Cluster, service: Service, port: ServicePort, proxying: Proxying) -> Statement:
    because = (cluster.field(_ref(service), f".spec.ports[{port.name or port.port}].nodePort", port.node_port),)
    if not cluster.has_read("Node"):
        return cluster.missing(
            Phrase(
                "on which addresses node port {node_port}/{protocol} answers",
                node_port=port.node_port,
                protocol=port.protocol,
            ),
            "Node",
        )
    parts = [_on_node(cluster, service, port, node, proxying) for node in sorted(cluster.snapshot.nodes)]
    policy = service.spec.external_traffic_policy or "Cluster"
    kept = policy == "Local"
    rest = Phrase("the client's address is kept") if kept else Phrase("endpoints see the node's address")
    text = Phrase(
        "node port {node_port}/{protocol}, from outside and inside; externalTrafficPolicy {policy}: {rest}",
        node_port=port.node_port,
        protocol=port.protocol,
        policy=policy,
        rest=rest,
    )
    return Statement(text, because, tuple(parts))


def _on_node(cluster: Cluster, service: Service, port: ServicePort, node: str, proxying: Proxying) -> Statement:
    views = [view_of(cluster, proxying, node, family) for family in _families(service)]
    ips = [ip for view in views for ip in (view.node_ips if view.node_port_ips is None else view.node_port_ips)]
    if not ips:
        return unchecked(
            Phrase("{node}: no InternalIP is known", node=node),
            cluster.field(Ref("Node", "", node), ".status.addresses", ()),
        )
    where = ", ".join(at(ip, port.node_port) for ip in ips)
    plan = _plan(cluster, service, port, node, proxying, family_of(ips[0]))
    evidence = cluster.field(Ref("Node", "", node), ".status.addresses[InternalIP]", ips)
    if not cluster.has_read("EndpointSlice") or plan is None:
        return unchecked(Phrase("{where} on {node}, if there are endpoints", where=where, node=node), evidence)
    return _FATES[plan.external](Phrase("{where} on {node}", where=where, node=node), evidence)


_FATES: Mapping[Fate, Callable[[str, Evidence], Statement]] = {
    Fate.CLUSTER: said,
    Fate.LOCAL: lambda where, because: said(Phrase("{where}, to its own endpoints only", where=where), because),
    Fate.DROP: lambda where, because: said(
        Phrase("{where} does not answer: no endpoint on this node", where=where), because
    ),
    Fate.REJECT: lambda where, because: failed(
        Phrase("{where} is refused: no endpoint anywhere", where=where), because
    ),
}


def _families(service: Service) -> tuple[IPFamily, ...]:
    return families_of(service) if service.spec.ip_families or service.cluster_ips else (IPFamily.IPV4,)

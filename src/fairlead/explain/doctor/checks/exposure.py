"""Access to a Service from outside: policies, load balancers, external IPs, conflicting addresses."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from fairlead.allocation.shared_addresses import claim_of, obstacle
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import text, texts
from fairlead.explain.statements import Evidence, EvidenceKind
from fairlead.model.objects import PROXY_NAME_LABEL, Service
from fairlead.model.phrases import Phrase


def check_local_policy(ward: Ward, service: Service) -> Iterator[Finding]:
    """Policy Local with clients that use nodes without endpoints; a load balancer's health checks prevent this."""
    if not ward.cluster.has_read("Node", "EndpointSlice") or not ward.has_ready_endpoint(service):
        return
    spec = service.spec
    hosts = {e.node_name for e in ward.endpoints(service) if e.is_ready}
    if spec.external_traffic_policy == "Local" and (spec.type == "NodePort" or _is_unchecked(service)):
        without = [node for node in _working(ward) if node not in hosts]
        yield from _nowhere(ward, service, "externalTrafficPolicy", "clients outside", without)
    if spec.internal_traffic_policy == "Local" and not service.is_headless:
        without = [node for node in _with_clients(ward, service) if node not in hosts]
        yield from _nowhere(ward, service, "internalTrafficPolicy", "clients", without)


def _is_unchecked(service: Service) -> bool:
    """A load balancer that cannot query nodes for their endpoints, or external IPs without any control."""
    return (
        service.spec.type == "LoadBalancer"
        and not service.spec.health_check_node_port
        and bool(service.spec.external_ips)
    )


def _working(ward: Ward) -> list[str]:
    """Nodes that can get a client's packets: Ready, and not only part of the control plane."""
    nodes = ward.cluster.snapshot.nodes.values()
    return sorted(
        n.name for n in nodes if n.is_ready and not any(t.effect == "NoSchedule" for t in n.spec.taints or ())
    )


def _with_clients(ward: Ward, service: Service) -> list[str]:
    """Nodes with a Pod that clearly uses the Service."""
    from fairlead.explain.doctor.lookups import resolve

    found = set()
    for reference in ward.references:
        pod = ward.cluster.snapshot.pods.get((reference.namespace, reference.client.ref.name))  # type: ignore[call-overload]
        if pod is not None and resolve(ward, reference).service == service:
            found.add(pod.spec.node_name)
    return sorted(found & set(ward.cluster.snapshot.nodes))


def _nowhere(ward: Ward, service: Service, policy: str, who: str, nodes: Iterable[str]) -> Iterator[Finding]:
    names = list(nodes)
    if names:
        more = Phrase(" and {count} more", count=len(names) - 3) if len(names) > 3 else ""
        text_ = Phrase(
            "{policy} Local of Service {service} drops what {who} send to {names}{more}: no endpoint there",
            policy=policy,
            service=service.key,
            who=Phrase(who),
            names=names[:3],
            more=more,
        )
        evidence = (ward.cluster.field(ref_of(service), f".spec.{policy}", "Local"),)
        fix = Fix(target=ref_of(service), patch={"spec": {policy: "Cluster"}})
        yield Finding("local-policy-nowhere", ref_of(service), text_, evidence, (fix,), harmed(service))


def check_load_balancer(ward: Ward, service: Service) -> Iterator[Finding]:
    """A load balancer without an address, and why: its class, the wanted address, the controller's Events."""
    if service.spec.type != "LoadBalancer" or service.status.load_balancer.ingress or not _is_kept(ward, service):
        return
    evidence = [ward.cluster.field(ref_of(service), ".status.loadBalancer.ingress", ())]
    why, fix = _why_pending(ward, service, evidence)
    text_ = Phrase("the load balancer of Service {service} has no address: {why}", service=service.key, why=why)
    yield Finding("load-balancer-pending", ref_of(service), text_, tuple(evidence), (fix,), harmed(service))


def _is_kept(ward: Ward, service: Service) -> bool:
    """Whether the Service is from an API server; one from a manifest has no address yet."""
    return bool(service.metadata.uid or service.cluster_ips)


def _why_pending(ward: Ward, service: Service, evidence: list[Evidence]) -> tuple[str, Fix]:
    words = [text(e, "message") for e in ward.cluster.events_of(ref_of(service)) if text(e, "type") == "Warning"]
    wanted = service.spec.load_balancer_ip
    holder = _holder(ward, service, wanted) if wanted else None
    if holder is not None:
        evidence.append(ward.cluster.field(ref_of(holder), ".status.loadBalancer.ingress", wanted))
        return Phrase("{wanted} belongs to Service {holder}", wanted=wanted, holder=holder.key), Fix(
            target=ref_of(service), patch={"spec": {"loadBalancerIP": None}}
        )
    if words:
        evidence.append(Evidence(f"Event of {ref_of(service)}: {words[-1]}", kind=EvidenceKind.OBSERVATION))
        return words[-1], Fix(f"kubectl -n {service.namespace} describe service {service.name}")
    class_ = service.spec.load_balancer_class
    if class_:
        evidence.append(ward.cluster.field(ref_of(service), ".spec.loadBalancerClass", class_))
        return Phrase("no controller answers for its class {class_name}", class_name=class_), Fix(
            "kubectl get pods -A | grep -i -e metallb -e loadbalancer -e cloud-controller"
        )
    return Phrase("no controller in this cluster gives addresses to load balancers"), Fix(
        target=ref_of(service), patch={"spec": {"type": "NodePort"}}
    )


def _holder(ward: Ward, service: Service, address: str) -> Service | None:
    """Another Service that has the address and does not share it with this one."""
    points = ((s, p.ip) for s in ward.services for p in s.status.load_balancer.ingress if s.key != service.key)
    holders = (s for s, ip in points if ip == address)
    return next((s for s in holders if obstacle(claim_of(service), [claim_of(s)])), None)


def check_external_ips(ward: Ward) -> Iterator[Finding]:
    """External IPs that are another Service's virtual or external IP with the same port, or a node's address."""
    claims: dict[tuple[str, int, str], Service] = {}
    for service in ward.services:
        for ip in service.spec.external_ips:
            owners = ward.cluster.snapshot.services_by_ip.get(ip)
            if owners:
                yield _conflict(ward, service, ip, Phrase("the virtual IP of Service {owner}", owner=min(owners)))
                continue
            for port in service.spec.ports:
                first = claims.setdefault((ip, port.port, port.protocol), service)
                if first is not service:
                    yield _conflict(
                        ward,
                        service,
                        ip,
                        Phrase(
                            "taken with port {port} by Service {first}, which comes first",
                            port=port.port,
                            first=first.key,
                        ),
                    )


def _conflict(ward: Ward, service: Service, ip: str, words: str) -> Finding:
    evidence = (ward.cluster.field(ref_of(service), ".spec.externalIPs", service.spec.external_ips),)
    rest = [other for other in service.spec.external_ips if other != ip]
    fix = Fix(target=ref_of(service), patch={"spec": {"externalIPs": rest}})
    return Finding(
        "external-ip-taken",
        ref_of(service),
        Phrase("external IP {ip} of Service {service} is {words}", ip=ip, service=service.key, words=words),
        evidence,
        (fix,),
        harmed(service),
    )


def check_clashes(ward: Ward) -> Iterator[Finding]:
    """One virtual IP or node port for two Services, and virtual IPs outside all ranges."""
    for ip, owners in sorted(ward.cluster.snapshot.services_by_ip.items()):
        if len(owners) > 1:
            first, *rest = sorted(owners)
            ref = Ref("Service", *rest[0])
            evidence = (ward.cluster.field(ref, ".spec.clusterIP", ip),)
            command = (
                f"kubectl -n {ref.namespace} get service {ref.name} -o yaml | sed '/clusterIP/d' | kubectl "
                "replace --force -f -"
            )
            yield Finding(
                "cluster-ip-clash",
                ref,
                Phrase("{ip} is the virtual IP of {first} and of {rest}", ip=ip, first=first, rest=rest[0]),
                evidence,
                (Fix(command),),
                harmed(*owners),
            )
    yield from _out_of_range(ward)
    yield from _node_ports(ward)


def _out_of_range(ward: Ward) -> Iterator[Finding]:
    ranges = [cidr for d in ward.cluster.of_kind("ServiceCIDR").values() for cidr in texts(d, "spec", "cidrs")]
    networks = [ip_network(cidr, strict=False) for cidr in ranges if _is_network(cidr)]
    for service in ward.services if networks else ():
        for ip in service.cluster_ips:
            if _is_network(ip) and not any(ip_address(ip) in network for network in networks):
                evidence = (
                    ward.cluster.field(ref_of(service), ".spec.clusterIP", ip),
                    Evidence(f"ServiceCIDRs {', '.join(ranges)}"),
                )
                command = (
                    f"kubectl -n {service.namespace} get service {service.name} -o yaml | sed '/clusterIP/d' | "
                    "kubectl replace --force -f -"
                )
                text_ = Phrase(
                    "the virtual IP {ip} of Service {service} is in no ServiceCIDR", ip=ip, service=service.key
                )
                yield Finding("cluster-ip-clash", ref_of(service), text_, evidence, (Fix(command),), harmed(service))


def _is_network(text_: str) -> bool:
    try:
        ip_network(text_, strict=False)
    except ValueError:
        return False
    return True


def _node_ports(ward: Ward) -> Iterator[Finding]:
    claims: dict[tuple[int, str], Service] = {}
    for service in ward.services:
        for port in service.spec.ports:
            first = claims.setdefault((port.node_port, port.protocol), service) if port.node_port else service
            if first is not service:
                evidence = (ward.cluster.field(ref_of(service), ".spec.ports[*].nodePort", port.node_port),)
                text_ = Phrase(
                    "node port {node_port} is of Service {first} and of {service}",
                    node_port=port.node_port,
                    first=first.key,
                    service=service.key,
                )
                fix = Fix(f"kubectl -n {service.namespace} edit service {service.name}  # another nodePort, or none")
                yield Finding("node-port-clash", ref_of(service), text_, evidence, (fix,), harmed(first, service))


def check_foreign_proxy(ward: Ward, service: Service) -> Iterator[Finding]:
    """A Service for another proxy, which has no visible Pods."""
    name = service.labels.get(PROXY_NAME_LABEL)
    if name is None or not ward.cluster.has_read("Pod"):
        return
    word = name.rpartition("/")[2]
    if any(word in pod.name or word in pod.labels.values() for pod in ward.cluster.snapshot.pods.values()):
        return
    evidence = (ward.cluster.field(ref_of(service), f"label {PROXY_NAME_LABEL}", name),)
    text_ = Phrase(
        "Service {service} is left to the proxy {name}, and no Pod of that name runs: its virtual IP answers nowhere",
        service=service.key,
        name=name,
    )
    fix = Fix(target=ref_of(service), patch={"metadata": {"labels": {PROXY_NAME_LABEL: None}}})
    yield Finding("foreign-proxy", ref_of(service), text_, evidence, (fix,), harmed(service))

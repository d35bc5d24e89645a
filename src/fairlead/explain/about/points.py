"""An address, or an address and a port: its owner, and what answers there."""

from collections.abc import Iterator

from fairlead.clusterdns.names import reverse_name
from fairlead.clusterdns.records import Question, RRType
from fairlead.explain.about.names import explain_question, view_of
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.statements import Statement, failed, said
from fairlead.model.addresses import IPAddress
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase

_NEEDED = ("Service", "EndpointSlice", "Pod", "Node")


def explain_address(cluster: Cluster, address: IPAddress, port: int | None = None) -> Statement:
    """The owner of an address, and what answers on a port of it."""
    text = str(address)
    found = [*_owners(cluster, text, port)]
    missing = [kind for kind in _NEEDED if not cluster.has_read(kind)]
    if missing:
        found.append(cluster.missing("who else may have it", *missing))
    if not found:
        nobody = "nobody in the cluster has this address"
        found = [failed("nobody in the cluster has this address with this port") if port else failed(nobody)]
    if port is None and not missing:
        view = view_of(cluster, reverse=True)
        found.append(_soft(explain_question(cluster, view, Question(reverse_name(address), RRType.PTR))))
    return Statement(Phrase("{address} port {port}", address=text, port=port) if port else text, (), tuple(found))


def _soft(statement: Statement) -> Statement:
    """An address without a name is not a failure."""
    return said(statement.text, *statement.because)


def _owners(cluster: Cluster, address: str, port: int | None) -> Iterator[Statement]:
    for service in sorted(cluster.snapshot.services.values(), key=lambda s: s.key):
        yield from _service(cluster, service, address, port)
    for key in sorted(cluster.snapshot.pods_by_ip.get(address, ())):
        pod = cluster.snapshot.pods[key]
        yield said(Phrase("Pod {key}", key=key), cluster.field(Ref("Pod", *key), ".status.podIPs", pod.ips))
    for key in sorted(cluster.snapshot.services_by_endpoint.get(address, ())):
        yield said(Phrase("an endpoint of Service {key}", key=key))
    for node in cluster.snapshot.nodes.values():
        if address in node.internal_ips:
            yield from _node(cluster, node.name, port)


def _service(cluster: Cluster, service: Service, address: str, port: int | None) -> Iterator[Statement]:
    ref = Ref("Service", service.namespace, service.name)
    points = tuple(point.ip for point in service.status.load_balancer.ingress)
    for path, word, ips in (
        (".spec.clusterIPs", "the virtual IP", service.cluster_ips),
        (".spec.externalIPs", "an external IP", service.spec.external_ips),
        (".status.loadBalancer.ingress", "the load balancer address", points),
    ):
        if address in ips:
            yield _with_port(
                Phrase("{word} of Service {service}", word=Phrase(word), service=service.key),
                service,
                port,
                cluster,
                ref,
                path,
            )


def _with_port(text: str, service: Service, port: int | None, cluster: Cluster, ref: Ref, path: str) -> Statement:
    ports = [p.port for p in service.spec.ports]
    evidence = cluster.field(ref, path, ports)
    if port is not None and port not in ports:
        node_port = (
            Phrase(" (it is a node port: it answers on nodes)")
            if port in {p.node_port for p in service.spec.ports}
            else ""
        )
        return failed(
            Phrase(
                "{text}, which has no port {port}{node_port}; it has {ports}",
                text=text,
                port=port,
                node_port=node_port,
                ports=ports,
            ),
            evidence,
        )
    return said(text, evidence)


def _node(cluster: Cluster, node: str, port: int | None) -> Iterator[Statement]:
    yield said(
        Phrase("Node {node}", node=node), cluster.field(Ref("Node", "", node), ".status.addresses", "InternalIP")
    )
    for service in sorted(cluster.snapshot.services.values(), key=lambda s: s.key):
        if port and port in {p.node_port for p in service.spec.ports}:
            yield said(Phrase("node port of Service {service}", service=service.key))


def explain_port(cluster: Cluster, port: int) -> Statement:
    """A number of a port: every Service that uses it, and as what."""
    parts = []
    for service in sorted(cluster.snapshot.services.values(), key=lambda s: s.key):
        ref = Ref("Service", service.namespace, service.name)
        for each in service.spec.ports:
            uses = (("port", each.port), ("targetPort", each.target_port), ("nodePort", each.node_port))
            for path, number in uses:
                if number == port:
                    evidence = cluster.field(ref, f".spec.ports[*].{path}", port)
                    parts.append(
                        said(
                            Phrase(
                                "{path} {port}/{protocol} of Service {service}",
                                path=path,
                                port=port,
                                protocol=each.protocol,
                                service=service.key,
                            ),
                            evidence,
                        )
                    )
    if not cluster.has_read("Service"):
        parts.append(cluster.missing("who uses it", "Service"))
    return Statement(Phrase("port {port}: {count} use{count:plural}", port=port, count=len(parts)), (), tuple(parts))

"""References in clients' manifests: names without a target or with a wrong one, ports that no Service has."""

from collections.abc import Callable, Iterator

from fairlead.explain.candidates import closest
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.lookups import Resolved, resolve, resolver_for
from fairlead.explain.doctor.ward import Ward, harmed
from fairlead.explain.documents import flag
from fairlead.explain.references import ClientReference
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Service
from fairlead.model.phrases import Phrase

_HTTP = {"http": "alias-host", "https": "alias-tls", "grpcs": "alias-tls", "wss": "alias-tls"}


def check_clients(ward: Ward) -> Iterator[Finding]:
    """Checks every name, address and port in a client's manifest."""
    if not ward.cluster.has_read("Service"):
        return
    for reference in ward.references:
        found = resolve(ward, reference)
        if found.address:
            yield from _to_address(ward, reference, found)
        elif found.service is None:
            yield from _to_nowhere(ward, reference, found)
        else:
            yield from _to_service(ward, reference, found, found.service)


def _finding(code: str, reference: ClientReference, text: str, fix: Fix, service: Service | None = None) -> Finding:
    services = harmed(service) if service else frozenset()
    return Finding(code, reference.client.ref, text, (reference.evidence,), (fix,), services)


def _edit(reference: ClientReference, instead: str) -> Fix:
    ref = reference.client.ref
    return Fix(f"kubectl -n {ref.namespace} edit {ref.kind.lower()} {ref.name}  # {reference.text} -> {instead}")


def _to_nowhere(ward: Ward, reference: ClientReference, found: Resolved) -> Iterator[Finding]:
    """No Service has the name. Names that might exist outside the cluster are not checked."""
    host, resolver = reference.host.rstrip("."), resolver_for(ward, reference)
    service, namespace = _intended_service(ward, reference)
    if service is None:
        return
    here = ward.cluster.snapshot.services.get(ObjectKey(namespace, service))
    if here is not None and not resolver.uses_cluster:
        text = Phrase(
            "{client} uses {host}, but its dnsPolicy does not ask the cluster's DNS",
            client=reference.client.ref,
            host=host,
        )
        fix = _edit(reference, "dnsPolicy: ClusterFirst")
        yield _finding("name-not-asked-here", reference, text, fix, here)
        return
    if not resolver.uses_cluster:
        return
    if here is not None:
        text = Phrase(
            "{client} uses {host}: names of this cluster end in {zone}",
            client=reference.client.ref,
            host=host,
            zone=ward.cluster.zone,
        )
        yield _finding("name-unknown", reference, text, _edit(reference, f"{service}.{namespace}"), here)
        return
    elsewhere = sorted(s.namespace for s in ward.services if s.name == service and s.namespace != namespace)
    if elsewhere:
        text = Phrase(
            "{client} uses {host}: there is no Service {namespace}/{service}, but one in {elsewhere}",
            client=reference.client.ref,
            host=host,
            namespace=namespace,
            service=service,
            elsewhere=elsewhere,
        )
        yield _finding("name-in-other-namespace", reference, text, _edit(reference, f"{service}.{elsewhere[0]}"))
        return
    near = closest(service, {s.name for s in ward.services if s.namespace == namespace})
    is_plain = host.endswith((f".svc.{ward.cluster.zone}", ".svc"))
    if near or is_plain or ("." not in host and reference.scheme):
        text = Phrase(
            "{client} uses {host}: there is no Service {namespace}/{service}{hint}",
            client=reference.client.ref,
            host=host,
            namespace=namespace,
            service=service,
            hint=Phrase("; {near} is there", near=near) if near else "",
        )
        yield _finding("name-unknown", reference, text, _edit(reference, near or "a Service that is there"))


def _intended_service(ward: Ward, reference: ClientReference) -> tuple[str | None, str]:
    """The Service and Namespace that a name would have, by its shape; no Service for a name outside the cluster."""
    labels = reference.host.rstrip(".").removesuffix(f".{ward.cluster.zone}").split(".")
    if labels[2:3] == ["svc"] and ObjectKey(labels[1], labels[0]) in ward.cluster.snapshot.services:
        labels = labels[:3]  # of another cluster domain
    if labels[-1] == "svc":
        labels = labels[:-1]
        return (labels[-2], labels[-1]) if len(labels) > 1 else (None, "")
    if len(labels) == 1:
        return labels[0], reference.namespace
    is_namespace = labels[-1] in ward.cluster.snapshot.namespaces
    return (labels[-2], labels[-1]) if len(labels) <= 3 and is_namespace else (None, "")


def _to_service(ward: Ward, reference: ClientReference, found: Resolved, service: Service) -> Iterator[Finding]:
    checks: tuple[Callable[[Ward, ClientReference, Resolved, Service], Iterator[Finding]], ...] = (
        _captured, _leaks, _alias, _port,
    )  # fmt: skip
    for check in checks:
        told = list(check(ward, reference, found, service))
        yield from told
        if check is _captured and told:
            return  # the Service's ports do not matter here


def _leaks(ward: Ward, reference: ClientReference, found: Resolved, service: Service) -> Iterator[Finding]:
    """Names that servers outside are asked for before the cluster's: slow, disclosed, and open to a false answer."""
    resolver = resolver_for(ward, reference)
    if found.asked_outside and reference.host.rstrip(".") in found.asked_outside:
        text = Phrase(
            "{client} asks servers outside for {host} before the cluster: it has {count} dots, and ndots is {ndots}",
            client=reference.client.ref,
            host=reference.host,
            count=reference.host.count("."),
            ndots=resolver.ndots,
        )
        yield _finding("name-leaks", reference, text, _edit(reference, f"{found.name}."), service)


def _captured(ward: Ward, reference: ClientReference, found: Resolved, service: Service) -> Iterator[Finding]:
    """A URL's host with a public suffix that the search list turns into a Service's name."""
    labels = reference.host.split(".")
    public = len(labels) >= 2 and labels[-1] in PUBLIC and service.namespace == labels[-1]
    if public and not reference.host.endswith("."):
        text = Phrase(
            "{client} uses {host}, which the search list turns into Service {service}",
            client=reference.client.ref,
            host=reference.host,
            service=service.key,
        )
        yield _finding("name-captured", reference, text, _edit(reference, f"{reference.host}."), service)


PUBLIC = frozenset({"com", "net", "org", "io", "dev", "app", "cn", "de", "uk", "eu", "co", "info", "cloud", "ai"})


def _alias(ward: Ward, reference: ClientReference, found: Resolved, service: Service) -> Iterator[Finding]:
    """With HTTP and TLS through an alias, the client sends the alias to a server that has another name."""
    code = _HTTP.get(reference.scheme)
    target = service.spec.external_name
    if not service.is_external_name or code is None or target.endswith(f".svc.{ward.cluster.zone}"):
        return
    word = Phrase("asks for a certificate of" if code == "alias-tls" else "sends the Host header")
    text = Phrase(
        "{client} {word} {host}, and Service {service} leads to {target}, which is another name",
        client=reference.client.ref,
        word=word,
        host=reference.host,
        service=service.key,
        target=target,
    )
    yield _finding(code, reference, text, _edit(reference, target), service)


def _port(ward: Ward, reference: ClientReference, found: Resolved, service: Service) -> Iterator[Finding]:
    if reference.port is None or service.is_external_name or not service.spec.ports:
        return
    ports = {p.port: p for p in service.spec.ports}
    if service.is_headless:
        yield from _headless_port(ward, reference, service)
    elif reference.port not in ports and not found.endpoint:
        use = next(
            (
                n
                for p in service.spec.ports
                for n, v in (("targetPort", p.target_port), ("nodePort", p.node_port))
                if v == reference.port
            ),
            "",
        )
        note = Phrase(" ({port} is its {use})", port=reference.port, use=use) if use else ""
        text = Phrase(
            "{client} uses port {port} of Service {service}, which has {ports}{note}",
            client=reference.client.ref,
            port=reference.port,
            service=service.key,
            ports=ports,
            note=note,
        )
        yield _finding(
            "port-not-served", reference, text, _edit(reference, f"{reference.host}:{next(iter(ports))}"), service
        )


def _headless_port(ward: Ward, reference: ClientReference, service: Service) -> Iterator[Finding]:
    """Ports of a headless Service are not translated: only the slices' ports answer."""
    slices = list(ward.cluster.snapshot.slices_of(service.key))
    served = {p.port for s in slices for p in s.ports or () if p.port}
    served |= {p.target_port for p in service.spec.ports if isinstance(p.target_port, int) and not served}
    asked = [p for p in service.spec.ports if p.port == reference.port]
    if asked and served and reference.port not in served:
        numbers = ", ".join(map(str, sorted(served)))
        text = Phrase(
            "{client} uses port {port} of the headless Service {service}, whose Pods answer on {numbers}",
            client=reference.client.ref,
            port=reference.port,
            service=service.key,
            numbers=numbers,
        )
        yield _finding("headless-port", reference, text, _edit(reference, f"{reference.host}:{min(served)}"), service)


def _to_address(ward: Ward, reference: ClientReference, found: Resolved) -> Iterator[Finding]:
    """An address and a port that belong to no Service, although the port is a node port or the address a node's."""
    is_loopback = found.address.startswith("127.") or found.address == "::1"
    is_own_node = is_loopback and flag(reference.client.spec, "hostNetwork")
    if reference.port is None or is_own_node:
        return
    if found.service is not None:
        yield from _port(ward, reference, found, found.service)
        return
    node = _node_at(ward, found.address)
    by_port = next((s for s in ward.services if reference.port in {p.node_port for p in s.spec.ports}), None)
    if by_port is not None:
        yield from _node_port(ward, reference, by_port, node.name if node else None)
    elif node is not None:
        yield from _service_port_on_node(ward, reference, node.name)


def _node_at(ward: Ward, address: str) -> Node | None:
    """The Node that has an internal or external address."""
    nodes = ward.cluster.snapshot.nodes.values()
    return next((n for n in nodes if any(a.address == address for a in n.status.addresses or ())), None)


def _node_port(ward: Ward, reference: ClientReference, service: Service, node: str | None) -> Iterator[Finding]:
    nodes = sorted(ward.cluster.snapshot.nodes.values(), key=lambda n: n.name)
    hosts = {e.node_name for e in ward.endpoints(service) if e.is_ready}
    is_local = service.spec.external_traffic_policy == "Local"
    good = [
        f"{n.internal_ips[0]}:{reference.port}" for n in nodes if n.internal_ips and (not is_local or n.name in hosts)
    ]
    text = ""
    if node is None and nodes:
        text = Phrase(
            "{client} tries node port {port} of Service {service} on {host}, which is no node's address",
            client=reference.client.ref,
            port=reference.port,
            service=service.key,
            host=reference.host,
        )
    elif node is not None and is_local and node not in hosts:
        text = Phrase(
            "{client} tries node port {port} of Service {service} on {node}, which has none of its endpoints",
            client=reference.client.ref,
            port=reference.port,
            service=service.key,
            node=node,
        )
    if text:
        words = Phrase("{text}; it answers on {good}", text=text, good=good or Phrase("no node"))
        yield _finding("node-port-address", reference, words, _edit(reference, good[0] if good else "a node"), service)


def _service_port_on_node(ward: Ward, reference: ClientReference, node: str) -> Iterator[Finding]:
    """A Service's own port on a node's address, on which only the node port answers."""
    fitting = [(s, p) for s in ward.services for p in s.spec.ports if p.port == reference.port and p.node_port]
    if len(fitting) == 1:
        service, port = fitting[0]
        text = Phrase(
            "{client} tries port {port} of Service {service} on {node}, where its node port {node_port} answers",
            client=reference.client.ref,
            port=port.port,
            service=service.key,
            node=node,
            node_port=port.node_port,
        )
        yield _finding(
            "node-port-address", reference, text, _edit(reference, f"{reference.host}:{port.node_port}"), service
        )

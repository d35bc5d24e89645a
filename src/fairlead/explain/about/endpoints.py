"""Which Pods are in a Service's endpoints, which are not, and why; and the content of the slices."""

from collections.abc import Iterator, Mapping

from fairlead.endpointslice.membership import families_of, find_members, find_port, selects_pods
from fairlead.explain.candidates import alike, all_templates
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.pod_state import why_not_ready
from fairlead.explain.statements import Evidence, Statement, failed, said, unchecked
from fairlead.model.addresses import family_of
from fairlead.model.labels import contains
from fairlead.model.objects import Endpoint, EndpointSlice, Metadata, Node, Pod, Service
from fairlead.model.phrases import Phrase

_ALIKE = 0.6  # of two values: above it, they count as a typing error
_ALMOST = 3  # Pods that are shown because they nearly match
_ANY_NODE = Node(Metadata(""))  # stands for Nodes that were not read


def explain_endpoints(cluster: Cluster, service: Service) -> Statement:
    """The endpoints of the Service, by its slices and by its selector."""
    if service.is_external_name:
        return said("no endpoints: an ExternalName is an alias in DNS and nothing else")
    parts = [_slices(cluster, service), *_pods(cluster, service)]
    return Statement(Phrase("endpoints: {count}", count=_count(cluster, service)), (), tuple(parts))


def endpoints_of(cluster: Cluster, service: Service) -> list[Endpoint]:
    """All endpoints in the Service's slices."""
    return [e for slice_ in cluster.snapshot.slices_of(service.key) for e in slice_.endpoints or ()]


def _count(cluster: Cluster, service: Service) -> str:
    if not cluster.has_read("EndpointSlice"):
        return Phrase("not known")
    endpoints = endpoints_of(cluster, service)
    return Phrase("{ready} ready of {all}", ready=sum(e.is_ready for e in endpoints), all=len(endpoints))


def _slices(cluster: Cluster, service: Service) -> Statement:
    if not cluster.has_read("EndpointSlice"):
        return cluster.missing("which endpoints the cluster has written down", "EndpointSlice")
    slices = sorted(cluster.snapshot.slices_of(service.key), key=lambda slice_: slice_.name)
    if not slices:
        text = Phrase("no EndpointSlice has the label kubernetes.io/service-name={service}", service=service.name)
        return failed(text, Evidence("EndpointSlices of the Namespace", "what was read"))
    return Statement("EndpointSlices", (), tuple(explain_slice(cluster, slice_) for slice_ in slices))


def explain_slice(cluster: Cluster, slice_: EndpointSlice) -> Statement:
    """A slice: its ports, and each endpoint."""
    ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
    ports = ", ".join(f"{p.name or 'unnamed'} {p.port}/{p.protocol or 'TCP'}" for p in slice_.ports or ())
    parts = tuple(_endpoint(cluster, ref, endpoint) for endpoint in slice_.endpoints or ())
    because = (cluster.field(ref, ".ports", ports or "none"),)
    return Statement(
        Phrase(
            "{slice} ({address_type}): port {ports}",
            slice=slice_.name,
            address_type=slice_.address_type,
            ports=ports or Phrase("none"),
        ),
        because,
        parts,
    )


def _endpoint(cluster: Cluster, ref: Ref, endpoint: Endpoint) -> Statement:
    target = f" ({endpoint.target_ref.kind} {endpoint.target_ref.name})" if endpoint.target_ref else ""
    state = Phrase("ready" if endpoint.is_ready else "draining" if endpoint.is_serving else "not ready")
    address = endpoint.addresses[0] if endpoint.addresses else Phrase("no address")
    where = Phrase(" on {node}", node=endpoint.node_name) if endpoint.node_name else ""
    evidence = cluster.field(ref, f".endpoints[{address}].conditions.ready", endpoint.is_ready)
    text = Phrase("{address}{target}{where}: {state}", address=address, target=target, where=where, state=state)
    return said(text, evidence)


def _pods(cluster: Cluster, service: Service) -> Iterator[Statement]:
    if not selects_pods(service):
        yield said(
            "no selector: its EndpointSlices are written by hand, or by another controller", _selector(cluster, service)
        )
        return
    if not cluster.has_read("Pod"):
        yield cluster.missing("which Pods the selector matches", "Pod")
        return
    selected = cluster.selected_pods(service.namespace, service.spec.selector or {})
    parts = [explain_member(cluster, service, pod) for pod in selected]
    others = list(_near(cluster, service)) if selected else [*_workloads(cluster, service), *_near(cluster, service)]
    text = Phrase(
        "Pods that the selector {selector} matches: {count}",
        selector=_text(service.spec.selector or {}),
        count=len(selected),
    )
    yield Statement(text, (_selector(cluster, service),), (*parts, *others))


def _workloads(cluster: Cluster, service: Service) -> Iterator[Statement]:
    """Workloads that would create matching Pods; only for a Service without Pods, as in manifests."""
    selector = service.spec.selector or {}
    for template in all_templates(cluster).get(service.namespace, ()):
        if contains(template.labels, selector):
            evidence = cluster.field(template.ref, ".spec.template.metadata.labels", template.labels)
            yield unchecked(
                Phrase(
                    "{kind} {template} wants {replicas} that would match",
                    kind=template.ref.kind,
                    template=template.ref.name,
                    replicas=template.replicas,
                ),
                evidence,
            )


def _selector(cluster: Cluster, service: Service) -> Evidence:
    return cluster.field(Ref("Service", service.namespace, service.name), ".spec.selector", service.spec.selector or {})


def explain_member(cluster: Cluster, service: Service, pod: Pod) -> Statement:
    """Whether a Pod that the selector matches is an endpoint, and why."""
    ref = Ref("Pod", pod.namespace, pod.name)
    reason = _as_written(cluster, pod) or _unusable(cluster, ref, service, pod) or _unready(cluster, ref, service, pod)
    if reason is not None:
        return reason
    labels = cluster.field(ref, ".metadata.labels", service.spec.selector or {})
    return said(
        Phrase("Pod {pod}: in, {ips}", pod=pod.name, ips=pod.ips),
        labels,
        cluster.field(ref, "condition Ready", pod.is_ready),
    )


def is_as_written(cluster: Cluster, pod: Pod) -> bool:
    """Whether the Pod is only a manifest, without additions by an API server or a node."""
    document = cluster.document("Pod", pod.namespace, pod.name) or {}
    return not pod.metadata.uid and not document.get("status")


def _as_written(cluster: Cluster, pod: Pod) -> Statement | None:
    if not is_as_written(cluster, pod):
        return None
    return unchecked(Phrase("Pod {pod}: in, once it runs and is ready (this is only its manifest)", pod=pod.name))


def _unusable(cluster: Cluster, ref: Ref, service: Service, pod: Pod) -> Statement | None:
    """Why a Pod is no endpoint at all."""
    if pod.is_finished:
        return failed(
            Phrase("Pod {pod}: out, it has finished", pod=pod.name),
            cluster.field(ref, ".status.phase", pod.status.phase),
        )
    if not pod.ips:
        return failed(Phrase("Pod {pod}: out, it has no address yet", pod=pod.name), *why_not_ready(cluster, pod))
    if not _has_family(service, pod):
        evidence = cluster.field(ref, ".status.podIPs", pod.ips)
        return failed(Phrase("Pod {pod}: out, it has no address of the Service's family", pod=pod.name), evidence)
    missing = [port for port in service.spec.ports if find_port(pod, port) is None]
    if service.spec.ports and len(missing) == len(service.spec.ports):
        named = ", ".join(str(port.target_port) for port in missing)
        evidence = cluster.field(ref, ".spec.containers[*].ports", "none so named")
        return failed(
            Phrase("Pod {pod}: out, no container has a port named {named}", pod=pod.name, named=named), evidence
        )
    return None


def _unready(cluster: Cluster, ref: Ref, service: Service, pod: Pod) -> Statement | None:
    """Why a Pod is an endpoint that gets no connections."""
    if pod.is_terminating:
        evidence = cluster.field(ref, ".metadata.deletionTimestamp", pod.metadata.deletion_timestamp)
        return said(Phrase("Pod {pod}: out, it is being deleted", pod=pod.name), evidence)
    if not pod.is_ready and not service.spec.publish_not_ready_addresses:
        return failed(Phrase("Pod {pod}: out, not ready", pod=pod.name), *why_not_ready(cluster, pod))
    return None


def _has_family(service: Service, pod: Pod) -> bool:
    return bool({family_of(ip) for ip in pod.ips} & set(families_of(service)))


def _near(cluster: Cluster, service: Service) -> Iterator[Statement]:
    """Pods that lack one label only."""
    selector = service.spec.selector or {}
    found = 0
    for pod in cluster.pods_in(service.namespace):
        wrong = {key: value for key, value in selector.items() if pod.labels.get(key) != value}
        if (
            len(wrong) != 1
            or contains(pod.labels, selector)
            or (len(selector) == 1 and not set(wrong) & set(pod.labels))
        ):
            continue
        key, value = next(iter(wrong.items()))
        if alike(pod.labels.get(key, value), value) < _ALIKE:
            continue
        found += 1
        if found > _ALMOST:
            return
        has = f"{key}={pod.labels[key]}" if key in pod.labels else Phrase("no label {key}", key=key)
        ref = Ref("Pod", pod.namespace, pod.name)
        text = Phrase(
            "Pod {pod}: out, it has {has} where the selector wants {key}={value}",
            pod=pod.name,
            has=has,
            key=key,
            value=value,
        )
        yield said(text, cluster.field(ref, f".metadata.labels.{key}", pod.labels.get(key, "")))


def missing_members(cluster: Cluster, service: Service) -> list[str]:
    """Ready Pods that the selector matches and no slice lists: the slices are outdated."""
    listed = {address for e in endpoints_of(cluster, service) for address in e.addresses}
    pods = cluster.selected_pods(service.namespace, service.spec.selector or {})
    pods = [pod for pod in pods if not listed.issuperset(pod.ips)]  # nearly always empty
    nodes = cluster.snapshot.nodes if cluster.has_read("Node") else {p.spec.node_name: _ANY_NODE for p in pods}
    return [
        member.endpoint.target_ref.name
        for family in families_of(service)
        for member in find_members(service, pods, nodes, family).members
        if member.endpoint.is_ready and member.endpoint.target_ref and not listed & set(member.endpoint.addresses)
    ]


def _text(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())

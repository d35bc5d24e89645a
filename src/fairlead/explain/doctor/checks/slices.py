"""EndpointSlices: manual ones, outdated ones, and families without endpoints."""

from collections.abc import Iterator
from ipaddress import ip_address

from fairlead.endpointslice.membership import families_of
from fairlead.explain.about.endpoints import missing_members
from fairlead.explain.candidates import closest
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import pairs, rows
from fairlead.explain.statements import Evidence
from fairlead.labnet.loopback import network_of
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.objects import MANAGED_BY_LABEL, SERVICE_NAME_LABEL, EndpointSlice, Service
from fairlead.model.phrases import Phrase

_CONTROLLER = "endpointslice-controller.k8s.io"


def check_by_hand(ward: Ward, service: Service) -> Iterator[Finding]:
    """A Service without a selector: it needs manual endpoints that match."""
    if service.spec.selector or service.is_external_name or not ward.cluster.has_read("EndpointSlice"):
        return
    slices = list(ward.cluster.snapshot.slices_of(service.key))
    if not slices:
        yield from _nobody_wrote(ward, service)
    if slices and not ward.has_ready_endpoint(service):
        yield _none_ready(ward, service, slices[0])
    for slice_ in slices:
        yield from _ports(ward, service, slice_)
        yield from _addresses(ward, service, slice_)


def _none_ready(ward: Ward, service: Service, slice_: EndpointSlice) -> Finding:
    ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
    states = [str(endpoint.is_ready) for endpoint in slice_.endpoints or ()]
    text_ = Phrase(
        "no endpoint that was written for Service {service} is ready, as EndpointSlice {slice_name} shows",
        service=service.key,
        slice_name=slice_.name,
    )
    evidence = (ward.cluster.field(ref, ".endpoints[*].conditions.ready", states),)
    fix = Fix(f"kubectl -n {ref.namespace} edit endpointslice {ref.name}")
    return Finding("no-endpoints-written", ref_of(service), text_, evidence, (fix,), harmed(service))


def _nobody_wrote(ward: Ward, service: Service) -> Iterator[Finding]:
    endpoints = ward.cluster.document("Endpoints", service.namespace, service.name)
    if any(list(rows(subset, "addresses")) for subset in rows(endpoints, "subsets")):
        return  # they are mirrored by a controller
    for key, document in sorted(ward.cluster.of_kind("EndpointSlice").items()):
        if key.namespace == service.namespace and _is_meant(service, key.name, pairs(document, "metadata", "labels")):
            ref = Ref("EndpointSlice", *key)
            text_ = Phrase(
                "EndpointSlice {slice} has no label {label}={name}: Service {service} has no endpoints",
                slice=key.name,
                label=SERVICE_NAME_LABEL,
                name=service.name,
                service=service.key,
            )
            evidence = (ward.cluster.field(ref, ".metadata.labels", pairs(document, "metadata", "labels")),)
            fix = Fix(target=ref, patch={"metadata": {"labels": {SERVICE_NAME_LABEL: service.name}}})
            yield Finding("slice-unlabelled", ref, text_, evidence, (fix,), harmed(service))
            return
    evidence = (ward.cluster.field(ref_of(service), ".spec.selector", {}),)
    text_ = Phrase("Service {service} has no selector and no EndpointSlice: nobody is behind it", service=service.key)
    suggested = closest(service.name, {c.labels.get("app", "") for c in ward.labelled_in(service.namespace)})
    fix = (
        Fix(target=ref_of(service), patch={"spec": {"selector": {"app": suggested}}})
        if suggested
        else Fix(f"kubectl -n {service.namespace} edit service {service.name}")
    )
    yield Finding("no-endpoints-written", ref_of(service), text_, evidence, (fix,), harmed(service))


def _is_meant(service: Service, name: str, labels: dict[str, str]) -> bool:
    """A slice without an owner that has the Service's name, or a label with the name under another key."""
    if SERVICE_NAME_LABEL in labels:
        wanted = labels[SERVICE_NAME_LABEL]
        return wanted.lower() == service.name and wanted != service.name
    return name == service.name or name.startswith(f"{service.name}-") or service.name in labels.values()


def _ports(ward: Ward, service: Service, slice_: EndpointSlice) -> Iterator[Finding]:
    """A slice's port belongs to the Service's port of the same name; headless Services do not need one."""
    have = {(p.name or "", p.protocol or "TCP") for p in slice_.ports or ()}
    wanted = {(p.name, p.protocol) for p in service.spec.ports}
    if service.is_headless or not wanted or have & wanted:
        return
    ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
    text_ = Phrase(
        "no port of EndpointSlice {slice} has the name and protocol of one of Service {service}",
        slice=slice_.name,
        service=service.key,
    )
    evidence = (
        ward.cluster.field(ref, ".ports", [f"{n or 'unnamed'}/{p}" for n, p in sorted(have)]),
        ward.cluster.field(ref_of(service), ".spec.ports", [f"{n or 'unnamed'}/{p}" for n, p in sorted(wanted)]),
    )
    yield Finding("slice-port-mismatch", ref, text_, evidence, _renamed(ref, service, slice_), harmed(service))


def _renamed(ref: Ref, service: Service, slice_: EndpointSlice) -> tuple[Fix, ...]:
    numbers = [p.port for p in slice_.ports or () if p.port]
    if len(numbers) != 1 or len(service.spec.ports) != 1:
        return (Fix(f"kubectl -n {ref.namespace} edit endpointslice {ref.name}"),)
    port = service.spec.ports[0]
    return (Fix(target=ref, patch={"ports": [{"name": port.name, "protocol": port.protocol, "port": numbers[0]}]}),)


def _addresses(ward: Ward, service: Service, slice_: EndpointSlice) -> Iterator[Finding]:
    for endpoint in slice_.endpoints or ():
        for address in endpoint.addresses[:1]:
            fault = _fault_of(ward, address)
            if fault:
                ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
                evidence = (ward.cluster.field(ref, ".endpoints[*].addresses", address),)
                text_ = Phrase(
                    "{address} in EndpointSlice {slice} of Service {service} is {fault}",
                    address=address,
                    slice=slice_.name,
                    service=service.key,
                    fault=fault,
                )
                command = f"kubectl -n {slice_.namespace} edit endpointslice {slice_.name}"
                yield Finding("slice-bad-address", ref, text_, evidence, (Fix(command),), harmed(service))


def _is_where_nodes_are(ward: Ward, address: str) -> bool:
    """Whether a loopback address belongs to the cluster: nodes of a lab without namespaces have such addresses."""
    nodes = (ip for node in ward.cluster.snapshot.nodes.values() for ip in node.internal_ips)
    return any(network_of(ip) == network_of(address) for ip in nodes)


def _fault_of(ward: Ward, address: str) -> str | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    is_loopback = parsed.is_loopback and not _is_where_nodes_are(ward, address)
    if is_loopback or parsed.is_link_local or parsed.is_unspecified:
        return Phrase("loopback, link-local or no address at all: it means a different host on each node")
    owners = ward.cluster.snapshot.services_by_ip.get(address)
    return (
        Phrase("the virtual IP of Service {owner}: a virtual IP cannot be an endpoint", owner=min(owners))
        if owners
        else None
    )


def check_orphans(ward: Ward) -> Iterator[Finding]:
    """Slices of missing Services, except those that are deleted with their Service."""
    if not ward.cluster.has_read("Service"):
        return
    for key in sorted(ward.cluster.snapshot.slices):
        if key in ward.cluster.snapshot.services:
            continue
        for slice_ in sorted(ward.cluster.snapshot.slices_of(key), key=lambda s: s.name):
            if slice_.labels.get(MANAGED_BY_LABEL) == _CONTROLLER or slice_.metadata.owner_references:
                continue
            ref = Ref("EndpointSlice", slice_.namespace, slice_.name)
            names = {s.name for s in ward.services if s.namespace == key.namespace}
            meant = closest(key.name, names)
            hint = Phrase("; {near} is there", near=meant) if meant else ""
            text_ = Phrase(
                "EndpointSlice {slice} is for Service {key}, which is not there{hint}",
                slice=slice_.name,
                key=key,
                hint=hint,
            )
            evidence = (ward.cluster.field(ref, f"label {SERVICE_NAME_LABEL}", key.name),)
            fix = (
                Fix(target=ref, patch={"metadata": {"labels": {SERVICE_NAME_LABEL: meant}}})
                if meant
                else Fix(f"kubectl -n {ref.namespace} delete endpointslice {ref.name}")
            )
            yield Finding("slice-orphan", ref, text_, evidence, (fix,), harmed(key))


def check_behind(ward: Ward, service: Service) -> Iterator[Finding]:
    """Ready Pods that no slice lists: the controller does not run, or is late."""
    if not service.spec.selector or not ward.cluster.has_read("EndpointSlice", "Pod"):
        return
    missing = [name for name in missing_members(ward.cluster, service) if _runs(ward, service, name)]
    if missing:
        text_ = Phrase(
            "ready Pods are in no EndpointSlice of Service {service}: {names}", service=service.key, names=missing[:3]
        )
        evidence = (
            Evidence(f"EndpointSlices of {service.key}: {len(ward.endpoints(service))} endpoints", "what was read"),
        )
        command = "kubectl -n kube-system get pods -l component=kube-controller-manager"
        yield Finding("slices-behind", ref_of(service), text_, evidence, (Fix(command),), harmed(service))


def _runs(ward: Ward, service: Service, name: str) -> bool:
    return any(pod.name == name and ward.is_running(pod) for pod in ward.pods_behind(service))


def check_families(ward: Ward, service: Service) -> Iterator[Finding]:
    """A Service with two families whose endpoints have only one."""
    if len(service.spec.ip_families) < 2 or not ward.cluster.has_read("EndpointSlice") or service.is_external_name:
        return
    ready = {family_of(a) for e in ward.endpoints(service) if e.is_ready for a in e.addresses}
    lacking = [family for family in families_of(service) if family not in ready]
    if ready and lacking:
        text_ = Phrase(
            "Service {service} has {families: and }, but no ready endpoint has {lacking}",
            service=service.key,
            families=service.spec.ip_families,
            lacking=lacking[0],
        )
        evidence = (ward.cluster.field(ref_of(service), ".spec.ipFamilies", service.spec.ip_families),)
        left = [family for family in service.spec.ip_families if IPFamily(family) in ready]
        patch = {
            "spec": {"ipFamilyPolicy": "SingleStack", "ipFamilies": left, "clusterIPs": list(service.cluster_ips[:1])}
        }
        fix = (
            Fix(target=ref_of(service), patch=patch)
            if left == list(service.spec.ip_families[:1])
            else Fix(f"kubectl -n {service.namespace} edit service {service.name}")
        )
        yield Finding("family-missing", ref_of(service), text_, evidence, (fix,), harmed(service))

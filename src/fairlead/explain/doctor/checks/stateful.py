"""StatefulSets and their governing Services; headless Services that are expected to balance."""

from collections.abc import Iterator

from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import pairs, text
from fairlead.explain.statements import Evidence
from fairlead.model.document import Doc
from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase

_BALANCING = "fairlead.dev/balancing"


def check_stateful_sets(ward: Ward) -> Iterator[Finding]:
    """The governing Service of each StatefulSet: it must exist, be headless, and select the set's Pods."""
    if not ward.cluster.has_read("Service"):
        return
    for key, document in sorted(ward.cluster.of_kind("StatefulSet").items()):
        yield from _check(ward, key, document)


def _check(ward: Ward, key: ObjectKey, document: Doc) -> Iterator[Finding]:
    name = text(document, "spec", "serviceName")
    ref = Ref("StatefulSet", *key)
    evidence = (ward.cluster.field(ref, ".spec.serviceName", name),)
    service = ward.cluster.snapshot.services.get(ObjectKey(key.namespace, name))
    labels = pairs(document, "spec", "template", "metadata", "labels")
    if not name:
        return  # allowed since 1.33: such Pods have no names and need none
    if service is None:
        yield _missing(ref, name, labels, evidence)
    elif not service.is_headless:
        yield _not_headless(ward, ref, service, evidence)
    elif service.spec.selector and not contains(labels, service.spec.selector):
        text_ = Phrase(
            "Service {name}, which {ref} names, does not select its Pods: they have no names", name=name, ref=ref
        )
        more = (*evidence, ward.cluster.field(ref_of(service), ".spec.selector", service.spec.selector))
        fix = Fix(
            target=ref_of(service), patch={"spec": {"selector": {k: labels.get(k) for k in service.spec.selector}}}
        )
        yield Finding("stateful-service-other", ref_of(service), text_, more, (fix,), harmed(service))


def _missing(ref: Ref, name: str, labels: dict[str, str], evidence: tuple[Evidence, ...]) -> Finding:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    command = (
        f"kubectl -n {ref.namespace} create service clusterip {name} --clusterip=None --tcp=80"
        f" && kubectl -n {ref.namespace} set selector service {name} {selector}"
    )
    text_ = Phrase("Service {name}, which {ref} names, is not there: its Pods have no names", name=name, ref=ref)
    return Finding(
        "stateful-service-missing", ref, text_, evidence, (Fix(command),), harmed(ObjectKey(ref.namespace, name))
    )


def _not_headless(ward: Ward, ref: Ref, service: Service, evidence: tuple[Evidence, ...]) -> Finding:
    text_ = Phrase(
        "Service {service}, which {ref} names, is not headless: its Pods have no names of their own",
        service=service.name,
        ref=ref,
    )
    more = (*evidence, ward.cluster.field(ref_of(service), ".spec.clusterIP", service.spec.cluster_ip))
    command = (
        f"kubectl -n {service.namespace} get service {service.name} -o yaml"
        " | sed 's/clusterIP: .*/clusterIP: None/;/clusterIPs:/,/- /d;/resourceVersion/d;/uid:/d'"
        " | kubectl replace --force -f -"
    )
    return Finding("stateful-service-not-headless", ref_of(service), text_, more, (Fix(command),), harmed(service))


def check_headless(ward: Ward, service: Service) -> Iterator[Finding]:
    """Fields for the proxy on a Service that no proxy handles."""
    if not service.is_headless:
        return
    spec = service.spec
    asked = {
        ".spec.sessionAffinity": spec.session_affinity == "ClientIP" and spec.session_affinity,
        ".spec.trafficDistribution": spec.traffic_distribution,
        ".spec.internalTrafficPolicy": spec.internal_traffic_policy == "Local" and spec.internal_traffic_policy,
        f"annotation {_BALANCING}": service.annotations.get(_BALANCING),
    }
    found = [(path, value) for path, value in asked.items() if value]
    if found:
        words = " and ".join(path for path, _ in found)
        text_ = Phrase(
            "Service {service} is headless, so nothing honours its {words}: clients choose by themselves",
            service=service.key,
            words=words,
        )
        evidence = tuple(ward.cluster.field(ref_of(service), path, value) for path, value in found)
        command = f"kubectl -n {service.namespace} expose service {service.name} --name {service.name}-balanced"
        yield Finding("headless-balancing", ref_of(service), text_, evidence, (Fix(command),), harmed(service))

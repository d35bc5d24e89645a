"""Services of type ExternalName without a usable target."""

from collections.abc import Iterator

from fairlead.explain.candidates import closest
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase


def check_alias(ward: Ward, service: Service) -> Iterator[Finding]:
    """An ExternalName that is an address, or the name of a missing Service."""
    if not service.is_external_name:
        return
    target = service.spec.external_name.rstrip(".").lower()
    evidence = (ward.cluster.field(ref_of(service), ".spec.externalName", target),)
    if parse_ip(target):
        text = Phrase(
            "Service {service} is an alias of {target}: an address is no name, so DNS has no answer",
            service=service.key,
            target=target,
        )
        command = (
            f"kubectl -n {service.namespace} edit service {service.name}  # no selector, an EndpointSlice with {target}"
        )
        yield Finding("alias-address", ref_of(service), text, evidence, (Fix(command),), harmed(service))
        return
    tail = f".svc.{ward.cluster.zone}"
    if target.endswith(tail):
        labels = target.removesuffix(tail).split(".")
        key = ObjectKey(labels[-1], labels[-2]) if len(labels) > 1 else None
        if key is None or key not in ward.cluster.snapshot.services:
            near = closest(key.name, {s.name for s in ward.services if s.namespace == key.namespace}) if key else None
            text = Phrase(
                "Service {service} is an alias of {target}, and there is no such Service{hint}",
                service=service.key,
                target=target,
                hint=Phrase("; {near} is there", near=near) if near else "",
            )
            instead = f"{near}.{key.namespace}{tail}" if near and key else "A-NAME-THAT-EXISTS"
            fix = Fix(target=ref_of(service), patch={"spec": {"externalName": instead}})
            yield Finding("alias-broken", ref_of(service), text, evidence, (fix,), harmed(service))

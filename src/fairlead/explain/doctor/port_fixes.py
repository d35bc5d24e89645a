"""Ports of a Service: their targets, and patches that change them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, ref_of
from fairlead.explain.statements import Evidence
from fairlead.model.objects import Service, ServicePort


def target_of(port: ServicePort) -> int:
    """The number of a target port; unknown for a name."""
    return port.target_port if isinstance(port.target_port, int) and port.target_port else port.port


def patched(service: Service, index: int, **changes: Any) -> Fix:
    """A merge patch replaces lists as a whole, so all ports are in it."""
    ports = [
        {
            **({"name": p.name} if p.name else {}),
            "port": p.port,
            "protocol": p.protocol,
            "targetPort": p.target_port or p.port,
            **({"nodePort": p.node_port} if p.node_port else {}),
            **(changes if i == index else {}),
        }
        for i, p in enumerate(service.spec.ports)
    ]
    return Fix(target=ref_of(service), patch={"spec": {"ports": ports}})


def patched_together(service: Service, found: Sequence[Finding]) -> Iterator[Finding]:
    """The findings, each with a patch that fixes all ports: the list is replaced as a whole."""
    before = patched(service, -1).patch["spec"]["ports"]
    patches = [each.fixes[0].patch["spec"]["ports"] for each in found if each.fixes[0].patch]
    after = [next((ports[i] for ports in patches if ports[i] != old), old) for i, old in enumerate(before)]
    whole = Fix(target=ref_of(service), patch={"spec": {"ports": after}})
    for each in found:
        yield msgspec.structs.replace(each, fixes=(whole, *each.fixes[1:])) if each.fixes[0].patch else each


def port_evidence(ward: Ward, service: Service, port: ServicePort) -> Evidence:
    """The evidence of a port's target."""
    return ward.cluster.field(ref_of(service), f".spec.ports[{port.name or port.port}].targetPort", port.target_port)

"""Ingress: how it is listed. Nothing here routes HTTP; manifests that have one are stored as they are.

Upstream: pkg/registry/networking/ingress, pkg/printers/internalversion.
"""

from typing import Any

from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, joined, name, some
from fairlead.registry.strategy import Column, Doc, Strategy


def _ingress_row(ingress: Doc, now: str) -> list[Any]:
    spec = ingress.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    balancer = (ingress.get("status") or {}).get("loadBalancer") or {}
    addresses = [point.get("ip") or point.get("hostname", "") for point in balancer.get("ingress") or ()]
    ports = "80, 443" if spec.get("tls") else "80"
    return [
        *(name(ingress), spec.get("ingressClassName") or NONE, some(hosts, "*")),
        *(joined(addresses, ""), ports, age(ingress, now)),
    ]


STRATEGY = Strategy(
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE),
    row=_ingress_row,
)

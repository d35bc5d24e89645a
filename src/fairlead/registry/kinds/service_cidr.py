"""ServiceCIDRs: the ranges that virtual IPs are taken from. Upstream: pkg/registry/networking/servicecidr; KEP-1880."""

from typing import Any

from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, joined, name
from fairlead.registry.kinds.rules import cidr_errors
from fairlead.registry.strategy import Column, Context, Doc, Strategy

DEFAULT_NAME = "kubernetes"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"

_PATH = "spec.cidrs"
_SERVED = ("True", "Served", "Kubernetes Service CIDR is ready")
_NOT_SERVED = ("False", "FixedAtStart", "virtual IPs are taken from the ranges that the API server was started with")
_IMMUTABLE = "field is immutable"


def for_cluster(cidrs: tuple[str, ...]) -> Doc:
    """The document for the ranges that the server was started with."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": DEFAULT_NAME, "finalizers": [FINALIZER]},
        "spec": {"cidrs": list(cidrs)},
    }


def prepare_create(service_cidr: Doc, context: Context) -> None:
    """Virtual IPs come from the ranges that the server was started with; others are kept, and say that they wait."""
    served = tuple(service_cidr.get("spec", {}).get("cidrs") or ()) == context.cluster.service_cidrs
    status, reason, message = _SERVED if served else _NOT_SERVED
    moment = {"lastTransitionTime": context.now, "reason": reason, "message": message}
    service_cidr["status"] = {"conditions": [{"type": "Ready", "status": status, **moment}]}


def validate_create(service_cidr: Doc, context: Context) -> list[FieldError]:
    """The faults of new ranges: one, or one for each family."""
    spec = service_cidr.get("spec", {})
    cidrs = spec.get("cidrs") or []
    if not cidrs:
        return [required(_PATH, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(_PATH, spec, "may only hold up to 2 values")]
    if len(cidrs) == 2 and len({":" in cidr for cidr in cidrs}) == 1:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        return [invalid(_PATH, spec, detail)]
    return [invalid(f"{_PATH}[{i}]", cidr, detail) for i, cidr in enumerate(cidrs) for detail in cidr_errors(cidr)]


def validate_update(service_cidr: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of changed ranges: a second family may be added, and that is all."""
    cidrs, before = service_cidr.get("spec", {}).get("cidrs") or [], old["spec"]["cidrs"]
    if len(cidrs) < len(before):
        return [invalid(_PATH, cidrs, _IMMUTABLE)]
    pairs = enumerate(zip(cidrs, before, strict=False))
    faults = [invalid(f"{_PATH}[{index}]", cidr, _IMMUTABLE) for index, (cidr, was) in pairs if cidr != was]
    return faults or validate_create(service_cidr, context)


def row(service_cidr: Doc, now: str) -> list[Any]:
    """The cells of one ServiceCIDR."""
    return [name(service_cidr), joined(service_cidr.get("spec", {}).get("cidrs") or ()), age(service_cidr, now)]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(NAME, Column("CIDRs"), AGE),
    row=row,
)

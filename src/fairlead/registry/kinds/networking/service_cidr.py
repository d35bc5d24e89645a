"""ServiceCIDRs: the ranges that virtual IPs are taken from. Upstream: pkg/registry/networking/servicecidr; KEP-1880."""

from functools import lru_cache
from typing import Any

from fairlead.allocation.service_ranges import FINALIZER, given_ranges
from fairlead.model.addresses import family_of
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.networking import ServiceCIDR
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, joined, name
from fairlead.registry.kinds.value_rules import cidr_errors
from fairlead.registry.strategy import ClusterState, Column, Context, Strategy

DEFAULT_NAME = "kubernetes"
STORAGE = "servicecidrs.networking.k8s.io"

_PATH = "spec.cidrs"
_IMMUTABLE = "field is immutable"


def for_cluster(cidrs: tuple[str, ...]) -> Doc:
    """The document for the ranges that the server was started with."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": DEFAULT_NAME, "finalizers": [FINALIZER]},
        "spec": {"cidrs": list(cidrs)},
    }


def ranges_of(family: str, state: ClusterState) -> list[str]:
    """The ranges of a family that virtual IPs are taken from now."""
    documents = tuple(stored.document for stored in state.of(STORAGE).values())
    return [cidr for cidr in _given_ranges(documents) if family_of(cidr) == family]


@lru_cache(maxsize=8)  # they change rarely, and every new Service needs them
def _given_ranges(documents: tuple[bytes, ...]) -> tuple[str, ...]:
    return given_ranges(decode(ServiceCIDR, document) for document in documents)


def prepare_create(service_cidr: Doc, context: Context) -> None:
    """A new ServiceCIDR has no status; without the condition Ready it still provides addresses."""
    service_cidr["status"] = {}


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
    """The faults of changed ranges: only a second family can be added."""
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
    columns=(NAME, Column("CIDRs"), AGE),
    row=row,
)

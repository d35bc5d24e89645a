"""IPAddresses: the owner of each virtual IP. Upstream: pkg/registry/networking/ipaddress; KEP-1880.

The server writes one for each address that a Service takes, in the same step, and deletes it with the address.
"""

from typing import Any

from fairlead.model.addresses import family_of, parse_ip
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import NAME, NONE, name
from fairlead.registry.status import already_exists
from fairlead.registry.strategy import NO_EFFECTS, Column, Context, SideEffects, Strategy

FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGED_BY = "ipallocator.k8s.io"

_PATH = "spec.parentRef"


def for_service(ip: str, service: ObjectKey) -> Doc:
    """The document for an address (canonical text) that a Service has."""
    parent = {"group": "", "resource": "services", "namespace": service.namespace, "name": service.name}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": ip, "labels": {FAMILY_LABEL: family_of(ip).value, MANAGED_BY_LABEL: MANAGED_BY}},
        "spec": {"parentRef": parent},
    }


def is_of_a_service(address: Doc) -> bool:
    """Whether the object only shows what a Service holds; any other IPAddress holds its address itself."""
    managed_by = (address["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL)
    parent = address.get("spec", {}).get("parentRef") or {}
    return managed_by == MANAGED_BY and (parent.get("group", ""), parent.get("resource")) == ("", "services")


def allocate(address: Doc, old: Doc | None, context: Context) -> SideEffects:
    """An IPAddress that a user creates reserves the address.

    Raises:
        ApiError: 409, the address is already allocated.
    """
    ip = address["metadata"].get("name", "")
    if old is not None or context.dry_run or is_of_a_service(address):
        return NO_EFFECTS
    if context.state.ip_owner(ip) is not None:
        raise already_exists("ipaddresses", ip, "networking.k8s.io")
    return SideEffects(take_ips=(ip,))


def release(address: Doc) -> SideEffects:
    """The released address of a deleted IPAddress, unless a Service holds it."""
    return NO_EFFECTS if is_of_a_service(address) else SideEffects(free_ips=(address["metadata"]["name"],))


def name_errors(text: str) -> list[str]:
    """Reasons why a name is not an address; there is one spelling for each, so that each can be taken only once."""
    address = parse_ip(text)
    if address is None:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if str(address) == text else ["not a valid ip in canonical format"]


def validate_create(address: Doc, context: Context) -> list[FieldError]:
    """The faults of a new IPAddress: it needs a parent."""
    parent = address.get("spec", {}).get("parentRef")
    if parent is None:
        return [required(_PATH)]
    return [required(f"{_PATH}.{field}") for field in ("resource", "name") if not parent.get(field)]


def validate_update(address: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed IPAddress: its parent must not change."""
    parent = address.get("spec", {}).get("parentRef")
    if parent != old.get("spec", {}).get("parentRef"):
        return [invalid(_PATH, parent, "field is immutable")]
    return []


def row(address: Doc, now: str) -> list[Any]:
    """The cells of one IPAddress."""
    return [name(address), _parent(address.get("spec", {}).get("parentRef"))]


def _parent(parent: Doc | None) -> str:
    if not parent:
        return NONE
    resource = ".".join(filter(None, (parent.get("resource"), parent.get("group"))))
    return "/".join(filter(None, (resource, parent.get("namespace"), parent.get("name"))))


STRATEGY = Strategy(
    name_errors=name_errors,
    allocate=allocate,
    release=release,
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(NAME, Column("ParentRef")),
    row=row,
)

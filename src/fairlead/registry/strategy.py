"""The hooks by which a kind extends the common path of all writes.

The path is the same for all kinds and follows upstream's generic store (``registry/generic/registry/store.go``):
decode and default, *allocate*, prepare, validate, persist. Allocation comes before preparation and validation, so an
allocator's refusal wins over a validation error; the same order is needed for the same errors.

Every hook works on a plain JSON document that belongs to the request (it may be changed in place) and is pure but for
that: the moment, the choices and the state of the cluster arrive in the ``Context``. A refused request has changed
    nothing, because hooks return side effects instead of applying them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, NamedTuple, Protocol

from fairlead.model.addresses import IPFamily, parse_ip
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey, dns1123_subdomain_errors
from fairlead.registry.field_errors import NOT_LOOPBACK, FieldError


class Document(Protocol):
    """A stored object, as JSON text."""

    @property
    def document(self) -> bytes: ...


class ClusterState(Protocol):
    """The stored state as hooks read it. It is never changed through this interface; allocations and releases of a
    request are in its ``SideEffects`` and applied with the object itself."""

    def ip_owner(self, ip: str) -> ObjectKey | None:
        """The Service that holds the address (canonical text), or None."""

    def port_owner(self, port: int) -> ObjectKey | None:
        """The Service that holds the node port or health-check node port, or None."""

    def of(self, resource: str) -> Mapping[ObjectKey, Document]:
        """All objects of a resource, by its qualified name."""


class Author(Protocol):
    """The client whose request a write is."""

    @property
    def name(self) -> str: ...

    @property
    def groups(self) -> tuple[str, ...]: ...

    @property
    def uid(self) -> str: ...

    @property
    def extra(self) -> Mapping[str, tuple[str, ...]]: ...


@dataclass(frozen=True)
class ClusterConfig:
    """Settings of the cluster that defaulting, allocation and validation depend on.

    Attributes:
        service_cidrs: the ranges of virtual IPs that the ServiceCIDR ``kubernetes`` is made from, one per family. They
            say which families the cluster has; the first one's is the default.
        node_ports: the range of node ports, first and last.
        toleration_seconds: how long Pods stay by default on a Node that is not ready.
        enforces_policies: whether the nodes' proxies enforce NetworkPolicies, and so may read what these are about.
        own_loopback: networks of 127.0.0.0/8 in which Nodes, Pods and Services have their addresses, in a lab without
            network namespaces: what is said against loopback addresses does not apply to them.
    """

    service_cidrs: tuple[str, ...] = ("10.96.0.0/16",)
    node_ports: tuple[int, int] = (30000, 32767)
    toleration_seconds: int = 300
    enforces_policies: bool = False
    own_loopback: tuple[str, ...] = ()

    def is_own(self, address: str) -> bool:
        """Whether a loopback address is an address of this cluster as any other."""
        parsed = parse_ip(address)
        return parsed is not None and any(parsed in ip_network(network) for network in self.own_loopback)

    def faults_among(self, found: Iterable[FieldError]) -> list[FieldError]:
        """The faults of a document that apply in this cluster."""
        return [fault for fault in found if not (fault.detail == NOT_LOOPBACK and self.is_own(fault.value))]

    @property
    def families(self) -> tuple[IPFamily, ...]:
        return tuple(IPFamily.IPV6 if ":" in cidr else IPFamily.IPV4 for cidr in self.service_cidrs)


class Context(NamedTuple):
    """The context of a hook, besides the documents.

    Attributes:
        now: RFC 3339 text in UTC, whole seconds.
        choose: an index below its argument, evenly at random (seeded in tests).
        dry_run: allocation must show plausible values without taking them.
        author: the client of the request; None for a consequence of another write.
    """

    now: str
    state: ClusterState
    choose: Callable[[int], int]
    cluster: ClusterConfig = ClusterConfig()
    dry_run: bool = False
    author: Author | None = None


class SideEffects(NamedTuple):
    """Changes that must be made in the same atomic step as the object itself."""

    take_ips: tuple[str, ...] = ()
    free_ips: tuple[str, ...] = ()
    take_ports: tuple[int, ...] = ()
    free_ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of ``kubectl get``: upstream's name, an OpenAPI type, and priority 1 when only ``-o wide`` shows it."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


NO_EFFECTS = SideEffects()


class Side(NamedTuple):
    """A subresource that shows an object of its kind, and can change a part of it.

    Attributes:
        prepare: (new, old) -> the document to store: the old one but for that part.
        validate: (new, old) -> faults, in place of ``validate_update``.
    """

    prepare: Callable[[Doc, Doc], Doc]
    validate: Callable[[Doc, Doc], Sequence[FieldError]]


@dataclass(frozen=True)
class Strategy:
    """The hooks of one kind. A hook that is left out does nothing.

    Attributes:
        name_errors: reasons why a name is not allowed for the kind; the generic path checks it with the other metadata.
        default: fill what the user left out; runs on every decoded document before anything else.
        admit_create: (new, context): what the server adds to a new object and refuses of it, before policies and
            webhooks see it: upstream's admission plug-ins for the kind.
        allocate: (new, old or None, context) -> what to take and give back; raises ``ApiError`` when it cannot.
        release: (old) -> what a deleted object gives back.
        prepare_create: (new, context): wipe what a create may not set (status), set what the server sets.
        prepare_update: (new, old, context): the same for updates; runs after ``allocate``.
        prepare_status_update: (new, old, context): for writes to ``/status``; keep everything but status.
        prepare_approval: (new, old, context): the same for writes to ``/approval``.
        validate_create: (new, context) -> faults.
        validate_update: (new, old, context) -> faults; of main and status updates alike.
        sides: what may be written through subresources of the kind's own, by their names.
        warnings: (new, old or None) -> texts for ``Warning:`` headers.
        bumps_generation: (new, old) -> whether ``metadata.generation`` grows; None for kinds that have no generation.
        first_generation: that of a new object of a kind that has generations; 0 is left out.
        brings_status: a new object keeps the status that comes with it; those of other kinds with a subresource
            ``status`` begin without one.
        on_read: bring a document into the form that clients see (defaults of newer fields on old objects); it runs when
            a document is written and when it is loaded, so that reading is handing out bytes.
        fields: values for ``?fieldSelector=`` besides metadata.name and metadata.namespace: path -> getter.
        columns, row: the Table for ``kubectl get``; row takes (document, now as RFC 3339) and gives one cell a column.
        deletes_with: resources (plural, same group, namespace and name) that are deleted in the same step as the
            object.
        orphans: dependents stay by default after a DELETE, as in older versions.
        grace: (old, requested seconds or None) -> grace period of a deleted object; 0 deletes it at once.
        undeletable: (name) -> why the object may not be deleted; empty when it may.
        is_held: (old) -> whether something besides ``metadata.finalizers`` keeps a deleted object.
        mark_deleted: (document): sets further fields of an object that waits for its deletion.
        is_given: (keys of a list element) -> whether the server put that element into the object when it was made.
        shows_ips: the addresses that an object takes are shown as IPAddress objects, written in the same step.
        allows_bare_finalizers: a finalizer need not name a domain, as in ``example.com/name``.
        returns_deleted: DELETE answers with the object, not with a Status (Service, Namespace and Pod do).
    """

    name_errors: Callable[[str], Sequence[str]] = dns1123_subdomain_errors
    default: Callable[[Doc], None] = lambda doc: None
    admit_create: Callable[[Doc, Context], None] = lambda new, context: None
    allocate: Callable[[Doc, Doc | None, Context], SideEffects] = lambda new, old, context: NO_EFFECTS
    release: Callable[[Doc], SideEffects] = lambda old: NO_EFFECTS
    prepare_create: Callable[[Doc, Context], None] = lambda new, context: None
    prepare_update: Callable[[Doc, Doc, Context], None] = lambda new, old, context: None
    prepare_status_update: Callable[[Doc, Doc, Context], None] = lambda new, old, context: None
    prepare_approval: Callable[[Doc, Doc, Context], None] = lambda new, old, context: None
    validate_create: Callable[[Doc, Context], Sequence[FieldError]] = lambda new, context: ()
    validate_update: Callable[[Doc, Doc, Context], Sequence[FieldError]] = lambda new, old, context: ()
    sides: Mapping[str, Side] = field(default_factory=dict)
    warnings: Callable[[Doc, Doc | None], Sequence[str]] = lambda new, old: ()
    bumps_generation: Callable[[Doc, Doc], bool] | None = None
    first_generation: int = 1
    brings_status: bool = False
    on_read: Callable[[Doc], None] = lambda doc: None
    fields: dict[str, Callable[[Doc], str]] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    row: Callable[[Doc, str], list[Any]] | None = None
    deletes_with: tuple[str, ...] = ()
    orphans: bool = False
    grace: Callable[[Doc, int | None], int] = lambda old, asked: 0
    undeletable: Callable[[str], str] = lambda name: ""
    is_held: Callable[[Doc], bool] = lambda old: False
    mark_deleted: Callable[[Doc], None] = lambda document: None
    is_given: Callable[[Mapping[str, Any]], bool] = lambda keys: False
    shows_ips: bool = False
    allows_bare_finalizers: bool = False
    returns_deleted: bool = False

"""The zones for which the server is authoritative, and an administrator's settings for them.

A ``Zone`` is immutable and belongs to one state of the cluster: its serial, and the inner nodes of its reverse trees,
go forward with the snapshot that it is published with.
"""

import enum
from dataclasses import dataclass, field, replace

from immutables import Map

from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, is_within, to_text
from fairlead.clusterdns.records import RRset, RRType, Soa
from fairlead.model.labels import Selector, matches
from fairlead.model.objects import Namespace, Service

DNS_VERSION = "1.1.0"  # of the Kubernetes DNS-based service discovery specification that the answers follow
CLUSTERSET_VERSION = "1.0.0"  # of its multi-cluster sibling, KEP-1645's specification.md
VERSION_TTL = 28800  # seconds
TTL_MAX = 3600  # seconds; upstream's bound
NEGATIVE_TTL_MAX = 300  # seconds a resolver may believe in a name's absence
REFRESH, RETRY, EXPIRE = 7200, 1800, 86400  # seconds, upstream's


class PodsMode(enum.StrEnum):
    """When ``a-b-c-d.namespace.pod`` exists: never, always, or only for a live Pod with that address."""

    DISABLED = "disabled"
    INSECURE = "insecure"
    VERIFIED = "verified"


class Outside(enum.StrEnum):
    """How names outside the zones are handled: asked of upstream servers, refused, or denied.

    ``NXDOMAIN`` says that no other names exist, which is true in an isolated lab.
    """

    FORWARD = "forward"
    REFUSE = "refuse"
    NXDOMAIN = "nxdomain"


class ZoneError(ValueError):
    """A zone that cannot be served; the message names the setting."""


@dataclass(frozen=True)
class Zone:
    """Settings, and the version of the zone that goes with one snapshot.

    Attributes:
        ttl: seconds that a positive answer may be kept; 0 to 3600, 0 means not at all.
        namespaces: the only Namespaces whose names exist; None means all.
        own_addresses: addresses (text) that this server is reached at, for the NS records; loopback left out.
        endpoint_pod_names: name endpoints without a host name after their Pod instead of their address.
        ignore_empty: Services with a virtual IP but no ready endpoint do not exist.
        zonal: headless Services answer by topology zone: ``ZONE.pin._zone.…``, ``ZONE.prefer._zone.…``.
        clusterset: the zone of Services imported from other clusters, ``clusterset.local``; None serves none.
        of_clusterset: this is that zone.
        fallthrough: zones whose missing names are asked of upstream servers, if ``outside`` says so.
        delegated: zones below these that other servers serve.
        labels, namespace_labels: only Services, and Namespaces, with such labels exist.
        endpoints: whether endpoints are known; without, neither they nor headless Services exist.
        denial_ttl: seconds that a denial may be kept; None for the least of ``ttl`` and 300.
        serial: of the SOA record; grows with every change that an answer could show.
        reverse_nodes: how many addresses lie below each inner node of the reverse trees (``reverse.all_nodes``).
    """

    origin: Name = ("cluster", "local")
    ttl: int = 30
    reverse: tuple[Name, ...] = (IN_ADDR_ARPA, IP6_ARPA)
    pods: PodsMode = PodsMode.INSECURE
    outside: Outside = Outside.FORWARD
    namespaces: frozenset[str] | None = None
    own_addresses: tuple[str, ...] = ()
    endpoint_pod_names: bool = False
    ignore_empty: bool = False
    zonal: bool = False
    clusterset: Name | None = None
    of_clusterset: bool = False
    fallthrough: tuple[Name, ...] = (IN_ADDR_ARPA, IP6_ARPA)
    delegated: tuple[Name, ...] = ()
    labels: Selector = ()
    namespace_labels: Selector = ()
    endpoints: bool = True
    denial_ttl: int | None = None
    serial: int = 1
    reverse_nodes: Map[Name, int] = field(default_factory=Map)

    def __post_init__(self) -> None:
        if not 0 <= self.ttl <= TTL_MAX:
            raise ZoneError(f"ttl must be in range [0, {TTL_MAX}]: {self.ttl}")
        if not self.origin:
            raise ZoneError("zone must not be the root")
        if self.clusterset is not None and self._overlaps(self.clusterset):
            raise ZoneError(f"multicluster must be a zone apart from the others: {to_text(self.clusterset)}")

    def apex_of(self, name: Name) -> Name | None:
        """The apex of the served zone that holds ``name``, or None when it lies outside all of them."""
        if self.delegated and any(is_within(name, zone) for zone in self.delegated):
            return None
        if is_within(name, self.origin):
            return self.origin
        return next((apex for apex in self.reverse if is_within(name, apex)), None)

    def falls_through(self, name: Name) -> bool:
        """Whether a name that does not exist here may exist outside."""
        return self.outside is Outside.FORWARD and any(is_within(name, zone) for zone in self.fallthrough)

    def _overlaps(self, other: Name) -> bool:
        return any(is_within(other, apex) or is_within(apex, other) for apex in (self.origin, *self.reverse))

    def imported(self) -> "Zone":
        """The zone of the cluster set, with the same choices; there are no Pod names and no zonal ones in it."""
        assert self.clusterset is not None
        return replace(self, origin=self.clusterset, reverse=(), clusterset=None, of_clusterset=True, zonal=False)

    @property
    def version(self) -> str:
        """The version of the specification that the zone follows."""
        return CLUSTERSET_VERSION if self.of_clusterset else DNS_VERSION

    def soa(self, apex: Name, ttl: int | None = None) -> RRset:
        """The SOA record of a served zone, or of the root when that is denied as a whole (RFC 2308 section 5)."""
        data = Soa(
            ("ns", "dns", *self.origin),
            ("hostmaster", *self.origin),
            self.serial,
            REFRESH,
            RETRY,
            EXPIRE,
            self.ttl if self.denial_ttl is None else self.denial_ttl,
        )
        return RRset(apex, RRType.SOA, self._denial_ttl if ttl is None else ttl, (data,))

    @property
    def _denial_ttl(self) -> int:
        return min(self.ttl, NEGATIVE_TTL_MAX) if self.denial_ttl is None else self.denial_ttl

    def shows(self, namespace: Namespace) -> bool:
        """Whether an existing Namespace is exposed."""
        return self.exposes(namespace.name) and matches(self.namespace_labels, namespace.labels)

    def has(self, service: Service) -> bool:
        """Whether an existing Service is exposed, apart from its Namespace."""
        return matches(self.labels, service.labels)

    def exposes(self, namespace: str) -> bool:
        """Whether the names of a Namespace are exposed."""
        return self.namespaces is None or namespace in self.namespaces

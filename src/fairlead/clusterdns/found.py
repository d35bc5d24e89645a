"""Results of a look-up: a name that exists, with its records by type, or the reason why it does not exist.

Records are built only for the type that is asked, so ``Existing`` holds functions.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fairlead.clusterdns.names import Name, is_within
from fairlead.clusterdns.records import Origin, Reason, RRset, RRType, Tag, namespace_tag, service_tag
from fairlead.clusterdns.zone import Zone
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service
from fairlead.model.snapshot import ClusterSnapshot


class ZoneView(NamedTuple):
    """One state of the cluster, and the zone as it is published with it.

    Attributes:
        clusterset: the view of objects imported from other clusters (``clusterset``), if those are served.
    """

    snapshot: ClusterSnapshot
    zone: Zone
    clusterset: "ZoneView | None" = None

    def of(self, name: Name) -> "ZoneView":
        """The view that holds a name: this one, or that of the cluster set."""
        return self.clusterset if self.clusterset and is_within(name, self.clusterset.zone.origin) else self

    def shows(self, namespace: str) -> bool:
        """Whether a Namespace exists and may be shown."""
        known = self.snapshot.namespaces.get(namespace)
        return known is not None and self.zone.shows(known)

    def service(self, key: ObjectKey) -> Service | None:
        """A Service that exists and is exposed, as its Namespace is."""
        service = self.snapshot.services.get(key)
        return service if service is not None and self.zone.has(service) else None


class Records(NamedTuple):
    """The answer section of one type, and the records for the additional section."""

    answer: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()


NO_RECORDS = Records()


class Existing(NamedTuple):
    """A name that exists. ``alias`` is the target of its CNAME; a name with a CNAME has no other records."""

    origin: Origin
    records: Mapping[int, Callable[[], Records]] = {}
    alias: Name | None = None


class Missing(NamedTuple):
    """A name that does not exist."""

    origin: Origin


Found = Existing | Missing


def missing(reason: Reason, subject: ObjectKey | None = None) -> Missing:
    """A missing name, with this reason."""
    return Missing(Origin(reason, subject))


def service_tags(key: ObjectKey) -> frozenset[Tag]:
    """The tags on which every answer about a Service depends."""
    return frozenset((service_tag(key), namespace_tag(key.namespace)))


ADDRESS_TYPES = {4: RRType.A, 16: RRType.AAAA}  # octets of an address -> record type


def address_sets(owner: Name, ttl: int, addresses: tuple[bytes, ...]) -> tuple[RRset, ...]:
    """The A and AAAA sets of a name's addresses; an empty set is left out."""
    by_size = {size: tuple(dict.fromkeys(a for a in addresses if len(a) == size)) for size in ADDRESS_TYPES}
    return tuple(RRset(owner, ADDRESS_TYPES[size], ttl, found) for size, found in by_size.items() if found)

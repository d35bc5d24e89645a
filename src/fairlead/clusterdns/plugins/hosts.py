"""``hosts``: fixed names, as in hosts(5), and the names of their addresses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from immutables import Map

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, fallthrough, none, number, one, seconds
from fairlead.clusterdns.found import address_sets
from fairlead.clusterdns.names import Name, from_reverse, is_within, to_name
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, NameTarget, Origin, Rcode, Reason, RRset, RRType
from fairlead.model.addresses import parse_ip

DEFAULT_FILE = "/etc/hosts"
TTL = 3600  # seconds, upstream's default
RELOAD = 5.0  # seconds between looks at the file

_ORIGIN = Origin(Reason.HOST)


@dataclass(frozen=True)
class Hosts:
    """Names with their addresses in binary form, and the names of each address.

    Attributes:
        fallthrough: zones whose unknown names are asked of the rest of the chain; without it, they get SERVFAIL,
            because there is no SOA record for a denial.
    """

    zones: tuple[Name, ...]
    names: Mapping[Name, tuple[bytes, ...]] = field(default_factory=Map)
    pointers: Mapping[bytes, tuple[Name, ...]] = field(default_factory=Map)
    ttl: int = TTL
    fallthrough: tuple[Name, ...] = ()

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        name, qtype = request.question
        if qtype == RRType.PTR and (owners := self._owners(name)):
            record = RRset(name, RRType.PTR, self.ttl, tuple(map(NameTarget, owners)))
            return Answer(Rcode.NOERROR, _ORIGIN, (record,), zone=())
        if qtype == RRType.PTR or not any(is_within(name, zone) for zone in self.zones):
            return await rest(request)
        addresses = self._addresses(name)
        if addresses is not None:
            sets = tuple(s for s in address_sets(name, self.ttl, addresses) if s.rtype == qtype)
            return Answer(Rcode.NOERROR, _ORIGIN, sets, zone=())
        if any(is_within(name, zone) for zone in self.fallthrough):
            return await rest(request)
        return Answer(Rcode.SERVFAIL, _ORIGIN, zone=(), failure="hosts: no entry, and no fallthrough")

    def _addresses(self, name: Name) -> tuple[bytes, ...] | None:
        return self.names.get(name) or self.names.get(("*", *name[1:]))

    def _owners(self, name: Name) -> tuple[Name, ...]:
        address = from_reverse(name)
        return self.pointers.get(address.packed, ()) if address else ()


def read_hosts(directive: Directive, scope: BlockScope) -> None:
    """``hosts [FILE [ZONE...]] { ENTRY...; ttl N; no_reverse; reload DURATION; fallthrough [ZONE...] }``."""
    read = _Reading()
    entries = [option for option in directive.options if parse_ip(option.name.partition("%")[0])]
    others = directive._replace(options=tuple(option for option in directive.options if option not in entries))
    scope.options(others, read.known)
    path, *zones = directive.arguments or (DEFAULT_FILE,)
    try:
        lines = [line.partition("#")[0].split() for line in scope.around.read(path, read.reload).splitlines()]
    except Wrong:
        lines = []  # as upstream: the file can appear later
    pairs = [*_pairs(lines), *_pairs((option.name, *option.arguments) for option in entries)]
    found = hosts_of(pairs, all_zones(zones) or scope.zones, read.ttl, read.fallthrough)
    scope.plugins.append(found if read.reverse else replace(found, pointers=Map()))


def hosts_of(
    pairs: Iterable[tuple[bytes, Name]], zones: tuple[Name, ...], ttl: int, through: tuple[Name, ...]
) -> Hosts:
    """Hosts with these addresses and names."""
    names: dict[Name, dict[bytes, None]] = {}
    pointers: dict[bytes, dict[Name, None]] = {}
    for address, name in pairs:
        names.setdefault(name, {})[address] = None
        if "*" not in name:
            pointers.setdefault(address, {})[name] = None
    return Hosts(
        zones,
        Map({name: tuple(found) for name, found in names.items()}),
        Map({address: tuple(found) for address, found in pointers.items()}),
        ttl,
        through,
    )


class _Reading:
    """The options of one directive."""

    def __init__(self) -> None:
        self.ttl, self.reverse, self.reload = TTL, True, RELOAD
        self.fallthrough: tuple[Name, ...] = ()
        self.known = {
            "ttl": self._ttl,
            "no_reverse": self._no_reverse,
            "reload": self._reload,
            "fallthrough": self._fallthrough,
        }

    def _ttl(self, option: Directive) -> None:
        self.ttl = number(one(option), "ttl", 1, 65535)

    def _no_reverse(self, option: Directive) -> None:
        none(option)
        self.reverse = False

    def _reload(self, option: Directive) -> None:
        self.reload = seconds(one(option), "reload")

    def _fallthrough(self, option: Directive) -> None:
        self.fallthrough = fallthrough(option)


def _pairs(lines: Iterable[Iterable[str]]) -> Iterator[tuple[bytes, Name]]:
    for address_text, *names in (tuple(line) for line in lines if line):
        address = parse_ip(address_text.partition("%")[0])
        if address is not None:
            yield from ((address.packed, to_name(name)) for name in names)

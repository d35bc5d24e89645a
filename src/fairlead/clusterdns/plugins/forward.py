"""``forward``: names for which upstream servers are asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fairlead.clusterdns.chain import Ask, DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, none, number, one, rcode, seconds, zones
from fairlead.clusterdns.names import Name, is_within, to_name
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer
from fairlead.clusterdns.upstreams import KEPT_MAX, ServerPolicy, TlsIdentity, Upstream, UpstreamServer
from fairlead.model.socket_address import parse_socket_address

SERVERS_MAX = 15  # upstream's
DNS_PORT, TLS_PORT = 53, 853


@dataclass(frozen=True)
class Forward:
    """The servers for names in ``zones``, those in ``excepted`` left out.

    Attributes:
        next_on: response codes with which the rest of the chain is asked instead.
    """

    zones: tuple[Name, ...]
    upstream: Upstream
    excepted: tuple[Name, ...] = ()
    next_on: frozenset[int] = frozenset()
    next_on_nodata: bool = False

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        if not self._concerns(request.question.name):
            return await rest(request)
        answer = await Ask(self.upstream, request.question, request)
        if answer.rcode in self.next_on or (self.next_on_nodata and not answer.rcode and not answer.answer):
            further = await rest(request)
            return answer if further.unanswered else further
        return answer

    def _concerns(self, name: Name) -> bool:
        inside = any(is_within(name, zone) for zone in self.zones)
        return inside and not any(is_within(name, zone) for zone in self.excepted)


def read_forward(directive: Directive, scope: BlockScope) -> None:
    """``forward FROM TO... { … }``."""
    if len(directive.arguments) < 2:
        raise Wrong("forward needs FROM and TO")
    source, *targets = directive.arguments
    read = _Reading(scope)
    scope.options(directive, read.known)
    found: list[UpstreamServer] = []
    for target in targets:
        with scope.faults.at(directive.place):
            found += servers_of(target, scope.around.read)
    if not found:
        raise Wrong(f"forward: no upstream server in {', '.join(targets)}")
    if len(found) > SERVERS_MAX:
        raise Wrong(f"forward: more than {SERVERS_MAX} upstream servers: {len(found)}")
    if read.tls_name:
        found = [server if server.tls_name else replace(server, tls_name=read.tls_name) for server in found]
    upstream = replace(read.upstream, servers=tuple(found), follow_client=not read.prefers_udp)
    zone = zones(source)[:1] if source != "." else scope.zones
    scope.plugins.append(Forward(zone, upstream, read.excepted, read.next_on, read.next_on_nodata))


def servers_of(target: str, read: Callable[[str, float | None], str]) -> Iterator[UpstreamServer]:
    """The servers that a word stands for: an address, or those of a file like resolv.conf.

    Raises:
        Wrong: it is neither, or requires an unsupported protocol.
    """
    if target.startswith(("/", "./", "../")):
        lines = (line.split() for line in read(target, None).splitlines())
        addresses = (words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1)
        yield from (_server(address.partition("%")[0]) for address in addresses)
    else:
        yield _server(target)


def _server(target: str) -> UpstreamServer:
    """``[dns://|tls://]ADDRESS[%NAME][:PORT]``, the name being the server's in its certificate."""
    scheme, _, rest = target.rpartition("://")
    if scheme not in ("", "dns", "tls"):
        raise Wrong(f"upstream {target}: {scheme}:// is not supported; known are dns:// and tls://")
    address, percent, after = rest.partition("%")
    name, colon, port = after.partition(":")
    tls = scheme == "tls"
    try:
        where = parse_socket_address(f"{address}{colon}{port}" if percent else rest, TLS_PORT if tls else DNS_PORT)
    except ValueError as error:
        raise Wrong(f"upstream {target}: {error}") from error
    return UpstreamServer(where.ip, where.port, tls, name if tls else "")


class _Reading:
    """The options of one directive."""

    def __init__(self, scope: BlockScope) -> None:
        self.upstream = Upstream(())
        self.tls_name = ""
        self.prefers_udp = False
        self.excepted: tuple[Name, ...] = ()
        self.next_on: frozenset[int] = frozenset()
        self.next_on_nodata = False
        self._scope = scope
        self.known: dict[str, Callable[[Directive], None]] = {
            "except": self._except,
            "force_tcp": lambda option: self._set(option, force_tcp=True),
            "prefer_udp": self._prefer_udp,
            "expire": lambda option: self._set(idle=seconds(one(option), "expire")),
            "max_idle_conns": lambda option: self._set(kept=number(one(option), "max_idle_conns") or KEPT_MAX),
            "max_fails": lambda option: self._set(max_fails=number(one(option), "max_fails")),
            "max_connect_attempts": lambda option: self._set(attempts=number(one(option), "max_connect_attempts")),
            "max_concurrent": self._max_concurrent,
            "policy": self._policy,
            "health_check": self._health_check,
            "failfast_all_unhealthy_upstreams": lambda option: self._set(option, fail_fast=True),
            "failover": lambda option: self._set(failover=frozenset(map(rcode, option.arguments))),
            "next": self._next,
            "next_on_nodata": self._next_on_nodata,
            "tls": self._tls,
            "tls_servername": self._tls_name,
        }

    def _set(self, switch: Directive | None = None, **changes: object) -> None:
        if switch is not None:
            none(switch)
        self.upstream = replace(self.upstream, **changes)  # type: ignore[arg-type]  # the table names fields with their types

    def _except(self, option: Directive) -> None:
        self.excepted += all_zones(option.arguments)

    def _prefer_udp(self, option: Directive) -> None:
        none(option)
        self.prefers_udp = True

    def _max_concurrent(self, option: Directive) -> None:
        self._set(concurrent=number(one(option), "max_concurrent") or None)

    def _policy(self, option: Directive) -> None:
        if one(option) not in list(ServerPolicy):
            raise Wrong(f"policy {one(option)} is not one of {', '.join(ServerPolicy)}")
        self._set(policy=ServerPolicy(one(option)))

    def _health_check(self, option: Directive) -> None:
        every, *words = option.arguments or ("",)
        self._set(probe=seconds(every, "health_check"))
        while words:
            match words:
                case ["no_rec", *words]:
                    self._set(probe_recursion=False)
                case ["domain", name, *words]:
                    self._set(probe_name=to_name(name))
                case _:
                    raise Wrong(f"health_check: {words[0]} is unknown; known are no_rec, domain NAME")

    def _next(self, option: Directive) -> None:
        self.next_on |= frozenset(map(rcode, option.arguments))

    def _next_on_nodata(self, option: Directive) -> None:
        none(option)
        self.next_on_nodata = True

    def _tls(self, option: Directive) -> None:
        paths = option.arguments
        if len(paths) > 3:
            raise Wrong("tls needs [CERT KEY] [CA]")
        for path in paths:
            self._scope.around.read(path, None)
        certificate, key, authorities = {0: ("", "", ""), 1: ("", "", *paths), 2: (*paths, ""), 3: paths}[len(paths)]
        self._set(identity=TlsIdentity(certificate, key, authorities))

    def _tls_name(self, option: Directive) -> None:
        self.tls_name = one(option)

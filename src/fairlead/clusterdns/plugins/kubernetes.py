"""``kubernetes``: the zones that are built from a cluster."""

from dataclasses import dataclass, replace

from fairlead.clusterdns.answer import answer, denial, unsynced_answer
from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, fallthrough, none, number, one, seconds
from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, is_within, to_name, to_text
from fairlead.clusterdns.plugins.scope import ApiAccess, BlockScope
from fairlead.clusterdns.records import Answer, Question, Rcode
from fairlead.clusterdns.zone import TTL_MAX, PodsMode, Zone, ZoneError
from fairlead.model.labels import Selector, SelectorError, parse_selector

TTL = 5  # seconds, upstream's default in a Corefile


@dataclass(frozen=True)
class Kubernetes:
    """Zones over one cluster; the first has the reverse zones."""

    zones: tuple[Zone, ...]

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        question, authority = request.question, request.server.authority
        view = authority.view_of(self._zone_of(question.name))
        found = answer(question, view) if authority.synced else unsynced_answer(question, view)
        if found.outside is None:
            return found
        if found.answer:
            return await _with_target(found, request)
        further = await rest(request)
        if further.unanswered and view.of(question.name).zone.apex_of(question.name) is not None:
            return denial(question, view, found.origin)  # no other plugin knows it
        return further._replace(depends=further.depends | found.depends)

    def _zone_of(self, name: Name) -> Zone:
        if len(self.zones) == 1:
            return self.zones[0]
        holding = (zone for zone in self.zones if zone.apex_of(name) is not None or _in_set(zone, name))
        return max(holding, key=lambda zone: len(zone.apex_of(name) or ()), default=self.zones[0])


def _in_set(zone: Zone, name: Name) -> bool:
    return zone.clusterset is not None and is_within(name, zone.clusterset)


async def _with_target(found: Answer, request: DnsRequest) -> Answer:
    """An alias with what its target answers to the whole server; the target decides the code (RFC 6604)."""
    assert found.outside is not None
    target = await request.server.ask_about(Question(found.outside, request.question.qtype), request)
    if target.failure or target.rcode is Rcode.SERVFAIL:
        return target._replace(zone=None)
    # An authoritative server that asks nobody leaves an alias out of its zones to the client (RFC 1034 section 4.3.2).
    rcode = Rcode.NOERROR if target.rcode is Rcode.REFUSED else target.rcode
    return found._replace(
        rcode=rcode,
        answer=found.answer + target.answer,
        authority=() if target.rcode is Rcode.REFUSED else target.authority,
        depends=found.depends | target.depends,
        outside=None,
        truncated=target.truncated,
        private=target.private,
    )


def read_kubernetes(directive: Directive, scope: BlockScope) -> None:
    """``kubernetes [ZONE...] { … }``; zones of the block when it names none."""
    read = _Reading(scope)
    scope.options(directive, read.known)
    named = all_zones(directive.arguments) or scope.zones
    reverse = tuple(zone for zone in named if zone[-2:] in (IN_ADDR_ARPA, IP6_ARPA))
    forward = [zone for zone in named if zone not in reverse and zone != read.base.clusterset]
    if not forward:
        raise Wrong("kubernetes needs a zone that is no reverse zone")
    if () in forward:
        raise Wrong("kubernetes needs a zone: that of the block is the root of all names")
    try:
        zones = [replace(read.base, origin=zone, reverse=() if n else reverse) for n, zone in enumerate(forward)]
    except ZoneError as error:
        raise Wrong(f"kubernetes: {error}") from error
    scope.plugins.append(Kubernetes(tuple(zones)))


def delegating(plugin: Kubernetes, others: tuple[Name, ...]) -> Kubernetes:
    """The plugin without the zones below its own that other server blocks serve."""

    def without(zone: Zone) -> Zone:
        below = tuple(
            other
            for other in others
            if any(is_within(other, apex) and other != apex for apex in (zone.origin, *zone.reverse))
        )
        return replace(zone, delegated=below)

    return replace(plugin, zones=tuple(map(without, plugin.zones)))


class _Reading:
    """The options of one directive, taken into a zone."""

    def __init__(self, scope: BlockScope) -> None:
        self.base = Zone(ttl=TTL, pods=PodsMode.DISABLED, reverse=(), fallthrough=())
        self._process = scope.process
        self.known = {
            "pods": self._pods,
            "ttl": self._ttl,
            "namespaces": self._namespaces,
            "namespace_labels": self._namespace_labels,
            "labels": self._labels,
            "endpoint_pod_names": self._endpoint_pod_names,
            "noendpoints": self._noendpoints,
            "ignore": self._ignore,
            "zonal": self._zonal,
            "multicluster": self._multicluster,
            "fallthrough": self._fallthrough,
            "kubeconfig": self._kubeconfig,
            "endpoint": self._endpoint,
            "tls": self._tls,
            "startup_timeout": lambda option: _checked(seconds(one(option), option.name)),
            "apiserver_qps": lambda option: _checked(one(option)),
            "apiserver_burst": lambda option: _checked(number(one(option), option.name)),
            "apiserver_max_inflight": lambda option: _checked(number(one(option), option.name)),
        }

    def _pods(self, option: Directive) -> None:
        if one(option) not in list(PodsMode):
            raise Wrong(f"pods {one(option)} is not one of {', '.join(PodsMode)}")
        self.base = replace(self.base, pods=PodsMode(one(option)))

    def _ttl(self, option: Directive) -> None:
        self.base = replace(self.base, ttl=number(one(option), "ttl", 0, TTL_MAX))

    def _namespaces(self, option: Directive) -> None:
        if not option.arguments:
            raise Wrong("namespaces needs at least one name")
        self.base = replace(self.base, namespaces=frozenset(option.arguments) | (self.base.namespaces or frozenset()))

    def _namespace_labels(self, option: Directive) -> None:
        self.base = replace(self.base, namespace_labels=_selector(option))

    def _labels(self, option: Directive) -> None:
        self.base = replace(self.base, labels=_selector(option))

    def _endpoint_pod_names(self, option: Directive) -> None:
        none(option)
        self.base = replace(self.base, endpoint_pod_names=True)

    def _noendpoints(self, option: Directive) -> None:
        none(option)
        self.base = replace(self.base, endpoints=False)

    def _ignore(self, option: Directive) -> None:
        if option.arguments != ("empty_service",):
            raise Wrong(f"ignore {' '.join(option.arguments)} is not supported; known is empty_service")
        self.base = replace(self.base, ignore_empty=True)

    def _zonal(self, option: Directive) -> None:
        none(option)
        self.base = replace(self.base, zonal=True)

    def _multicluster(self, option: Directive) -> None:
        self.base = replace(self.base, clusterset=to_name(one(option)))

    def _fallthrough(self, option: Directive) -> None:
        self.base = replace(self.base, fallthrough=fallthrough(option))

    def _kubeconfig(self, option: Directive) -> None:
        if not 1 <= len(option.arguments) <= 2:
            raise Wrong("kubeconfig needs FILE [CONTEXT]")
        path, context = (*option.arguments, "")[:2]
        self._reach(ApiAccess(kubeconfig=path, context=context))

    def _endpoint(self, option: Directive) -> None:
        known = self._process.access or ApiAccess()
        self._process.access = known._replace(endpoint=one(option))

    def _tls(self, option: Directive) -> None:
        if len(option.arguments) != 3:
            raise Wrong("tls needs CERT KEY CACERT")
        certificate, key, authorities = option.arguments
        known = self._process.access or ApiAccess()
        self._process.access = known._replace(certificate=certificate, key=key, authorities=authorities)

    def _reach(self, access: ApiAccess) -> None:
        if self._process.access not in (None, access):
            raise Wrong("kubernetes: all zones are those of one cluster, so there can be one kubeconfig only")
        self._process.access = access


def _selector(option: Directive) -> Selector:
    try:
        return parse_selector(" ".join(option.arguments))
    except SelectorError as error:
        raise Wrong(f"{option.name}: {error}") from error


def _checked(_: object) -> None:
    """A value that is only checked: it limits upstream's client in a way that does not exist here."""


def zone_texts(plugin: Kubernetes) -> list[str]:
    """The zones as text."""
    return [to_text(apex) for zone in plugin.zones for apex in (zone.origin, *zone.reverse)]

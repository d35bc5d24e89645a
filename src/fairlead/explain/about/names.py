"""Names in DNS: their records with their TTL, and why."""

from collections.abc import Iterable, Iterator

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.changes import addresses
from fairlead.clusterdns.found import ZoneView
from fairlead.clusterdns.names import Name, to_name, to_text
from fairlead.clusterdns.records import Answer, Origin, Question, RRType
from fairlead.clusterdns.reverse import all_nodes
from fairlead.clusterdns.search import candidates, search_list, walk
from fairlead.clusterdns.zone import Zone
from fairlead.explain.cluster import Cluster
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, failed, said, unchecked
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import Service
from fairlead.model.phrases import Phrase

_TYPES = {IPFamily.IPV4: RRType.A, IPFamily.IPV6: RRType.AAAA}
_MANY = 8  # records that are shown of one answer


def view_of(cluster: Cluster, *, reverse: bool = False) -> ZoneView:
    """The zone as the cluster's DNS would serve it; reverse zones cost a look at every address."""
    zone = Zone(origin=to_name(cluster.zone))
    if reverse:
        objects = [*cluster.snapshot.services.values(), *_slices(cluster)]
        zone = Zone(origin=zone.origin, reverse_nodes=all_nodes(map(addresses, objects)))
    return ZoneView(cluster.snapshot, zone)


def _slices(cluster: Cluster) -> Iterator[object]:
    return (s for siblings in cluster.snapshot.slices.values() for s in siblings.values())


def explain_names(cluster: Cluster, service: Service) -> Statement:
    """The names of a Service and what each answers."""
    view = view_of(cluster)
    base = (service.name, service.namespace, "svc", *view.zone.origin)
    questions = [Question(base, RRType.A), *([Question(base, RRType.AAAA)] if _has_ipv6(service) else [])]
    questions += [
        Question((f"_{p.name}", f"_{p.protocol.lower()}", *base), RRType.SRV) for p in service.spec.ports if p.name
    ]
    return Statement("names", (), tuple(explain_question(cluster, view, question) for question in questions))


def _has_ipv6(service: Service) -> bool:
    return "IPv6" in service.spec.ip_families or any(":" in ip for ip in service.cluster_ips)


def explain_question(cluster: Cluster, view: ZoneView, question: Question) -> Statement:
    """The answer to one question."""
    return _answered(cluster, question, answer(question, view))


def _answered(cluster: Cluster, question: Question, found: Answer) -> Statement:
    asked = f"{to_text(question.name).rstrip('.')} {RRType(question.qtype).name}"
    lines = [line for rrset in found.answer for line in rrset.lines()]
    records = tuple(Evidence(line, "cluster DNS, computed", EvidenceKind.RECORD) for line in lines[:_MANY])
    if lines:
        if found.outside:
            return unchecked(
                Phrase(
                    "{asked}: an alias, {origin}; {outside} is for servers outside",
                    asked=asked,
                    origin=origin_words(found.origin),
                    outside=_text(found.outside),
                ),
                *records,
            )
        parts = [] if cluster.has_read("EndpointSlice") or "IP" in str(found.origin) else [_incomplete(cluster)]
        return said(
            Phrase(
                "{asked}: {count} record{count:plural}, {origin}",
                asked=asked,
                count=len(lines),
                origin=origin_words(found.origin),
            ),
            *records,
            parts=parts,
        )
    if found.outside:
        return unchecked(
            Phrase(
                "{asked}: asked of servers outside the cluster: {origin}",
                asked=asked,
                origin=origin_words(found.origin),
            )
        )
    if not cluster.has_read("Service", "EndpointSlice"):
        return cluster.missing(asked, "Service", "EndpointSlice")
    result = found.rcode.name if found.rcode else "NODATA"
    return failed(Phrase("{asked}: {result}: {origin}", asked=asked, result=result, origin=origin_words(found.origin)))


def origin_words(origin: Origin) -> Phrase:
    """The reason for an answer."""
    reason = Phrase(origin.reason.value)
    return Phrase("{reason} ({subject})", reason=reason, subject=origin.subject) if origin.subject else reason


def _text(name: Name) -> str:
    return to_text(name).rstrip(".")


def _incomplete(cluster: Cluster) -> Statement:
    return cluster.missing("whether there are more", "EndpointSlice")


def explain_name(cluster: Cluster, name: str, namespace: str | None = None) -> Statement:
    """A DNS name, through the search list of Pods in a Namespace if one is given."""
    view = view_of(cluster)
    suffixes = search_list(namespace, view.zone.origin) if namespace else ()
    parts = explain_search(cluster, view, candidates(name, suffixes))
    how = (
        Phrase("asked by a Pod of the Namespace {namespace}", namespace=namespace)
        if namespace
        else Phrase("asked as it stands")
    )
    return Statement(Phrase("DNS name {name}, {how}", name=name, how=how), (), tuple(parts), settled(parts))


def explain_search(cluster: Cluster, view: ZoneView, names: list[Name]) -> list[Statement]:
    """Each question of a search; those before the answered one are steps, not failures."""
    steps = walk(names, RRType.A, lambda question: answer(question, view))
    statements = [_answered(cluster, step.question, step.answer) for step in steps]
    return [*(said(s.text, *s.because) if s.verdict is Verdict.FAILED else s for s in statements[:-1]), statements[-1]]


def settled(parts: Iterable[Statement]) -> Verdict:
    """How a search ended."""
    return list(parts)[-1].verdict

"""A name as a Pod asks for it: the settings of its resolver, each question of the search, and its answer."""

from typing import NamedTuple

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.names import to_name, to_text
from fairlead.clusterdns.records import Answer, RRType
from fairlead.clusterdns.search import walk
from fairlead.explain.about.names import explain_question, origin_words, view_of
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.documents import mapping
from fairlead.explain.resolving import Resolver, resolver_of, tried_names
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, said
from fairlead.explain.subjects import NoSuchObject, SubjectError
from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase

TYPES = ("A", "AAAA", "SRV", "PTR", "TXT", "CNAME")


class Asked(NamedTuple):
    """One question of a search.

    Attributes:
        result: the response code, or NODATA if the name has no records of the type.
        ends: whether the search ends with it. is_asked: whether the resolver asks it at all.
    """

    name: str
    result: str
    records: tuple[str, ...]
    why: str
    ends: bool = False
    is_asked: bool = True


class Search(NamedTuple):
    """A whole search."""

    steps: tuple[Asked, ...]
    statement: Statement


def search_of(cluster: Cluster, name: str, pod: ObjectKey | None, type_: str) -> Search:
    """The questions of a Pod for a name, in order; without a Pod, only the name itself.

    Raises:
        SubjectError: no such Pod or type, or an invalid name.
    """
    if type_ not in TYPES:
        raise SubjectError(Phrase("{type!r} is no type that can be asked for here: {types}", type=type_, types=TYPES))
    if not name.strip(". "):
        raise SubjectError("give a name")
    qtype, view = RRType[type_], view_of(cluster, reverse=type_ == "PTR")
    resolver = _resolver(cluster, pod) if pod else None
    names = [to_name(each) for each in (tried_names(name, resolver) if resolver else [name])]
    taken = walk(names, qtype, lambda question: answer(question, view))
    steps = [
        _question(to_text(step.question.name), step.answer, ends=number == len(taken))
        for number, step in enumerate(taken, 1)
    ]
    steps += [
        Asked(to_text(each), "", (), "not asked: the search has ended", is_asked=False) for each in names[len(taken) :]
    ]
    told = [explain_question(cluster, view, step.question) for step in taken]
    told = [*(said(s.text, *s.because) if s.verdict is Verdict.FAILED else s for s in told[:-1]), told[-1]]
    parts = (*([_order(cluster, name, pod, resolver)] if pod and resolver else []), *told)
    who = Phrase("Pod {pod} asks", pod=pod) if pod else Phrase("asked")
    return Search(
        tuple(steps),
        Statement(Phrase("{who} for {name} {type}", who=who, name=name, type=type_), (), parts, told[-1].verdict),
    )


def _resolver(cluster: Cluster, pod: ObjectKey) -> Resolver:
    document = cluster.document("Pod", pod.namespace, pod.name)
    if document is None:
        raise NoSuchObject(Phrase("there is no Pod {pod}", pod=pod))
    return resolver_of(cluster, pod.namespace, mapping(document, "spec"))


def _order(cluster: Cluster, name: str, pod: ObjectKey, resolver: Resolver) -> Statement:
    """Why the names are asked in this order."""
    dots = name.rstrip(".").count(".")
    if name.endswith("."):
        text = "the final dot forbids the search list: the name is asked as it stands"
    elif not resolver.suffixes:
        text = "its resolver has no search list: the name is asked as it stands"
    elif dots >= resolver.ndots:
        text = Phrase(
            "the name has {dots} dots, ndots is {ndots}: it is asked as it stands, then by the search list",
            dots=dots,
            ndots=resolver.ndots,
        )
    else:
        text = Phrase(
            "the name has {dots} dots, fewer than ndots {ndots}: the search list is tried first",
            dots=dots,
            ndots=resolver.ndots,
        )
    policy = cluster.field(Ref("Pod", pod.namespace, pod.name), ".spec.dnsPolicy", _policy(cluster, pod))
    suffixes = Evidence(f"search {' '.join(resolver.suffixes)}", "the Pod's resolv.conf, computed", EvidenceKind.RECORD)
    return said(text, policy, suffixes)


def _policy(cluster: Cluster, pod: ObjectKey) -> str:
    return cluster.snapshot.pods[pod].spec.dns_policy if pod in cluster.snapshot.pods else "ClusterFirst"


def _question(name: str, found: Answer, *, ends: bool) -> Asked:
    records = tuple(line for rrset in found.answer for line in rrset.lines())
    if found.outside and not records:
        return Asked(
            name,
            "OUTSIDE",
            (),
            Phrase("asked of servers outside the cluster: {origin}", origin=origin_words(found.origin)),
            ends,
        )
    result = "NOERROR" if records else (found.rcode.name if found.rcode else "NODATA")
    return Asked(name, result, records, origin_words(found.origin), ends)

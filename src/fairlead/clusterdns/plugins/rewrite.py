"""``rewrite``: the rest of the chain gets a changed question, and the answer is changed back.

Rules are tried in their order; the first that matches is the last one, unless it says ``continue``. A client always
gets an answer for the name that it asked for: the question is restored, and so is the owner of records if a rule says
so (``answer``). An exact rule always restores it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.names import Name, is_valid
from fairlead.clusterdns.outside_reply import with_ttls
from fairlead.clusterdns.plugins.cname_targets import retargeted
from fairlead.clusterdns.plugins.name_changes import Change, changed
from fairlead.clusterdns.records import (
    Answer,
    Data,
    Exchange,
    NameTarget,
    Origin,
    Question,
    Rcode,
    Reason,
    RRset,
    Soa,
    Srv,
)

WriteBack = Callable[[Answer], Answer]


class Rewritten(NamedTuple):
    """A changed request, how its answer is changed back, and the new targets of its aliases."""

    request: DnsRequest
    write_back: tuple[WriteBack, ...] = ()
    target: Change | None = None


class RewriteRule(NamedTuple):
    """``apply`` gives None for a request that the rule does not match; ``goes_on`` tries the next rule behind it."""

    apply: Callable[[DnsRequest], Rewritten | None]
    goes_on: bool = False


@dataclass(frozen=True)
class Rewrite:
    """All rules of a server block."""

    rules: tuple[RewriteRule, ...]
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        asked = request
        write_back: list[WriteBack] = []
        targets: list[Change] = []
        for rule in self.rules:
            found = rule.apply(request)
            if found is None:
                continue
            request = found.request
            write_back += found.write_back
            targets += [found.target] if found.target else []
            if not rule.goes_on:
                break
        if not is_valid(request.question.name):
            name = ".".join(request.question.name)
            return Answer(Rcode.SERVFAIL, Origin(Reason.CONFIGURED), failure=f"rewrite: {name!r} is no domain name")
        answer = await rest(request)
        for target in targets:
            answer = await retargeted(answer, target, request)
        for change in reversed(write_back):
            answer = change(answer)
        # What the zone of the answer is spelled like belongs to the name that was asked behind the rewriting.
        return answer if request is asked or answer.zone is None else answer._replace(zone=())


@dataclass(frozen=True)
class NameRule:
    """Another name is asked for.

    Attributes:
        auto: the new name is replaced by the old one everywhere in the answer.
        owners, values: changes of the names that records belong to, and of those in their data.
    """

    change: Change
    auto: bool
    owners: tuple[Change, ...] = ()
    values: tuple[Change, ...] = ()

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        old = request.question.name
        new = changed(old, self.change)
        if new is None:
            return None

        def back(name: Name) -> Name | None:
            return old if _same(name, new) else None

        def write_back(answer: Answer) -> Answer:
            if self.auto:
                answer = renamed(renamed(answer, back, owners=True), back, owners=False)
            for change in self.owners:
                answer = renamed(answer, partial(changed, change=change), owners=True)
            for change in self.values:
                answer = renamed(answer, partial(changed, change=change), owners=False)
            return answer

        return Rewritten(request._replace(question=Question(new, request.question.qtype)), (write_back,))


@dataclass(frozen=True)
class TypeRule:
    """Another type is asked for."""

    old: int
    new: int

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        name, qtype = request.question
        return Rewritten(request._replace(question=Question(name, self.new))) if qtype == self.old else None


@dataclass(frozen=True)
class CnameRule:
    """Aliases whose target matches lead to another name."""

    change: Change

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        return Rewritten(request, target=self.change)


@dataclass(frozen=True)
class ClassRule:
    """Another class is asked for."""

    old: int
    new: int

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        return Rewritten(request._replace(qclass=self.new)) if request.qclass == self.old else None


@dataclass(frozen=True)
class TtlRule:
    """TTLs of answers about matching names are limited to two bounds, in seconds."""

    change: Change
    least: int
    most: int

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        if changed(request.question.name, self.change) is None:
            return None
        return Rewritten(request, (lambda answer: with_ttls(answer, lambda ttl: min(max(ttl, self.least), self.most)),))


@dataclass(frozen=True)
class RcodeRule:
    """A response code about matching names is replaced."""

    change: Change
    old: int
    new: int

    def __call__(self, request: DnsRequest) -> Rewritten | None:
        if changed(request.question.name, self.change) is None:
            return None

        def write_back(answer: Answer) -> Answer:
            return answer._replace(rcode=Rcode(self.new)) if answer.rcode == self.old else answer

        return Rewritten(request, (write_back,))


def renamed(answer: Answer, new: Callable[[Name], Name | None], owners: bool) -> Answer:
    """An answer with other names, of owners or in data; ``new`` gives None for those that stay."""

    def section(rrsets: Iterable[RRset]) -> tuple[RRset, ...]:
        return tuple(
            replace(rrset, owner=new(rrset.owner) or rrset.owner)
            if owners
            else replace(rrset, data=tuple(_with_name(data, new) for data in rrset.data))
            for rrset in rrsets
        )

    return answer._replace(
        answer=section(answer.answer),
        authority=section(answer.authority),
        additional=section(answer.additional),
    )


def _with_name(data: Data, new: Callable[[Name], Name | None]) -> Data:
    match data:
        case Srv():
            return data._replace(target=new(data.target) or data.target)
        case NameTarget() | Exchange():
            return data._replace(name=new(data.name) or data.name)
        case Soa():
            return data._replace(mname=new(data.mname) or data.mname, rname=new(data.rname) or data.rname)
    return data


def _same(name: Name, other: Name) -> bool:
    return tuple(label.lower() for label in name) == other

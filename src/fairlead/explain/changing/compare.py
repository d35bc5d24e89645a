"""Two states of a cluster, before and after a change, as statements about the differences."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.explain.changing.answers import Answers, answers_of, rules_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.examine import examine
from fairlead.explain.proxying import Proxying
from fairlead.explain.statements import Evidence, EvidenceKind, Statement, Verdict, failed, said
from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase


class Comparison(NamedTuple):
    """The differences; ``stops``: whether something that answered before would stop."""

    statement: Statement
    stops: bool


def compare(before: Cluster, after: Cluster, proxying: Proxying, *, with_rules: bool = False) -> Comparison:
    """All effects of the change on Services, and the findings that come and go."""
    keys = sorted(set(before.snapshot.services) | set(after.snapshot.services))
    parts = [part for key in keys if (part := _service(before, after, proxying, key, with_rules)) is not None]
    parts += _findings(before, after)
    parts += _unknown(after)
    if not any(part.verdict is not Verdict.NOT_CHECKED for part in parts):
        parts.insert(0, said("nothing that a client could notice changes"))
    statement = Statement("what the change would do", (), tuple(parts))
    return Comparison(statement, statement.outcome is Verdict.FAILED)


def _unknown(after: Cluster) -> Iterator[Statement]:
    for kind in ("Service", "EndpointSlice", "Pod", "Node"):
        if not after.has_read(kind):
            yield after.missing("whether more changes", kind)


def _service(before: Cluster, after: Cluster, proxying: Proxying, key: ObjectKey, with_rules: bool) -> Statement | None:
    if before.snapshot.services.get(key) == after.snapshot.services.get(key) and _same_slices(before, after, key):
        return None
    old, new = answers_of(before, proxying, key), answers_of(after, proxying, key)
    parts = [
        *_endpoints(old, new),
        *_names(old, new),
        *_points(old, new),
        *_rules(before, after, proxying, key, with_rules),
    ]
    is_new, goes = key not in before.snapshot.services, key not in after.snapshot.services
    template = "Service {key} is new" if is_new else "Service {key} goes" if goes else "Service {key} changes"
    return Statement(Phrase(template, key=key), (), tuple(parts)) if parts else None


def _same_slices(before: Cluster, after: Cluster, key: ObjectKey) -> bool:
    return before.snapshot.slices.get(key) == after.snapshot.slices.get(key)


def _computed(what: str) -> Evidence:
    return Evidence(what, "computed", EvidenceKind.OBSERVATION)


def _endpoints(old: Answers, new: Answers) -> Iterator[Statement]:
    gone, come = sorted(old.endpoints - new.endpoints), sorted(new.endpoints - old.endpoints)
    if gone or come:
        words = [*(f"-{each}" for each in gone), *(f"+{each}" for each in come)]
        count = f"{len(old.endpoints)} -> {len(new.endpoints)}"
        say = failed if old.endpoints and not new.endpoints else said
        yield say(
            Phrase("ready endpoints {count}: {words}", count=count, words=words),
            _computed("EndpointSlices before and after"),
        )


def _names(old: Answers, new: Answers) -> Iterator[Statement]:
    for name in sorted({*old.names, *new.names}):
        was, will = old.names.get(name, frozenset()), new.names.get(name, frozenset())
        if was and not will:
            yield failed(Phrase("{name} stops answering: it was {was}", name=name, was=_join(was)))
        elif was != will:
            yield said(Phrase("{name}: {was} -> {will}", name=name, was=_join(was), will=_join(will)))


def _points(old: Answers, new: Answers) -> Iterator[Statement]:
    for point in sorted({*old.points, *new.points}):
        was, will = old.points.get(point, frozenset()), new.points.get(point, frozenset())
        if was and not will:
            yield failed(Phrase("{point} stops answering: it led to {was}", point=point, was=_join(was)))
        elif was != will:
            yield said(Phrase("{name}: {was} -> {will}", name=point, was=_join(was), will=_join(will)))


def _join(found: Iterable[str]) -> str:
    return ", ".join(sorted(found)) or Phrase("nobody")


def _rules(
    before: Cluster, after: Cluster, proxying: Proxying, key: ObjectKey, with_rules: bool
) -> Iterator[Statement]:
    node = min(after.snapshot.nodes, default="any node")
    old, new = rules_of(before, proxying, key, node), rules_of(after, proxying, key, node)
    if old == new:
        return
    lines = [f"- {line}" for line in sorted(old - new)] + [f"+ {line}" for line in sorted(new - old)]
    evidence = (Evidence(line, f"computed for {node}", EvidenceKind.RULE) for line in lines if with_rules)
    yield said(
        Phrase(
            "rules on {node} ({backend}): {come} lines come, {go} go",
            node=node,
            backend=proxying.backend,
            come=len(new - old),
            go=len(old - new),
        ),
        *evidence,
    )


def _findings(before: Cluster, after: Cluster) -> Iterator[Statement]:
    old = {(f.code, f.subject): f.text for f in examine(before)}
    new = {(f.code, f.subject): f for f in examine(after)}
    for key, finding in new.items():
        if key not in old:
            yield failed(
                Phrase("new: {finding}", finding=finding.text),
                *finding.evidence,
                parts=(said(Phrase("fix: {fix}", fix=fix.text)) for fix in finding.fixes),
            )
    for key, text in old.items():
        if key not in new:
            yield said(Phrase("put right: {text}", text=text))

"""Exports views as self-contained files: for the page's buttons, and for ``fairlead ui --export``."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from fairlead.app.ui.lookups import find_names
from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.pictures import language_of, map_of, width_of, words_of
from fairlead.app.ui.tracing import read_trace
from fairlead.app.ui.views import proxying_of
from fairlead.drivers.ui.exchange import PageReply, PageRequest
from fairlead.drivers.ui.page_files import page_text
from fairlead.explain.about.ruleset import lines_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import examine
from fairlead.explain.journey.story import tell
from fairlead.explain.languages import HTML_TAGS, finding_in, statement_in, translated
from fairlead.explain.picture.drawing import svg
from fairlead.explain.picture.journey import journey_of
from fairlead.explain.picture.paper import Section, findings, paper, rules, tree
from fairlead.explain.proxying import NFT
from fairlead.explain.render import graph
from fairlead.explain.statements import Statement
from fairlead.explain.subjects import Subject, SubjectError, parse_subject
from fairlead.explain.subjects import explain as explain_subject

Query = Mapping[str, str]
SVG, HTML = "svg", "html"
_TYPES = {SVG: "image/svg+xml", HTML: "text/html; charset=utf-8"}
_MOST_EXPLAINED = 250  # Services in one file, at most


class Parts(NamedTuple):
    """The parts of an exported file: a title, a picture ("" for none), and sections of text."""

    title: str
    picture: str = ""
    sections: tuple[Section, ...] = ()


View = Callable[[Cluster, Query, UiOptions], Parts]


def export(cluster: Cluster, query: Query, options: UiOptions, now: datetime) -> PageReply:
    """A view as a file.

    Raises:
        SubjectError: there is no such view or format, or nothing to show in it.
    """
    view, format_ = query.get("view", "map"), query.get("format", HTML)
    if view not in VIEWS or format_ not in _TYPES:
        raise SubjectError(f"give a view ({', '.join(VIEWS)}) and a format ({', '.join(_TYPES)})")
    return file_of(view, VIEWS[view](cluster, query, options), query, options, now)


def file_of(view: str, parts: Parts, query: Query, options: UiOptions, now: datetime) -> PageReply:
    """The parts of a view as a file of the format that is wanted.

    Raises:
        SubjectError: a picture is wanted of what is none.
    """
    format_ = query.get("format", HTML)
    if format_ == SVG and not parts.picture:
        raise SubjectError(f"the view {view} is no picture: export it as {HTML}")
    text = parts.picture if format_ == SVG else _paper(parts, query, options, now)
    name = f'attachment; filename="fairlead-{view}.{format_}"'
    return PageReply(text.encode(), _TYPES[format_], headers=(("content-disposition", name),))


def handle(cluster: Cluster, request: PageRequest, options: UiOptions) -> PageReply:
    return export(cluster, request.query, options, datetime.now(UTC))


def _paper(parts: Parts, query: Query, options: UiOptions, now: datetime) -> str:
    picture = (Section("", parts.picture),) if parts.picture else ()
    style = page_text("picture.css") + page_text("paper.css")
    when = f"{options.title} · {now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    language = HTML_TAGS[language_of(query)]
    return paper(parts.title, when, (*picture, *parts.sections), style, language)


def _map(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    """The map, and the explanation of each Service on it."""
    scene, word = map_of(cluster, query), words_of(query)
    shown = {card.item.subject for card in scene.cards if card.item.kind == "service"}
    keys = [key for key in sorted(cluster.snapshot.services) if f"svc/{key}" in shown]
    subjects = [Subject("Service", *key) for key in keys[:_MOST_EXPLAINED]]
    trees = "".join(tree(_explained(cluster, subject, query), depth=0) for subject in subjects)
    title = word("map")
    return Parts(title, svg(scene, word, title, style_of(query)), (Section("Services", trees),))


def style_of(query: Query) -> str:
    """The style sheet of a picture that is a file of its own."""
    return page_text("picture.css") if query.get("format") == SVG else ""


def _doctor(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    language = language_of(query)
    missing = "".join(tree(statement_in(language, statement)) for statement in not_checked(cluster))
    found = Section("", findings((finding_in(language, each) for each in examine(cluster)), words_of(query)("fine")))
    return Parts(words_of(query)("doctor"), "", (found, Section(words_of(query)("not-checked"), missing)))


def _explain(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    statement = _explained(cluster, parse_subject(query.get("subject", ""), options.namespace), query)
    picture = graph.svg(statement) if query.get("format") == SVG else ""
    return Parts(statement.text, picture, (Section("", "".join(map(tree, statement.parts))),))


def _names(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    """Each question of a search with its answer, and why."""
    found, language = find_names(cluster, query, options), language_of(query)
    statement = statement_in(language, found.statement)
    steps = ((f"{step.name} {step.result}".strip(), translated(step.why, language)) for step in found.steps)
    sections = (Section("", rules(steps)), Section("", "".join(tree(part, depth=3) for part in statement.parts)))
    return Parts(statement.text, "", sections)


def _explained(cluster: Cluster, subject: Subject, query: Query) -> Statement:
    return statement_in(language_of(query), explain_subject(cluster, subject, proxying_of(cluster, NFT)))


def _trace(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    trip, word = read_trace(cluster, query, options), words_of(query)
    statement = statement_in(language_of(query), tell(trip.cluster, trip.rulebook, trip.start, trip.goal))
    journey = journey_of(trip, word, width_of(query), lambda text: translated(text, language_of(query)))
    picture = svg(journey.scene, word, statement.text, style_of(query))
    return Parts(statement.text, picture, (Section("", "".join(tree(part, depth=3) for part in statement.parts)),))


def _rules(cluster: Cluster, query: Query, options: UiOptions) -> Parts:
    node = query.get("node") or min(cluster.snapshot.nodes, default="a node")
    lines = lines_of(cluster, proxying_of(cluster, query.get("backend", NFT)), node)
    wanted = [line for line in lines if query.get("service", "") in ("", line.service)]
    groups = groupby(wanted, key=lambda line: f"{line.table} · {line.chain}")
    return Parts(
        node,
        "",
        tuple(
            Section(heading, rules((x.text, translated(x.reason, language_of(query))) for x in found))
            for heading, found in groups
        ),
    )


VIEWS: Mapping[str, View] = {
    "map": _map, "doctor": _doctor, "explain": _explain, "trace": _trace, "rules": _rules, "dns": _names,
}  # fmt: skip

"""Traces packets for the page: by the rules, and in a lab also by sending some."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.pictures import language_of, width_of, words_of
from fairlead.app.ui.views import proxying_of
from fairlead.drivers.sources.lab_journeys import try_out
from fairlead.drivers.sources.lab_nodes import node_observations
from fairlead.drivers.ui.exchange import PageRequest
from fairlead.explain.cluster import Cluster
from fairlead.explain.journey.ends import Goal, arriving, parse_goal, parse_start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.journey.story import goals_of, tell
from fairlead.explain.languages import translated
from fairlead.explain.picture.drawing import fragments
from fairlead.explain.picture.journey import Trip, counted, journey_of
from fairlead.explain.proxying import NFT
from fairlead.explain.render.documents import explanation_document
from fairlead.explain.statements import Statement
from fairlead.explain.subjects import SubjectError

Query = Mapping[str, str]


def trace(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
    """Trace a packet by the rules.

    Raises:
        SubjectError: an end makes no sense. NotRules: the rules of a node cannot be read.
    """
    trip = read_trace(cluster, request.query, options)
    return _document(trip, tell(trip.cluster, trip.rulebook, trip.start, trip.goal), request.query)


def send_some(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
    """Trace, and send real connections in a lab to compare the kernel's outcome."""
    if options.lab is None:
        raise SubjectError("packets can be sent in a lab only")
    query = {key: str(value) for key, value in request.body.items()}
    trip = read_trace(cluster, query, options)
    statement = tell(cluster, trip.rulebook, trip.start, trip.goal)
    parts, seen = list(statement.parts), dict[tuple[Goal, Any], int]()
    for goal in goals_of(cluster, trip.start, trip.goal):
        tried = try_out(options.lab, cluster, trip.rulebook, trip.start, goal)
        parts += tried.statements
        seen |= counted(goal, list(tried.outcomes))
    return _document(trip._replace(seen=seen), msgspec.structs.replace(statement, parts=tuple(parts)), query)


def read_trace(cluster: Cluster, query: Query, options: UiOptions) -> Trip:
    """Read the trace that a request asks for. Current rules are read from the node if that is requested and
    possible."""
    start = parse_start(cluster, query.get("from", ""), options.namespace, query.get("via") or None)
    goal = parse_goal(query.get("to", "").strip(), query.get("protocol", "tcp"))
    start = arriving(cluster, start, goal)
    if not goal.host or goal.protocol not in ("tcp", "udp", "sctp"):
        raise SubjectError("give a name or an address to go to, and tcp, udp or sctp")
    if query.get("seen") == "1" and options.lab is not None:
        found = tuple(node_observations(options.lab, [start.node]))
        cluster = replace(cluster, observations=(*cluster.observations, *found))
    return Trip(Rulebook(cluster, proxying_of(cluster, query.get("backend", NFT))), start, goal)


def _document(trip: Trip, statement: Statement, query: Query) -> dict[str, Any]:
    word = words_of(query)
    scene, touched = journey_of(trip, word, width_of(query), lambda text: translated(text, language_of(query)))
    picture = {"width": scene.width, "height": scene.height, "whole": True, "set": fragments(scene, word)}
    document = explanation_document(statement.text, statement, language_of(query))
    return {"explanation": document, "picture": picture, "touched": touched}

"""The map that a request describes: its width, its filter, and what is folded."""

from collections.abc import Mapping

from fairlead.explain.cluster import Cluster
from fairlead.explain.languages import ENGLISH, LANGUAGES
from fairlead.explain.picture.lanes import Filter, contents_of
from fairlead.explain.picture.layout import place
from fairlead.explain.picture.scene import Scene
from fairlead.explain.picture.words import Words, words_in

NARROWEST, USUAL, WIDEST = 280.0, 1080.0, 2400.0


def words_of(query: Mapping[str, str]) -> Words:
    """The words of a picture in the language that is asked for."""
    return words_in(language_of(query))


def language_of(query: Mapping[str, str]) -> str:
    """The language that is asked for."""
    language = query.get("lang", ENGLISH)
    return language if language in LANGUAGES else ENGLISH


def width_of(query: Mapping[str, str]) -> float:
    """How wide a picture is wanted, in pixels."""
    try:
        return min(max(float(query.get("width", "")), NARROWEST), WIDEST)
    except ValueError:
        return USUAL


def map_of(cluster: Cluster, query: Mapping[str, str]) -> Scene:
    """The map, as a page or a file is to show it."""
    wanted = Filter(query.get("q", ""), query.get("type", ""), query.get("troubled") == "1")
    turned = frozenset(filter(None, query.get("turned", "").split(",")))
    word = words_of(query)
    return place(contents_of(cluster, word, wanted), width_of(query), word, turned)

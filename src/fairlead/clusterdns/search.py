"""How a resolver in a Pod turns a name into questions: the search list and ndots.

Modelled on glibc's ``res_search`` with the resolv.conf of dnsPolicy ClusterFirst: a name with fewer dots than ``ndots``
is tried with each suffix first and as it stands last; the first answer with records ends the search.
"""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.clusterdns.names import Name, to_name
from fairlead.clusterdns.records import Answer, Question

NDOTS = 5


class SearchStep(NamedTuple):
    """One question of a search, and its answer."""

    question: Question
    answer: Answer


def search_list(namespace: str, origin: Name) -> tuple[Name, ...]:
    """The suffixes that a Pod of a Namespace tries, in their order."""
    return ((namespace, "svc", *origin), ("svc", *origin), origin)


def candidates(text: str, suffixes: tuple[Name, ...]) -> list[Name]:
    """The names that the resolver asks for, in their order; a final dot prevents the search."""
    name = to_name(text)
    if text.endswith("."):
        return [name]
    searched = [name + suffix for suffix in suffixes]
    return [name, *searched] if text.count(".") >= NDOTS else [*searched, name]


def walk(names: list[Name], qtype: int, find: Callable[[Question], Answer]) -> list[SearchStep]:
    """The questions asked until one has records, with the answers that ``find`` gives."""
    steps = []
    for name in names:
        question = Question(name, qtype)
        steps.append(SearchStep(question, find(question)))
        if steps[-1].answer.answer or steps[-1].answer.outside:
            break
    return steps

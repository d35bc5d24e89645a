"""A packet's path as a picture: sender, DNS question, destination, hooks, and possible receivers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from fairlead.explain.about.answering import at
from fairlead.explain.cluster import Cluster
from fairlead.explain.journey.delivery import Deliveries, Delivery, deliver
from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.journey.story import goals_of
from fairlead.explain.picture.journey_layout import DestinationWay, place_ways
from fairlead.explain.picture.scene import CardItem, CardState, Scene
from fairlead.explain.picture.words import Words
from fairlead.model.addresses import IPFamily, family_of
from fairlead.trace.packet import Outcome, PacketFate

_MOST_GOALS, _MOST_OUTCOMES, _MOST_DEEDS = 8, 24, 5

Seen = Mapping[tuple[Goal, Outcome], int]  # how many connections the kernel sent on each path


class Trip(NamedTuple):
    """The request: sender, destination, and the source of rules.

    Attributes:
        seen: the kernel's handling of real connections.
    """

    rulebook: Rulebook
    start: Sender
    goal: Goal
    seen: Seen | None = None

    @property
    def cluster(self) -> Cluster:
        return self.rulebook.cluster


class Journey(NamedTuple):
    """The picture, and the items of the map that it touches, by subject."""

    scene: Scene
    touched: tuple[str, ...]


def journey_of(trip: Trip, word: Words, width: float, say: Callable[[str], str] = str) -> Journey:
    """The picture of a path.

    Args:
        say: translates the actions of rules into the picture's language.

    Raises:
        NotRules: rules cannot be read.
    """
    cluster, start = trip.cluster, trip.start
    goals = goals_of(cluster, start, trip.goal)
    sender = _sender(cluster, start, goals, word)
    heads = [sender, *([] if trip.goal.is_address else [_question(trip.goal, goals, word)])]
    ways = [_way(trip, each, word, say) for each in goals[:_MOST_GOALS]]
    if not ways:
        ways = [DestinationWay(_item("none", "verdict", word("no-packet"), state=CardState.FAILED))]
    subjects = [item.subject for item in (sender, *(e for w in ways for e in (w.goal, *w.ends)))]
    touched = [*subjects, *_services(cluster, goals), f"node/{start.node}"]
    return Journey(place_ways(heads, ways, width), tuple(dict.fromkeys(filter(None, touched))))


def _item(
    id_: str, kind: str, title: str, *lines: str, state: CardState = CardState.PLAIN, subject: str = "", label: str = ""
) -> CardItem:
    return CardItem(id_, kind, title, lines, state, subject, label or ", ".join((title, *lines)))


def _services(cluster: Cluster, goals: Iterable[Goal]) -> Iterator[str]:
    for goal in goals:
        yield f"address/{goal.host}"
        yield from (f"svc/{key}" for key in cluster.snapshot.services_by_ip.get(goal.host, ()))
        yield from (f"svc/{key}" for key in cluster.snapshot.services_by_outside_ip.get(goal.host, ()))


def _sender(cluster: Cluster, start: Sender, goals: list[Goal], word: Words) -> CardItem:
    families = [*(family_of(goal.host) for goal in goals[:1]), *IPFamily]
    source = next(filter(None, (start.source(cluster, family) for family in families)), "")
    lines = tuple(line for line in (source, start.node) if line)
    if start.pod is not None:
        return _item("sender", "pod", start.pod.name, *lines, subject=f"pod/{start.pod.key}", label=start.text)
    if start.is_outside:
        return _item("sender", "outside", word("outside"), *lines, label=start.text)
    return _item("sender", "node", start.node, *lines, subject=f"node/{start.node}", label=start.text)


def _question(goal: Goal, goals: list[Goal], word: Words) -> CardItem:
    state = CardState.PLAIN if goals else CardState.FAILED
    return _item("question", "name", goal.host, word("question"), state=state, subject="hook/question")


def _way(trip: Trip, goal: Goal, word: Words, say: Callable[[str], str]) -> DestinationWay:
    to, start = f"{goal.protocol} {goal.text}", trip.start
    subject = f"address/{goal.host}"
    destination = _item(f"to/{goal.host}", "address", goal.text, goal.protocol, subject=subject, label=to)
    if start.pod is not None and goal.host in start.pod.ips:
        own = _item(
            f"end/{to}", "verdict", start.pod.name, goal.text, state=CardState.READY, subject=f"pod/{start.pod.key}"
        )
        return DestinationWay(destination, (), (own,), ("",))
    try:
        found = deliver(trip.cluster, trip.rulebook, start, goal)
    except ValueError as error:
        return DestinationWay(
            destination, (), (_item(f"end/{to}", "verdict", str(error), state=CardState.UNKNOWN),), ("",)
        )
    ends = found.outcomes[:_MOST_OUTCOMES]
    items = tuple(_end(goal, each, word, trip.seen) for each in ends)
    return DestinationWay(destination, tuple(_hooks(goal, found, say)), items, tuple(map(_share, ends)))


def _share(delivery: Delivery) -> str:
    if delivery.chance is None:
        return "?"
    return "" if delivery.chance > 0.9999 else f"{delivery.chance:.0%}" if delivery.chance >= 0.01 else "<1%"


def _hooks(goal: Goal, found: Deliveries, say: Callable[[str], str]) -> Iterator[CardItem]:
    """The actions of each hook's rules, on all paths together."""
    deeds: dict[str, list[str]] = {}
    for delivery in found.outcomes:
        for (hook, table), steps in groupby(delivery.steps, key=lambda step: (step.hook, step.table)):
            told = deeds.setdefault(f"{hook}, table {table}", [])
            told += [step.did for step in steps if step.did and step.did not in told]
    for heading, done in deeds.items():
        told = list(map(say, done))
        hook, _, table = heading.partition(", table ")
        lines = told if len(told) <= _MOST_DEEDS else [*told[: _MOST_DEEDS - 1], f"… +{len(told) - _MOST_DEEDS + 1}"]
        title, label = f"{hook} · {table}", f"{heading}: {', '.join(told)}"
        yield _item(f"hook/{goal.host}/{heading}", "hook", title, *lines, subject=f"hook/{heading}", label=label)


def _end(goal: Goal, delivery: Delivery, word: Words, seen: Seen | None) -> CardItem:
    outcome, pod = delivery.outcome, delivery.pod
    id_, count = f"end/{goal.host}/{outcome}", _counted(goal, delivery.final, word, seen)
    refused = _refusals(delivery)
    if outcome is None:
        return _item(id_, "verdict", word("unknown"), *refused, *count, state=CardState.UNKNOWN)
    if outcome.fate is not PacketFate.ACCEPT:
        return _item(id_, "verdict", word(_FATES[outcome.fate]), *count, state=CardState.FAILED)
    where = at(outcome.destination, outcome.port)
    lines = [*([where] if pod else []), *refused, *count]
    if pod and pod.spec.node_name:
        lines.insert(1, pod.spec.node_name)
    state = CardState.READY if delivery.arrives else CardState.FAILED
    subject = f"pod/{pod.key}" if pod else f"address/{outcome.destination}"
    title = pod.name if pod else where
    label = ", ".join((title, *lines, _share(delivery) or word("certain")))
    return _item(id_, "verdict", title, *lines, state=state, subject=subject, label=label)


def _refusals(delivery: Delivery) -> list[str]:
    """The policies that block a packet."""
    rulings = [ruling for ruling in delivery.rulings if not ruling.passes]
    return [f"{policy.name} ({ruling.direction})" for ruling in rulings for policy in ruling.isolating]


_FATES = {PacketFate.DROP: "dropped", PacketFate.REJECT: "refused"}


def _counted(goal: Goal, outcome: Outcome | None, word: Words, seen: Seen | None) -> tuple[str, ...]:
    if seen is None or outcome is None:
        return ()
    total = sum(count for (to, _), count in seen.items() if to == goal)
    return (word("kernel", count=seen.get((goal, outcome), 0), total=total),) if total else ()


def counted(goal: Goal, outcomes: Iterable[Outcome]) -> dict[tuple[Goal, Outcome], int]:
    """The number of connections to a destination on each path."""
    return {(goal, outcome): count for outcome, count in Counter(outcomes).items()}

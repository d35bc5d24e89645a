"""The layout of a packet's path: columns from left to right, on narrow screens from top to bottom."""

from collections.abc import Iterable
from typing import NamedTuple

from fairlead.explain.picture.cards import card_at
from fairlead.explain.picture.columns import widths_of
from fairlead.explain.picture.layout import NARROW
from fairlead.explain.picture.scene import Card, CardItem, CardLink, CardState, Scene

_MARGIN, _GAP, _COLUMN_GAP, _STEP = 16.0, 10.0, 58.0, 34.0
_SHARES = (0.21, 0.21, 0.32, 0.26)  # of the width: sender and question, destination, hooks, receivers


class DestinationWay(NamedTuple):
    """The handling of packets to one destination; each of ``ends`` has its share of them, as text."""

    goal: CardItem
    hooks: tuple[CardItem, ...] = ()
    ends: tuple[CardItem, ...] = ()
    shares: tuple[str, ...] = ()


def place_ways(heads: list[CardItem], ways: list[DestinationWay], width: float) -> Scene:
    """The picture.

    Args:
        heads: the sender, and the DNS question.
    """
    wide = _widths(heads, ways, width) if width >= NARROW else None
    return _columns(heads, ways, width, wide) if wide else _stacked(heads, ways, width)


def _widths(heads: list[CardItem], ways: list[DestinationWay], width: float) -> list[float] | None:
    columns = (heads, [w.goal for w in ways], [h for w in ways for h in w.hooks], [e for w in ways for e in w.ends])
    return widths_of(columns, _SHARES, width - 2 * _MARGIN - 3 * _COLUMN_GAP)


def _columns(heads: list[CardItem], ways: list[DestinationWay], width: float, wide: list[float]) -> Scene:
    """Sender and question, destinations, hooks, receivers: each a column."""
    x = [_MARGIN + sum(wide[:n]) + n * _COLUMN_GAP for n in range(4)]
    cards, links = _chain(heads, x[0], _MARGIN, wide[0])
    last, y = cards[-1], _MARGIN
    for way in ways:
        goal = card_at(way.goal, x[1], y, wide[1])
        hooks, steps = _chain(way.hooks, x[2], y, wide[2])
        ends, _ = _chain(way.ends, x[3], y, wide[3], linked=False)
        links += [_link(last, goal), *steps]
        links += [_link(goal, hooks[0])] if hooks else []
        links += [_link(hooks[-1] if hooks else goal, end, share) for end, share in zip(ends, way.shares, strict=True)]
        cards += [goal, *hooks, *ends]
        y = max(card.box.bottom for card in (goal, *hooks, *ends)) + 2 * _GAP
    return Scene(width, max(card.box.bottom for card in cards) + _MARGIN, (), tuple(links), tuple(cards))


def _chain(
    items: Iterable[CardItem], x: float, y: float, width: float, *, linked: bool = True
) -> tuple[list[Card], list[CardLink]]:
    """Cards below each other, with a line from each to the next."""
    cards: list[Card] = []
    links: list[CardLink] = []
    for item in items:
        cards.append(card_at(item, x, y, width))
        if linked and len(cards) > 1:
            links.append(_link(cards[-2], cards[-1], is_down=True))
        y = cards[-1].box.bottom + (2 * _GAP if linked else _GAP)
    return cards, links


def _stacked(heads: list[CardItem], ways: list[DestinationWay], width: float) -> Scene:
    """All of it from top to bottom."""
    wide = width - 2 * _MARGIN
    cards, links = _chain(heads, _MARGIN, _MARGIN, wide)
    last, y = cards[-1], cards[-1].box.bottom + 2 * _GAP
    for way in ways:
        body, steps = _chain((way.goal, *way.hooks), _MARGIN + 10, y, wide - 20)
        links += [_link(last, body[0], is_down=True), *steps]
        y = body[-1].box.bottom + _STEP
        half = (wide - _GAP) / 2
        for number, (item, share) in enumerate(zip(way.ends, way.shares, strict=True)):
            end = card_at(item, _MARGIN + number % 2 * (half + _GAP), y, half)
            links.append(_link(body[-1], end, share, is_down=True))
            cards.append(end)
            if number % 2 or number == len(way.ends) - 1:
                y = max(card.box.bottom for card in cards[-2:]) + _STEP
        cards += body
        y = max(card.box.bottom for card in cards) + 2 * _GAP
    return Scene(width, max(card.box.bottom for card in cards) + _MARGIN, (), tuple(links), tuple(cards))


def _link(start: Card, end: Card, label: str = "", *, is_down: bool = False) -> CardLink:
    state = end.item.state if end.item.state in (CardState.FAILED, CardState.READY) else CardState.PLAIN
    return CardLink(f"{start.item.id} > {end.item.id}", start.box, end.box, state, label, is_down)

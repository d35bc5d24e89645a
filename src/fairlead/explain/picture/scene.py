"""A picture before it is drawn: cards, links between them, and bands around them. All lengths are pixels."""

import enum
from typing import NamedTuple


class CardState(enum.StrEnum):
    """The state of an item; each has its own mark beside its colour."""

    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PLAIN = "plain"


class Box(NamedTuple):
    """A rectangle; ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


class CardItem(NamedTuple):
    """Something that a card shows.

    Attributes:
        id: unique in its picture, and stable as long as the item exists.
        kind: service, name, address, slice, pod, node, outside, hook, verdict.
        title: in bold, broken into lines if it is long. lines: below it.
        subject: its subject for ``explain``; "" if it has none.
        label: all of it in words, for users who do not see the picture.
    """

    id: str
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    state: CardState = CardState.PLAIN
    subject: str = ""
    label: str = ""


class Card(NamedTuple):
    """An item at its place; a dot is a card that shows only its state."""

    item: CardItem
    box: Box
    title: tuple[str, ...]
    lines: tuple[str, ...]
    is_dot: bool = False


class CardLink(NamedTuple):
    """A line from one card to another; ``label`` is at its end.

    Attributes:
        is_down: whether it leaves at the bottom, not at the right.
    """

    id: str
    start: Box
    end: Box
    state: CardState = CardState.PLAIN
    label: str = ""
    is_down: bool = False


class Band(NamedTuple):
    """A part of the picture with a heading, such as a Namespace; ``fold`` is its key where it can be folded."""

    id: str
    title: str
    summary: str
    box: Box
    fold: str = ""
    is_folded: bool = False


class Scene(NamedTuple):
    """A whole picture."""

    width: float
    height: float
    bands: tuple[Band, ...] = ()
    links: tuple[CardLink, ...] = ()
    cards: tuple[Card, ...] = ()

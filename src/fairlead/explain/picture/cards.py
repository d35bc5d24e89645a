"""A card's size: its minimal width for its words, and its height for its text."""

from fairlead.explain.picture.lettering import lines_of, longest_word
from fairlead.explain.picture.scene import Box, Card, CardItem, CardState

TITLE, LINE = 13.0, 11.5  # sizes of letters
BOLD = 1.12  # how much wider bold letters are
LEADING = 16.0  # from line to line
PAD = 9.0
_MARK = 20.0  # width of the mark of a state


def card_at(item: CardItem, x: float, y: float, width: float) -> Card:
    """A card of this width, as high as its text."""
    room = width - 2 * PAD
    title = lines_of(item.title, TITLE * BOLD, room - _mark(item), most=3)
    lines = tuple(line for text in item.lines for line in lines_of(text, LINE, room, most=3))
    height = 2 * PAD + LEADING * (len(title) + len(lines)) - 3
    return Card(item, Box(x, y, width, height), title, lines)


def needed(item: CardItem) -> float:
    """The width of a card in which no word is cut."""
    title = longest_word(item.title, TITLE * BOLD) + _mark(item)
    return 2 * PAD + max(title, *(longest_word(line, LINE) for line in item.lines), 0.0)


def _mark(item: CardItem) -> float:
    return _MARK if item.state is not CardState.PLAIN else 0

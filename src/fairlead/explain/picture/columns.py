"""The widths of columns: by their usual shares if every word fits, else as wide as their words."""

from collections.abc import Iterable, Sequence

from fairlead.explain.picture.cards import needed
from fairlead.explain.picture.scene import CardItem

_MOST = 200.0  # pixels that one word can claim for its column; a longer one is cut in its middle


def widths_of(columns: Sequence[Iterable[CardItem]], shares: Sequence[float], room: float) -> list[float] | None:
    """The width of each column; None if they do not fit beside each other.

    Args:
        columns: the content of each.
        shares: of the room, by default; their sum is 1.
        room: for all of them, without the gaps.
    """
    least = [min(max(map(needed, items), default=0.0), _MOST) for items in columns]
    if sum(least) > room:
        return None
    return _shared(least, shares, room)


def _shared(least: list[float], shares: Sequence[float], room: float) -> list[float]:
    """Columns that would be too narrow get the width that they need, and the others share the rest."""
    narrow = set[int]()
    while True:
        rest = room - sum(least[n] for n in narrow)
        whole = sum(share for n, share in enumerate(shares) if n not in narrow)
        wide = [least[n] if n in narrow else rest * share / whole for n, share in enumerate(shares)]
        short = {n for n, width in enumerate(wide) if width < least[n]}
        if not short:
            return wide
        narrow |= short

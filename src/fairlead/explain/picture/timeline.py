"""A change as a time line: a row for each station and part, with a bar from begin to end."""

from html import escape
from typing import NamedTuple

from fairlead.explain.picture.cards import BOLD
from fairlead.explain.picture.drawing import SVG
from fairlead.explain.picture.lettering import lines_of
from fairlead.explain.picture.words import Words
from fairlead.explain.spreading import SpreadingChange, StationRow
from fairlead.model.marks import Station

_MARGIN, _BAR, _TOP = 14.0, 14.0, 30.0
_NARROW = 560.0  # below this width, words are above their bar, not beside it
_TITLES = {
    Station.OBJECT: "station-object",
    Station.STATUS: "station-status",
    Station.SLICE: "station-slice",
    Station.NAMES: "station-names",
    Station.RULES: "station-rules",
}
_TICKS = (1, 2, 5)


class _Frame(NamedTuple):
    """The scale of time: from ``left`` at 0 to ``right`` after ``whole`` milliseconds.

    Attributes:
        words: the width for words. row: the height of a row. bar: how far below the top of its row a bar begins.
    """

    left: float
    right: float
    whole: float
    words: float
    row: float
    bar: float

    def x(self, milliseconds: float) -> float:
        return self.left + (self.right - self.left) * milliseconds / self.whole


def timeline(change: SpreadingChange, word: Words, width: float, style: str = "") -> str:
    """The picture. Bars carry their place in time (``data-from``, ``data-to``, in milliseconds), for a replay."""
    frame = _frame(width, max(change.seconds * 1000, 0.5))
    height = _TOP + frame.row * len(change.rows) + _MARGIN
    label = escape(f"{change.subject}: {', '.join(change.causes)}")
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    scale = f'data-whole="{frame.whole:.3f}" data-left="{frame.left:.1f}" data-right="{frame.right:.1f}"'
    head = f'<svg xmlns="{SVG}" {size} class="picture timeline" role="img" aria-label="{label}" {scale}>'
    ground = f'<style>{style}</style><rect class="ground" width="{width:g}" height="{height:g}"/>' if style else ""
    rows = [_row(row, _TOP + number * frame.row, word, frame) for number, row in enumerate(change.rows)]
    return "".join([head, ground, *_axis(frame, height), *rows, "</svg>\n"])


def _frame(width: float, whole: float) -> _Frame:
    right = width - _MARGIN - 74  # room for the time at the end of a bar
    if width < _NARROW:
        return _Frame(_MARGIN, right, whole, width - 2 * _MARGIN, 60.0, 32.0)
    words = min(max(width * 0.3, 190), 280)
    return _Frame(_MARGIN + words + 10, right, whole, words, 36.0, 8.0)


def _axis(frame: _Frame, height: float) -> list[str]:
    most = max((frame.right - frame.left) / 70, 2)  # ticks that leave room for their labels
    step = next(s for s in (tick * 10**e for e in range(-1, 7) for tick in _TICKS) if frame.whole / s <= most)
    found = []
    for number in range(int(frame.whole / step) + 1):
        x = frame.x(number * step)
        anchor = " first" if number == 0 else ""
        found.append(f'<path class="tick" d="M{x:.1f} {_TOP - 6:.1f}V{height - _MARGIN:.1f}"/>')
        found.append(f'<text class="line tick-label{anchor}" x="{x:.1f}" y="16">{_milliseconds(number * step)}</text>')
    return found


def _row(row: StationRow, y: float, word: Words, frame: _Frame) -> str:
    began, done = row.began * 1000, row.done * 1000
    start, end = frame.x(began), max(frame.x(done), frame.x(began) + 4)
    station, by = word(_TITLES[row.station]), row.part or word("heard-here")
    title = escape(lines_of(station, 13 * BOLD, frame.words, most=1)[0])
    part = escape(lines_of(by, 11.5, frame.words, most=1)[0])
    bar = f'x="{start:.1f}" y="{y + frame.bar:.1f}" width="{end - start:.1f}" height="{_BAR:g}" rx="4"'
    return (
        f'<g class="row {"told" if row.is_told else "heard"} k-{row.station}" '
        f'data-from="{began:.3f}" data-to="{done:.3f}"><title>{escape(f"{station}, {by}")}</title>'
        f'<text class="title" x="{_MARGIN:g}" y="{y + 13:.1f}">{title}</text>'
        f'<text class="line" x="{_MARGIN:g}" y="{y + 27:.1f}">{part}</text>'
        f'<rect class="bar" {bar}/>'
        f'<text class="when" x="{end + 7:.1f}" y="{y + frame.bar + 11:.1f}">{_milliseconds(done)}</text></g>'
    )


def _milliseconds(number: float) -> str:
    if number >= 10_000:
        return f"{number / 1000:.1f} s"
    return f"{number:.0f} ms" if number >= 100 or number == int(number) else f"{number:.1f} ms"

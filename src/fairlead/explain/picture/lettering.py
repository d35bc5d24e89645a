"""The approximate width of text, for line breaks: no font is available where a picture is laid out."""

import re
from collections.abc import Iterator
from functools import lru_cache

_NARROW = frozenset("iljtf.,:;'|!()[]I/- ")
_WIDE = frozenset("mwMW@%…")
_CAPITAL = 0.68
_ELLIPSIS = "…"
_MEASURED = 8192  # texts whose widths are cached: most texts are the same in the next picture
_IDEOGRAPHS = "\u2e80-\uffff"
# Words are whole: a line ends after one of these signs, or after an ideograph.
_PIECES = re.compile(rf"[{_IDEOGRAPHS}]|[^-./:, {_IDEOGRAPHS}]*[-./:, ]|[^-./:, {_IDEOGRAPHS}]+")


def width_of(text: str, size: float) -> float:
    """The width of a line in a sans-serif font of this size, rather too much than too little."""
    return size * sum(map(_share, text))


def _share(letter: str) -> float:
    if ord(letter) >= 0x2E80:  # ideographs are squares
        return 1.04
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE:
        return 0.96
    return _CAPITAL if letter.isupper() or letter.isdigit() else 0.61


@lru_cache(maxsize=_MEASURED)
def lines_of(text: str, size: float, width: float, most: int = 2) -> tuple[str, ...]:
    """The text in at most this many lines that fit, without broken words.

    Text that does not fit is cut: the middle of a word, or the part of a longer text before its end.
    """
    lines = list(_broken(text, size, width))
    if len(lines) <= most:
        return tuple(lines)
    tail = _tail("".join(lines[most - 1 :]), size, width)
    return (*lines[: most - 1], tail)


@lru_cache(maxsize=_MEASURED)
def longest_word(text: str, size: float) -> float:
    """The width that the text needs so that each of its words stays whole."""
    return max((width_of(piece.rstrip(" "), size) for piece in _PIECES.findall(text)), default=0.0)


def _tail(text: str, size: float, width: float) -> str:
    """The last words of a text, which distinguish names better than the first."""
    pieces = _PIECES.findall(text)
    for start in range(1, len(pieces)):
        told = _ELLIPSIS + "".join(pieces[start:])
        if width_of(told, size) <= width:
            return told
    return _shortened(text, size, width)


def _broken(text: str, size: float, width: float) -> Iterator[str]:
    line = ""
    for piece in _PIECES.findall(text):
        if width_of((line + piece).rstrip(" "), size) <= width:
            line = (line + piece).lstrip(" ")
            continue
        if line:
            yield line.rstrip(" ")
        line = piece.lstrip(" ")
        if width_of(line.rstrip(" "), size) > width:
            line = _shortened(line, size, width)
    if line or not text.strip(" "):
        yield line.rstrip(" ")


def _shortened(text: str, size: float, width: float) -> str:
    """A text that is wider than a line, without its middle."""
    for kept in range(len(text) - 1, 1, -1):
        found = text[: kept - kept // 2] + _ELLIPSIS + text[len(text) - kept // 2 :]
        if width_of(found, size) <= width:
            return found
    return _ELLIPSIS

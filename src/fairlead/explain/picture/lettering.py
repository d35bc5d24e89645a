"""How wide text is, near enough to break lines by: a picture is laid out where no font is at hand."""

from collections.abc import Iterator

_NARROW = frozenset("iljtf.,:;'|!()[]I/- ")
_WIDE = frozenset("mwMW@%…")
_CAPITAL = 0.68
_ELLIPSIS = "…"
_BREAKS = "-./: "


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


def lines_of(text: str, size: float, width: float, most: int = 2) -> tuple[str, ...]:
    """The text in at most so many lines that fit; what does not fit is left out in the middle."""
    lines = list(_broken(text, size, width))
    if len(lines) <= most:
        return tuple(lines)
    tail = _tail("".join(lines[most - 1 :]), size, width)
    return (*lines[: most - 1], tail)


def _tail(text: str, size: float, width: float) -> str:
    """The end of a text, which tells names apart better than their beginning."""
    for start in range(len(text)):
        if width_of(_ELLIPSIS + text[start:], size) <= width:
            return _ELLIPSIS + text[start:]
    return _ELLIPSIS


def _broken(text: str, size: float, width: float) -> Iterator[str]:
    rest = text
    while rest and width_of(rest, size) > width:
        end = _fitting(rest, size, width)
        better = max((rest.rfind(sign, 1, end) + 1 for sign in _BREAKS), default=0)
        end = better if better > end // 3 else end
        yield rest[:end]
        rest = rest[end:].lstrip(" ")
    if rest or not text:
        yield rest


def _fitting(text: str, size: float, width: float) -> int:
    """How many letters fit; at least one."""
    used = 0.0
    for count, letter in enumerate(text):
        used += size * _share(letter)
        if used > width:
            return max(count, 1)
    return len(text)

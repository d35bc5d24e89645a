"""Text in lines for a terminal, by columns: Chinese letters take two, and a line may end after any of them."""

import re
import textwrap
from collections.abc import Iterator
from unicodedata import east_asian_width

WIDTH = 80
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\u3000-\u303f\u2026"
# A word, or a wide letter, with the brackets that open before it.
_PIECES = re.compile(rf"\s+|[（“]*(?:[{_WIDE}]|[^\s{_WIDE}]+)")  # noqa: RUF001
_NEVER_FIRST = frozenset("，。、；：）！？…])")  # noqa: RUF001 - what cannot begin a line


def wrapped(text: str, first: str, rest: str, width: int = WIDTH) -> list[str]:
    """Lines of at most ``width`` columns; a longer word stays whole, so that it can be copied.

    Args:
        first: prefix of the first line. rest: prefix of the others.
    """
    if columns(text) == len(text):
        found = textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=rest,
            break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
        )  # fmt: skip
        return found or [first]
    return list(_mixed(text, first, rest, width))


def columns(text: str) -> int:
    """The width of a text in columns of a terminal (Unicode Standard Annex 11)."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _mixed(text: str, first: str, rest: str, width: int) -> Iterator[str]:
    words = text.lstrip()
    line = first + text[: len(text) - len(words)]
    used, has_words = columns(line), False
    for piece in _PIECES.findall(words):
        wide = columns(piece)
        if used + wide > width and has_words and piece not in _NEVER_FIRST:
            yield line.rstrip()
            line, used, has_words = rest, columns(rest), False
        if has_words or not piece.isspace():
            line, used, has_words = line + piece, used + wide, True
    yield line.rstrip()

"""The syntax of a Corefile: server blocks, directives, nested blocks. What the directives mean is decided elsewhere.

    key [key...] {
        directive [argument...] [{
            option [argument...]
        }]
    }

Comments run from ``#`` to the end of the line; arguments may be quoted. Refuses snippets, imports and environment
variables, which the Corefile that kubeadm writes does not use.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r'"(?P<quoted>[^"\n]*)"|(?P<plain>[^\s"]+)')


class CorefileError(ValueError):
    """A Corefile that cannot be used; the message begins with the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


class Directive(NamedTuple):
    """One line, and the block that it opens."""

    name: str
    arguments: tuple[str, ...]
    options: tuple["Directive", ...]
    line: int


class ServerBlock(NamedTuple):
    """The directives for some zones."""

    keys: tuple[str, ...]
    directives: tuple[Directive, ...]
    line: int


class _Line(NamedTuple):
    words: tuple[str, ...]
    number: int


def parse_corefile(text: str) -> list[ServerBlock]:
    """The server blocks of a Corefile.

    Raises:
        CorefileError: it does not follow the grammar above.
    """
    lines = _lines(text)
    blocks = []
    for line in lines:
        if line.words[-1] != "{" or len(line.words) < 2:
            raise CorefileError(line.number, f"expected 'ZONE... {{', found {' '.join(line.words)!r}")
        if line.words[0].startswith("("):
            raise CorefileError(line.number, "snippets are not supported")
        directives = tuple(_directives(lines, line.number))
        blocks.append(ServerBlock(line.words[:-1], directives, line.number))
    return blocks


def _directives(lines: Iterator[_Line], opened: int) -> Iterator[Directive]:
    for words, number in lines:
        if words == ("}",):
            return
        if words[-1] == "{":
            yield Directive(words[0], words[1:-1], tuple(_directives(lines, number)), number)
        else:
            yield Directive(words[0], words[1:], (), number)
    raise CorefileError(opened, "the block that begins here has no end")


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        code = re.sub(r"(^|\s)#.*", "", raw)
        words = tuple(m["plain"] or m["quoted"] or "" for m in _TOKEN.finditer(code))
        if words:
            yield _Line(words, number)

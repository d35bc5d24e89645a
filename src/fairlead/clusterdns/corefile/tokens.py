"""The words of a Corefile: separated by white space, quoted where they contain some, with comments left out.

A ``#`` at the beginning of a word starts a comment. Within double quotes ``\\"`` stands for a quote, and a new line is
an ordinary character. ``{$NAME}`` and ``{%NAME%}`` stand for the value of an environment variable, or for nothing; the
two words that upstream's node-local cache fills in stand for the address of the cluster's DNS (the Service
``kube-dns-upstream``, from a Pod's environment) and for the servers of the node.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.clusterdns.corefile.faults import CorefileFaults, FilePlace

_TOKEN = re.compile(r'"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<comment>#[^\n]*)|(?P<plain>[^\s]+)|(?P<space>\s+)', re.DOTALL)
_VARIABLE = re.compile(r"\{\$([^{}\s]+)\}|\{%([^{}\s]+)%\}")

_PILLARS = {
    "__PILLAR__CLUSTER__DNS__": ("KUBE_DNS_UPSTREAM_SERVICE_HOST", "__PILLAR__CLUSTER__DNS__"),
    "__PILLAR__UPSTREAM__SERVERS__": ("", "/etc/resolv.conf"),
}


class Token(NamedTuple):
    """One word, where it begins, and the line on which it ends. A quoted brace is no brace."""

    text: str
    place: FilePlace
    end: int
    quoted: bool = False

    @property
    def opens(self) -> bool:
        return self.text == "{" and not self.quoted

    @property
    def closes(self) -> bool:
        return self.text == "}" and not self.quoted


def tokens_of(text: str, file: str, environment: Mapping[str, str], faults: CorefileFaults) -> Iterator[Token]:
    """The words of a text."""
    position, line = 0, 1
    text = text.removeprefix("\ufeff")
    while position < len(text):
        found = _TOKEN.match(text, position)
        assert found is not None, "each character begins a word, a comment or space"
        place = FilePlace(file, line)
        line += found[0].count("\n")
        position = found.end()
        if found["plain"] is not None and found["plain"].startswith('"'):
            faults.add(place, "a quoted word has no end")
            return
        if found["quoted"] is not None:
            yield Token(_substitute(found["quoted"].replace('\\"', '"'), environment), place, line, quoted=True)
        elif found["plain"] is not None:
            yield Token(_substitute(found["plain"], environment), place, line)


def lines_of(tokens: Iterator[Token]) -> Iterator[list[Token]]:
    """The words, line by line; a line without words is left out."""
    line: list[Token] = []
    for token in tokens:
        if line and token.place.line != line[-1].end:
            yield line
            line = []
        line.append(token)
    if line:
        yield line


def _substitute(word: str, environment: Mapping[str, str]) -> str:
    if word in _PILLARS:
        variable, otherwise = _PILLARS[word]
        return environment.get(variable, otherwise)
    return _VARIABLE.sub(lambda found: environment.get(found[1] or found[2], ""), word)

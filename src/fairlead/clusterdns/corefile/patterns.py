"""Regular expressions of operators, in the syntax of Go's: RE2.

A match costs time linear in the name, whatever the expression; one that would need too much memory is refused. What
RE2 does not have, such as back-references and look-ahead, Go does not have either.
"""

from collections.abc import Mapping
from typing import NamedTuple

import re2

from fairlead.clusterdns.corefile.faults import Wrong

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class PatternMatch(NamedTuple):
    """A match: all of it, then what each group matched; nothing for a group that took no part."""

    groups: tuple[str, ...]
    named: Mapping[str, str]


class Pattern:
    """An expression.

    Raises:
        Wrong: it cannot be read.
    """

    def __init__(self, text: str) -> None:
        try:
            # As octets: to search a str takes the library four times as long.
            self._compiled = re2.compile(text.encode(), _OPTIONS)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace")
            raise Wrong(f"{text!r} is not a regular expression: {reason}") from error
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return int(self._compiled.groups)

    def matches(self, text: str) -> bool:
        """Whether it is found anywhere in a text."""
        return self._compiled.search(text.encode()) is not None

    def search(self, text: str) -> PatternMatch | None:
        """The first match in a text."""
        found = self._compiled.search(text.encode())
        if found is None:
            return None
        groups = (found[0], *found.groups(default=b""))
        texts = tuple(group.decode(errors="replace") for group in groups)
        return PatternMatch(texts, {name.decode(): texts[index] for name, index in self._compiled.groupindex.items()})

"""How ``rewrite`` changes a name: as text with its final dot, whole, in part, or by a regular expression."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.patterns import Pattern, PatternMatch
from fairlead.clusterdns.names import Name, to_name, to_text

Change = Callable[[str], str | None]  # the new name; None when it does not match

MATCHES = ("exact", "prefix", "suffix", "substring", "regex")
_GROUP = re.compile(r"\{(\d+)\}")


def normal(text: str) -> str:
    """A name in lower case with its final dot."""
    return to_text(to_name(text))


@dataclass(frozen=True)
class Exact:
    """The whole name."""

    old: str
    new: str

    def __call__(self, name: str, /) -> str | None:
        return self.new if name == self.old else None


@dataclass(frozen=True)
class NamePrefix:
    """The beginning of the name."""

    old: str
    new: str

    def __call__(self, name: str, /) -> str | None:
        return self.new + name[len(self.old) :] if name.startswith(self.old) else None


@dataclass(frozen=True)
class Suffix:
    """The end of the name."""

    old: str
    new: str

    def __call__(self, name: str, /) -> str | None:
        return name[: len(name) - len(self.old)] + self.new if name.endswith(self.old) else None


@dataclass(frozen=True)
class Substring:
    """Any part of the name, wherever it stands."""

    old: str
    new: str

    def __call__(self, name: str, /) -> str | None:
        return name.replace(self.old, self.new) if self.old in name else None


@dataclass(frozen=True)
class Regex:
    """A name in which the expression is found becomes the new one, ``{N}`` in it being a group of the match."""

    old: Pattern
    new: str

    def __call__(self, name: str, /) -> str | None:
        found = self.old.search(name)
        return None if found is None else _GROUP.sub(lambda group: _nth(found, int(group[1])), self.new)


def change_of(match: str, old: str, new: str) -> Change:
    """The change of a kind of match.

    Raises:
        Wrong: it is not one of ``MATCHES``, or the expression cannot be read.
    """
    match match:
        case "exact":
            return Exact(normal(old), normal(new))
        case "prefix":
            return NamePrefix(old.lower(), new.lower())
        case "suffix":
            return Suffix(_dotted(old), _dotted(new))
        case "substring":
            return Substring(old.lower(), new.lower())
        case "regex":
            return _regex(Pattern(old), _dotted(new, lower=False))
    raise Wrong(f"rewrite: {match!r} is not one of {', '.join(MATCHES)}")


def _regex(old: Pattern, new: str) -> Regex:
    asked_for = max((int(group) for group in _GROUP.findall(new)), default=0)
    if asked_for > old.groups:
        raise Wrong(f"rewrite: {new!r} uses group {{{asked_for}}}, but {old.text!r} has {old.groups}")
    return Regex(old, new)


def changed(name: Name, change: Change) -> Name | None:
    """A name after a change; the labels keep their case where nothing matches."""
    new = change(to_text(name).lower())
    return None if new is None else to_name(new)


def _dotted(text: str, lower: bool = True) -> str:
    text = text if text.endswith(".") else f"{text}."
    return text.lower() if lower else text


def _nth(found: PatternMatch, number: int) -> str:
    return found.groups[number] if number < len(found.groups) else ""

"""Sentences that keep their template and values, so that they can be translated.

A ``Phrase`` is an English ``str`` wherever one is wanted: it can be compared, printed and searched. It also knows its
template and the values in it, and a catalogue of another language is keyed by that template (``explain.languages``).
A sentence without values needs no ``Phrase``: it is its own template.
"""

import string
from collections.abc import Callable, Mapping
from typing import Any, Self

PLURAL = "plural"  # as in "{count} record{count:plural}": the ending that English has for any number but one

Value = str | int | float | tuple[str, ...]


class Phrase(str):
    """An English sentence, made of a template and values.

    Attributes:
        template: as for ``str.format``, each placeholder with a name. ``{number:plural}`` is "s" unless it is one; what
            stands after the colon of a list, as in ``{names: and }``, separates its items (by default a comma).
        values: what stands for each name: numbers, texts, or lists of texts; a text may be a phrase itself.
    """

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: object) -> Self:
        kept = {name: _as_value(value) for name, value in values.items()}
        made = super().__new__(cls, filled(template, kept))
        made.template, made.values = template, kept
        return made

    def mapped(self, change: Callable[[str], str]) -> "Phrase":
        """The sentence with a function applied to each text in it, also inside nested phrases."""
        return Phrase(self.template, **{name: _mapped(value, change) for name, value in self.values.items()})


def template_of(text: str) -> str:
    """The template of a text; a plain text is its own template."""
    return text.template if isinstance(text, Phrase) else text


def filled(template: str, values: Mapping[str, object]) -> str:
    """A template with its values.

    Raises:
        KeyError: the template names a missing value.
    """
    return _FILLING.vformat(template, (), values)


class _Filling(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == PLURAL:
            return "" if value == 1 else "s"
        return (format_spec or ", ").join(value) if isinstance(value, tuple) else format(value, format_spec)


_FILLING = _Filling()


def _as_value(value: object) -> Value:
    if type(value) in (list, tuple):
        return tuple(map(_text, value))  # type: ignore[call-overload]  # a list or tuple of anything
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, Phrase) else str(value)


def _mapped(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, tuple):
        return tuple(_changed(each, change) for each in value)
    return _changed(value, change) if isinstance(value, str) else value


def _changed(text: str, change: Callable[[str], str]) -> str:
    return text.mapped(change) if isinstance(text, Phrase) else change(text)

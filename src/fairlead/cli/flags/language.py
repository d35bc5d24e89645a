"""The language of explanations: that of ``--lang``, or else of the locale."""

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])
LANGUAGES = ("en", "zh")
# The first that is set counts (POSIX, Base Definitions, 8.2).
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_of(environ: Mapping[str, str]) -> str:
    """The language of a locale such as ``zh_CN.UTF-8``; English for an unsupported language."""
    locale = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    language = locale.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return language if language in LANGUAGES else "en"


def language_flag(command: F) -> F:
    """The option ``--lang``."""
    return click.option(
        "--lang",
        "language",
        type=click.Choice(LANGUAGES),
        default=lambda: language_of(os.environ),
        show_default="by the locale",
        help="Language of the output; JSON is always English.",
    )(command)

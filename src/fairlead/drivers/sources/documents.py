"""From a text to documents: JSON, several JSON documents after each other, YAML, and logs among them.

``kubectl cluster-info dump`` without a folder prints lists as JSON with logs between them, each in a pair of lines that
name the container.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import yaml

from fairlead.model.yaml_loader import json_loader

UNREADABLE = (yaml.YAMLError, msgspec.DecodeError, ValueError, RecursionError)
DEEPEST = 200
_MANY = 10_000  # the loader bears more
_DASHES = re.compile(r"(?:[-?] ){1000}")
_LOG = re.compile(
    r"^==== START logs for container (?P<container>\S+) of pod (?P<namespace>\S+?)/(?P<pod>\S+) ====\n"
    r"(?P<text>.*?)^==== END logs for container \S+ of pod \S+ ====$\n?",
    re.MULTILINE | re.DOTALL,
)


class LogDocument(NamedTuple):
    """The log of a container among documents."""

    namespace: str
    pod: str
    container: str
    text: str


def split_logs(text: str) -> tuple[str, list[LogDocument]]:
    """The text without the logs in it, and the logs."""
    if "==== START logs for container" not in text:
        return text, []
    found = [LogDocument(m["namespace"], m["pod"], m["container"], m["text"]) for m in _LOG.finditer(text)]
    return _LOG.sub("", text), found


def parse(text: str) -> list[Any]:
    """The documents of a text.

    Raises:
        UNREADABLE: it is neither JSON nor YAML.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [msgspec.json.decode(text)]
        except msgspec.DecodeError:
            pass  # several documents, or YAML in braces
        try:
            return list(_one_after_the_other(text))
        except json.JSONDecodeError:
            pass
    _check_depth(text)
    loader = json_loader()
    return [document for document in yaml.load_all(text, Loader=loader) if document is not None]


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep for the loader, which recurses in C: that would end the whole process.

    Only brackets, and dashes in one line, can nest so deep in little space; all else is not looked at.
    """
    if text.count("[") + text.count("{") < _MANY and not _DASHES.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=json_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")


def _one_after_the_other(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), _skip(text, 0)
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document
        position = _skip(text, position)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position

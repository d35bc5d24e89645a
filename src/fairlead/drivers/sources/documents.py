"""From a text to documents: JSON, several JSON documents after each other, YAML, and logs among them.

``kubectl cluster-info dump`` without a folder prints lists as JSON with logs between them, each in a pair of lines that
name the container.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from fairlead.model.yaml_loader import yaml_documents

UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
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
    return [document for document in yaml_documents(text) if document is not None]


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

"""Reads manifests: files of JSON or YAML documents, several in a file, ``-`` for standard input."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class ManifestError(ValueError):
    """A file cannot be read as manifests; the message names it."""


def read_manifests(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a file in order, each with a source that says where it stands; the items of lists one by one.

    Raises:
        ManifestError: there is no such file, or it holds something other than objects.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    documents = [document for document in _parse(path, text) if document is not None]
    for number, document in enumerate(documents, 1):
        source = path if len(documents) == 1 else f"{path}, document {number}"
        if not isinstance(document, dict):
            raise ManifestError(f"{source}: an object is wanted, not {type(document).__name__}")
        items = document.get("items") if str(document.get("kind", "")).endswith("List") else [document]
        yield from ((source, item) for item in items or ())


def _parse(path: str, text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]
        except json.JSONDecodeError:
            pass  # several documents, or YAML in braces
    import yaml

    try:
        return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: {error}") from error

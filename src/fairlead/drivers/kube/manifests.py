"""Reads manifests: files of JSON or YAML documents, several in a file; folders of them; ``-`` for standard input."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fairlead.model.yaml_loader import NotYaml, yaml_documents

SUFFIXES = (".json", ".yaml", ".yml")


class ManifestError(ValueError):
    """A file cannot be read as manifests; the message names it."""


def read_manifests(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a file in order, each with a source that says where it stands; the items of lists one by one.

    Of a folder, those of its files that end as manifests do, in the order of their names, as kubectl reads it.

    Raises:
        ManifestError: there is no such file, or it holds something other than objects.
    """
    if path != "-" and Path(path).is_dir():
        for file in sorted(file for file in Path(path).iterdir() if file.suffix in SUFFIXES):
            yield from read_manifests(str(file))
        return
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: {error}") from error
    yield from read_text(path, text)


def read_text(where: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a text, as ``read_manifests`` has them of a file that is called ``where``.

    Raises:
        ManifestError: it holds something other than objects.
    """
    documents = [document for document in _parse(where, text) if document is not None]
    for number, document in enumerate(documents, 1):
        source = where if len(documents) == 1 else f"{where}, document {number}"
        if not isinstance(document, dict):
            raise ManifestError(f"{source}: an object is wanted, not {type(document).__name__}")
        for item in _items(source, document):
            _check_sendable(source, item)
            yield source, item


def _check_sendable(source: str, item: dict[str, Any]) -> None:
    """YAML can say what JSON cannot: half of a surrogate pair, a key that is null, an anchor within itself."""
    try:
        msgspec.json.encode(item)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ManifestError(f"{source}: {name_of(item)} cannot be sent as JSON: {error}") from error


def name_of(document: dict[str, Any]) -> str:
    """``Kind/name`` of an object of any shape, as messages name it."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind', '?')}/{name or '?'}"


def _items(source: str, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object itself, or the items of a list; those of a ``ServiceList`` need not say their kind."""
    kind = str(document.get("kind", ""))
    if not kind.endswith("List"):
        yield document
        return
    items = document.get("items") or ()
    if not isinstance(items, list | tuple) or not all(isinstance(item, dict) for item in items):
        raise ManifestError(f"{source}: the items of a list are objects")
    implied = {"kind": kind.removesuffix("List"), "apiVersion": document.get("apiVersion")} if kind != "List" else {}
    yield from ({**implied, **item} for item in items)


def _parse(path: str, text: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]
        except (json.JSONDecodeError, RecursionError):
            pass  # several documents, YAML in braces, or what is refused as YAML too
    try:
        return yaml_documents(text)
    except NotYaml as error:
        raise ManifestError(f"{path}: {error}") from error

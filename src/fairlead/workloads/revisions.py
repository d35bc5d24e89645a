"""Names for Pod templates: equal templates have equal hashes, so that a template is found again.

The letters are upstream's (apimachinery ``pkg/util/rand``: no vowels, no digits that look like letters). The hash
itself differs from upstream's, which depends on how Go prints its structures; nothing may rely on its value.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.model.document import Doc

HASH_LABEL = "pod-template-hash"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH = 10


def template_hash(template: Mapping[str, Any]) -> str:
    """Ten letters that stand for the template; the hash label itself does not count."""
    canonical = msgspec.json.encode(essence(template), order="deterministic")
    number = int.from_bytes(hashlib.sha256(canonical).digest()[:8])
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)


def essence(template: Mapping[str, Any]) -> Any:
    """The significant part of a template: without the hash label, and without empty or null fields.

    Programs written in Go send empty structures for unset fields; these must not make a new revision.
    """
    return _without_empty(without_hash(template))


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = ((key, _without_empty(item)) for key, item in value.items())
        return {key: item for key, item in kept if item is not None and item not in ({}, [])}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def without_hash(template: Mapping[str, Any]) -> Doc:
    """The template as its author wrote it."""
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": metadata}


def with_hash(template: Mapping[str, Any], hash_: str) -> Doc:
    """The template with the label that distinguishes its Pods."""
    plain = without_hash(template)
    plain["metadata"]["labels"][HASH_LABEL] = hash_
    return plain

"""Warnings as HTTP headers, which kubectl prints for its users (RFC 7234, section 5.5)."""

from collections.abc import Iterable


def warning_headers(texts: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """One header for each text."""
    return [(b"warning", _warning(text)) for text in texts]


def _warning(text: str) -> bytes:
    """A ``Warning`` header of RFC 7234: 299, no agent, the text quoted and without control characters."""
    clean = "".join(character for character in text if character.isprintable())[:1024]
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'.encode("latin-1", "replace")

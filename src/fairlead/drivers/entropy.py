"""Choices that nobody can predict."""

import secrets
import uuid


def choose(below: int) -> int:
    """A number below the argument, evenly at random."""
    return secrets.randbelow(below)


def new_uid() -> str:
    """A fresh version 4 UUID, as text."""
    return str(uuid.uuid4())

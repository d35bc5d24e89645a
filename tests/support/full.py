"""How much of a costly table runs: a part of it by default, all of it with ``FAIRLEAD_FULL=1`` in the environment."""

import os

IS_FULL = bool(os.environ.get("FAIRLEAD_FULL"))


def some_of(some: int, full: int) -> int:
    """How many cases to draw."""
    return full if IS_FULL else some

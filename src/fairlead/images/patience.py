"""How often a registry is asked again, and when: pure, so that faults are tables in tests."""

import re
from typing import NamedTuple

ATTEMPTS = 6  # without progress, all in all
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds
LONGEST_WISH = 120.0  # seconds; what a registry may have us wait (Retry-After)
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later, by its HTTP status."""
    return status in _AGAIN


def delay(attempt: int, retry_after: str = "") -> float:
    """Seconds before attempt number ``attempt`` (from 1) is followed by another one.

    Args:
        retry_after: what the registry wishes, in seconds; a date, or nonsense, is as good as nothing.
    """
    own = min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY)
    wish = float(retry_after) if re.fullmatch(r"\d{1,6}", retry_after.strip()) else 0.0
    return float(max(own, min(wish, LONGEST_WISH)))


class ContentRange(NamedTuple):
    """The octets that a partial answer begins with and the whole has; -1 for a whole that is not known."""

    first: int
    whole: int


def content_range(text: str) -> ContentRange | None:
    """Parse ``Content-Range``; None if it is malformed."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", text.strip())
    return ContentRange(int(found[1]), -1 if found[2] == "*" else int(found[2])) if found else None

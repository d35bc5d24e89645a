"""This moment, as the API writes it."""

import time
from datetime import UTC, datetime


def now_text() -> str:
    """RFC 3339, UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def now_micro_text() -> str:
    """The current time with microseconds, as in Leases."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""Lines in a log that clients cause, of which there must not be more than one a second."""

import logging
import time

LOG_SECONDS = 1.0


class RareLog:
    """Writes one line a second at the most, and says how many were left out."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._next = 0.0
        self._left_out = 0

    def warning(self, text: str) -> None:
        """Write the line, or count it."""
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return
        more = f" ({self._left_out} more such lines)" if self._left_out else ""
        self._log.warning("%s%s", text, more)
        self._next, self._left_out = now + LOG_SECONDS, 0

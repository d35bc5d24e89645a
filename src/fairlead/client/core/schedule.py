"""When DNS is asked again.

An answer is kept for its TTL, within bounds: a TTL of 0 forbids caches (RFC 1035 section 3.2.1) but cannot mean a query
for every request of a busy client. Without an answer the pause doubles; an empty set is asked for more often than a
silent server, since callers can wait for it to fill.
"""

SHORTEST = 1.0  # minimum seconds between two look-ups
LONGEST = 300.0  # seconds that an answer is believed at most, as many resolvers have it
LONGEST_EMPTY = 5.0
LONGEST_FAILED = 30.0  # the failure recheck timer of RFC 8767 section 5


def pause_after_answer(ttl: float) -> float:
    """Seconds from an answer with endpoints to the next look-up."""
    return min(max(ttl, SHORTEST), LONGEST)


def pause_after_miss(misses: int, is_empty: bool) -> float:
    """Seconds to the next look-up after the last ``misses`` (at least 1) found nothing, or failed."""
    return min(SHORTEST * 2.0 ** min(misses - 1, 30), LONGEST_EMPTY if is_empty else LONGEST_FAILED)

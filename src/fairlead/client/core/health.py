"""When an endpoint is left out because it fails, and for how long.

Outlier ejection as in Envoy: after some failures in a row an endpoint is ejected for a while that doubles each time.
When it returns, its next failure ejects it again; once it has stayed well for as long as it was away, all is forgotten.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Ejection:
    """The rule.

    Attributes:
        after: failures in a row.
        first: seconds that the first ejection lasts.
        longest: seconds that no ejection exceeds.
        at_most: the share of all endpoints that may be ejected at once. One may always be, and never all.
    """

    after: int = 3
    first: float = 10.0
    longest: float = 300.0
    at_most: float = 0.5

    def allows(self, ejected: int, of: int) -> bool:
        """Whether one more may be ejected, of a set of so many."""
        return ejected < min(max(1, int(self.at_most * of)), of - 1)

    def seconds(self, ejections: int) -> float:
        """How long the ejection after so many earlier ones lasts."""
        return min(self.first * 2.0 ** min(ejections, 60), self.longest)


class EndpointHealth(NamedTuple):
    """How an endpoint has been doing.

    Attributes:
        failures: in a row.
        ejections: in a row.
        until: when the latest ejection ends, or ended.
        forgiven: when ejections are no longer counted.
    """

    failures: int = 0
    ejections: int = 0
    until: float = 0.0
    forgiven: float = 0.0

    def is_ejected(self, now: float) -> bool:
        return now < self.until

    def after_success(self) -> "EndpointHealth":
        return self._replace(failures=0)

    def after_failure(self, now: float, rule: Ejection, may_eject: bool) -> "EndpointHealth":
        """Requests under way when the endpoint was ejected fail late, and do not make it worse."""
        if self.is_ejected(now):
            return self
        failed = self._replace(failures=self.failures + 1)
        return failed._ejected(now, rule) if may_eject and failed.failures >= rule.after else failed

    def _ejected(self, now: float, rule: Ejection) -> "EndpointHealth":
        before = self.ejections if now < self.forgiven else 0
        until = now + rule.seconds(before)
        return EndpointHealth(self.failures, before + 1, until, until + (until - now))

"""How single probe results become a verdict: thresholds of consecutive results, as upstream's prober worker counts."""

import enum
from dataclasses import dataclass, replace

from fairlead.nodeagent.manifest import Probe


class ProbeVerdict(enum.Enum):
    """What a series of results means so far."""

    UNKNOWN = enum.auto()
    SUCCESS = enum.auto()
    FAILURE = enum.auto()


@dataclass(frozen=True)
class Series:
    """Consecutive equal results of one probe."""

    last: bool | None = None
    length: int = 0
    verdict: ProbeVerdict = ProbeVerdict.UNKNOWN

    def after(self, success: bool, probe: Probe) -> "Series":
        """The series with one more result; the verdict changes only when its threshold is reached."""
        length = self.length + 1 if success == self.last else 1
        reached = length >= (probe.success_threshold if success else probe.failure_threshold)
        verdict = (ProbeVerdict.SUCCESS if success else ProbeVerdict.FAILURE) if reached else self.verdict
        return replace(self, last=success, length=length, verdict=verdict)

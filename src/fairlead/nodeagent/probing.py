"""Turns probe results into a verdict: thresholds of consecutive results, as in upstream's prober worker."""

import enum
from dataclasses import dataclass, replace

from fairlead.nodeagent.manifest import Probe


class ProbeVerdict(enum.Enum):
    """The verdict on a series of results."""

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

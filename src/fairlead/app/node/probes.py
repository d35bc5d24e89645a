"""Follows the probes of one run of a container."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fairlead.drivers.pods.probes import ProbeTarget, perform
from fairlead.nodeagent.manifest import Probe
from fairlead.nodeagent.probing import ProbeVerdict, Series

FIRST_PROBE_INTERVAL = 0.02  # seconds; see ``_readiness``


@dataclass(frozen=True)
class Prober:
    """Runs the probes of a container until cancelled.

    Attributes:
        started: called once, when the startup probe has succeeded or when there is none; without a readiness probe the
            container is then ready.
        ready: called with each new verdict of the readiness probe.
        failed: called for each failure with the probe and the reason; not during the faster probes after a start.
        unhealthy: ends the container because of the named probe, within the probe's grace seconds if it sets them.
    """

    target: ProbeTarget
    started: Callable[[], None]
    ready: Callable[[bool], None]
    failed: Callable[[str, str], None]
    unhealthy: Callable[[str, int | None], Awaitable[None]]

    async def run(self, *, is_started: bool = False, is_ready: bool = False) -> None:
        """The startup probe first, then the others together.

        Args:
            is_started, is_ready: what an earlier agent of the node has found.
        """
        container = self.target.container
        if container.startup_probe and not is_started:
            await self._startup(container.startup_probe)
        if not is_started:
            self.started()
        async with asyncio.TaskGroup() as group:
            if container.readiness_probe:
                group.create_task(self._readiness(container.readiness_probe, is_ready))
            if container.liveness_probe:
                group.create_task(self._liveness(container.liveness_probe))

    async def _startup(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        series = Series()
        while series.verdict is not ProbeVerdict.SUCCESS:
            series = await self._next(series, probe, "Startup")
            if series.verdict is ProbeVerdict.FAILURE:
                await self.unhealthy("startup probe", probe.termination_grace_period_seconds)
            if series.verdict is ProbeVerdict.UNKNOWN:
                await asyncio.sleep(probe.period_seconds)

    async def _readiness(self, probe: Probe, before: bool) -> None:
        """Until its first success the probe is asked more often than its period says, beginning with
        FIRST_PROBE_INTERVAL: a Pod that is ready in a moment should not wait ten seconds to be seen."""
        await asyncio.sleep(probe.initial_delay_seconds)
        series, interval = (
            Series(verdict=ProbeVerdict.SUCCESS if before else ProbeVerdict.UNKNOWN),
            FIRST_PROBE_INTERVAL,
        )
        while True:
            name = "Readiness" if before or interval >= probe.period_seconds else None
            series = await self._next(series, probe, name)
            ready = series.verdict is ProbeVerdict.SUCCESS
            if ready != before:
                self.ready(ready)
            interval = probe.period_seconds if ready or before else min(interval * 2, probe.period_seconds)
            before = ready
            await asyncio.sleep(interval)

    async def _liveness(self, probe: Probe) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        series = Series()
        while True:
            series = await self._next(series, probe, "Liveness")
            if series.verdict is ProbeVerdict.FAILURE:
                await self.unhealthy("liveness probe", probe.termination_grace_period_seconds)
            await asyncio.sleep(probe.period_seconds)

    async def _next(self, series: Series, probe: Probe, name: str | None) -> Series:
        result = await perform(probe, self.target, probe.timeout_seconds)
        if name and not result.success:
            self.failed(name, result.message)
        return series.after(result.success, probe)

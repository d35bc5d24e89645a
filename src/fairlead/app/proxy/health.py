"""The pages /healthz and /livez of a node proxy, and the clock behind them."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from fairlead.dataplane.health import RulesPulse, health_document, is_node_eligible
from fairlead.drivers.proxy.metrics import ProxyMetrics
from fairlead.drivers.tiny_http import Page, Pages
from fairlead.model.objects import Node


class HealthPages:
    """How up to date each family's rules are, as pages."""

    def __init__(self, families: Sequence[str], node: Callable[[], Node | None], metrics: ProxyMetrics) -> None:
        self._pulses = {family: RulesPulse(time.time()) for family in families}
        self._node, self._metrics = node, metrics

    def queued(self) -> None:
        """A change has come that is not in the kernel yet."""
        now = time.time()
        self._metrics.queued(now)
        for family, pulse in self._pulses.items():
            if pulse.queued is None:
                self._pulses[family] = RulesPulse(pulse.updated, now)

    def updated(self, family: str) -> None:
        """The kernel has all rules."""
        self._pulses[family] = RulesPulse(time.time())

    def is_healthy(self) -> bool:
        now = time.time()
        return all(pulse.is_healthy(now) for pulse in self._pulses.values())

    def pages(self) -> Pages:
        return {"/healthz": self._healthz, "/livez": self._livez}

    def _healthz(self) -> Page:
        eligible = is_node_eligible(self._node())
        page = self._page(self.is_healthy() and eligible, eligible)
        self._metrics.healthz.labels(str(page.status.value)).inc()
        return page

    def _livez(self) -> Page:
        page = self._page(self.is_healthy(), None)
        self._metrics.livez.labels(str(page.status.value)).inc()
        return page

    def _page(self, is_good: bool, eligible: bool | None) -> Page:
        document = health_document(self._pulses, time.time(), _spelled, is_eligible=eligible)
        status = HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(json.dumps(document), status, "application/json", (("X-Content-Type-Options", "nosniff"),))


def _spelled(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")

"""Answers load balancers: one small HTTP server for each Service that has a ``healthCheckNodePort``."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from fairlead.dataplane.health import LocalHealth
from fairlead.drivers.tiny_http import Page, serve_pages
from fairlead.model.names import ObjectKey


class HealthCheckServers:
    """The servers of one node.

    Args:
        is_proxy_healthy: asked at every request.
        failed: told of a port that cannot be listened on.
    """

    def __init__(self, is_proxy_healthy: Callable[[], bool], failed: Callable[[ObjectKey, int, OSError], None]) -> None:
        self._is_proxy_healthy, self._failed = is_proxy_healthy, failed
        self._known: dict[ObjectKey, LocalHealth] = {}
        self._servers: dict[ObjectKey, list[asyncio.Server]] = {}
        self._hosts: list[str] = []

    async def follow(self, changes: Mapping[ObjectKey, LocalHealth | None], hosts: Sequence[str]) -> None:
        """Serve what has changed: None closes. A port that is taken is tried again with the next change."""
        if list(hosts) != self._hosts:
            self.close()
            self._hosts, changes = list(hosts), {**self._known, **changes}
        for key, health in changes.items():
            old = self._known.pop(key, None)
            if old is not None and (health is None or health.port != old.port):
                self._close(key)
            if health is not None:
                self._known[key] = health
                if not self._servers.get(key):
                    self._servers[key] = [server for host in hosts for server in await self._open(health, host)]

    def close(self) -> None:
        for key in list(self._servers):
            self._close(key)

    async def _open(self, health: LocalHealth, host: str) -> list[asyncio.Server]:
        try:
            return [await serve_pages(host, health.port, {"*": partial(self._page, health.service)})]
        except OSError as error:
            self._failed(health.service, health.port, error)
            return []

    def _close(self, key: ObjectKey) -> None:
        for server in self._servers.pop(key, ()):
            server.close()

    def _page(self, key: ObjectKey) -> Page:
        health, is_healthy = self._known[key], self._is_proxy_healthy()
        body = json.dumps(health.document(is_proxy_healthy=is_healthy))
        status = HTTPStatus.OK if health.endpoints and is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
        headers = (
            ("X-Content-Type-Options", "nosniff"),
            ("X-Load-Balancing-Endpoint-Weight", str(health.endpoints)),
        )
        return Page(body, status, "application/json", headers)

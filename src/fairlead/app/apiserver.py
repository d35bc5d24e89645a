"""The API server process: the store, the rules of the kinds, HTTP, and the objects that every cluster begins with."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.drivers.api_application import ApiApplication
from fairlead.drivers.authentication import Bearers
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.durable_state import DurableState
from fairlead.drivers.entropy import FreshUids, choose
from fairlead.drivers.http_server import serve, server_tls
from fairlead.drivers.sqlite_store import SqliteStore
from fairlead.drivers.upstream_tunnel import UpstreamTunnel
from fairlead.registry.bootstrap import bootstrap
from fairlead.registry.environment import Environment, Kinds
from fairlead.registry.ip_addresses import repair
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.loading import load_state
from fairlead.registry.store import Step
from fairlead.registry.strategy import ClusterConfig

REPAIR_SECONDS = 180  # as upstream's repair loops


@dataclass(frozen=True)
class ApiServerOptions:
    """How an API server runs.

    Attributes:
        data_dir: where the store and the bearer tokens are kept.
        pki_dir: the certificates, as ``drivers.pki.ensure_pki`` makes them.
        advertise: address and port under which Pods reach the server: the endpoint of Service default/kubernetes.
        plain: serve without TLS, for benchmarks on loopback; bearer tokens are still asked for.
    """

    data_dir: Path
    pki_dir: Path
    advertise: tuple[str, int]
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    plain: bool = False


async def run(options: ApiServerOptions, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    """Serve on the listening sockets until cancelled.

    Raises:
        StoreError: the store cannot be opened.
    """
    kinds = Kinds(STRATEGIES)
    tls = None if options.plain else server_tls(options.pki_dir)
    store = SqliteStore(options.data_dir)
    state = DurableState(load_state(*store.load(), kinds), store)
    bearers = Bearers(options.data_dir, lambda: state.latest)
    env = Environment(now_text(), FreshUids(), choose, kinds, options.cluster, bearers.user, bearers.sign)
    repairing = asyncio.create_task(_repair(state, env))
    try:
        await state.commit(bootstrap(state.head, options.advertise, env))
        application = ApiApplication(state, env, UpstreamTunnel(options.pki_dir))
        await serve(application, sockets, tls, ready, application.streams.close)
    finally:
        repairing.cancel()
        await state.close()


async def _repair(state: DurableState, env: Environment) -> None:
    """Bring back, every now and then, what a user took from the objects that show who holds which address."""
    while True:
        await asyncio.sleep(REPAIR_SECONDS)
        await state.commit(repair(Step(state.head), env))

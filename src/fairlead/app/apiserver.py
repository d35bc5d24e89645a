"""The API server process: the store, the rules of the kinds, HTTP, and the objects that every cluster begins with."""

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.drivers.apiserver.application import ApiApplication
from fairlead.drivers.apiserver.extensions import look_after_extensions
from fairlead.drivers.apiserver.http_server import serve, server_tls
from fairlead.drivers.apiserver.outgoing_tls import OutgoingTls
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.entropy import FreshUids, choose
from fairlead.drivers.identity.authentication import Bearers
from fairlead.drivers.identity.pki import API_SERVER
from fairlead.drivers.identity.renewal import authority_notice, renew_beside
from fairlead.drivers.steering.faults import Steering
from fairlead.drivers.steering.part_socket import steered
from fairlead.registry.bootstrap.cluster import bootstrap, ensure_kubernetes_service
from fairlead.registry.bootstrap.extension_authentication import ensure_authentication
from fairlead.registry.bootstrap.loading import load_state
from fairlead.registry.environment import Environment, Kinds
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.verbs.ip_addresses import repair

log = logging.getLogger(__name__)

# As upstream's loops: the objects that show who holds which address, and the Service default/kubernetes.
REPAIR_SECONDS, SERVICE_SECONDS = 180, 10
RENEWAL_SECONDS = 12 * 3600


@dataclass(frozen=True)
class ApiServerOptions:
    """How an API server runs.

    Attributes:
        data_dir: where the store and the bearer tokens are kept.
        pki_dir: the certificates, as ``drivers.identity.pki.ensure_pki`` makes them.
        advertise: address and port under which Pods reach the server: the endpoint of Service default/kubernetes.
        steering: how tests steer it, in a lab.
        plain: serve without TLS, for benchmarks on loopback; bearer tokens are still asked for.
    """

    data_dir: Path
    pki_dir: Path
    advertise: tuple[str, int]
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    plain: bool = False
    steering: Steering | None = None


async def run(options: ApiServerOptions, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    """Serve on the listening sockets until cancelled.

    Raises:
        StoreError: the store cannot be opened. TokenKeyError: a key for tokens is of another kind.
    """
    kinds = Kinds(STRATEGIES)
    tls = None if options.plain else server_tls(options.pki_dir)
    store = SqliteStore(options.data_dir)
    state = DurableState(load_state(*store.load(), kinds), store)
    bearers = Bearers(options.data_dir, lambda: state.latest)
    env = Environment(now_text(), FreshUids(), choose, kinds, options.cluster, bearers.user, bearers.sign)
    keeping = [
        asyncio.create_task(_keep(state, env, seconds, step))
        for seconds, step in (
            (REPAIR_SECONDS, repair),
            (SERVICE_SECONDS, lambda step, env: ensure_kubernetes_service(step, options.advertise, env)),
        )
    ]
    keeping.append(asyncio.create_task(_renew(options.pki_dir)))
    try:
        await state.commit(bootstrap(state.head, options.advertise, env))
        authority = (options.pki_dir / "ca.crt").read_text() if not options.plain else ""
        await state.commit(ensure_authentication(Step(state.head), authority, API_SERVER, env))
        faults = options.steering.faults if options.steering else None
        application = ApiApplication(state, env, OutgoingTls(options.pki_dir), bearers.page, faults)
        keeping.append(asyncio.create_task(look_after_extensions(state, env, application.servers)))
        gc.freeze()  # what there is now stays: collections pass it over, and in a lab leave its pages shared
        async with steered(options.steering, application.remind):
            await serve(application, sockets, tls, ready, application.streams.close)
    finally:
        for task in keeping:
            task.cancel()
        await state.close()


async def _renew(pki: Path) -> None:
    """Twice a day, renew the certificates that expire soon, and log if the authority expires soon."""
    renewed = ""  # at first there is nothing to renew: the start has seen to that
    while True:
        for line in filter(None, (renewed, authority_notice(pki, time.time()))):
            log.warning("%s", line)
        await asyncio.sleep(RENEWAL_SECONDS)
        renewed = await renew_beside(pki)


async def _keep(
    state: DurableState, env: Environment, seconds: float, repair: Callable[[Step, Environment], Step]
) -> None:
    """Bring back, every now and then, what a user took away."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await state.commit(repair(Step(state.head), env._replace(now=now_text())))
        except (ApiError, StoreError) as error:  # such as a full disk: the next round may do better
            log.warning("%s", error)

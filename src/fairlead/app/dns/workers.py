"""The DNS server as one process or several that share a port; the kernel spreads clients over them (SO_REUSEPORT).

Each worker watches the cluster by itself, beginning with what was read once for all of them. Told to stop, all go on
answering for the lame-duck time; one that ends by itself ends all, so that a supervisor sees it.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial

from fairlead.app.dns.read_ahead import ReadAhead, read_ahead
from fairlead.app.dns.server import DnsOptions, ForwardingLoop, published_zone, run
from fairlead.app.dns.settings import ConfigurationSource
from fairlead.drivers.kube.client import Unreachable
from fairlead.drivers.proxy.node_interface import node_addresses

FAILURE = 3  # exit code

Tell = Callable[[str], None]


def serve_all(options: DnsOptions, source: ConfigurationSource | None, workers: int, tell: Tell) -> int:
    """Serve until told to stop by SIGTERM or SIGINT; the exit code. ``tell`` is called with messages for the user."""
    if workers == 1:
        return _serve(options, source, tell)
    known = read_ahead(options, published_zone(options))
    children = [_fork(options, source, index, tell, known) for index in range(workers)]

    def stop(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    codes = []
    while children:
        ended, status = os.wait()
        children.remove(ended)
        codes.append(abs(os.waitstatus_to_exitcode(status)))
        stop()
    return max(codes)


def _fork(
    options: DnsOptions, source: ConfigurationSource | None, index: int, tell: Tell, known: ReadAhead | None
) -> int:
    """Start one worker. Only the first serves health and readiness; metrics are each worker's own, a port apart."""
    child = os.fork()
    if child:
        return child
    code = FAILURE
    try:
        options = of_worker(options, index)
        if source is not None:
            source.adapt = partial(of_worker, index=index)
        code = _serve(options, source, tell, known)
    finally:
        os._exit(code)


def of_worker(options: DnsOptions, index: int) -> DnsOptions:
    """The options of one worker."""
    metrics = tuple(page._replace(port=page.port + index) for page in options.metrics)
    if index:
        return replace(options, metrics=metrics, health=(), ready=())
    return options


def _serve(options: DnsOptions, source: ConfigurationSource | None, tell: Tell, known: ReadAhead | None = None) -> int:
    try:
        asyncio.run(_until_signalled(options, source, tell, known))
    except (OSError, ForwardingLoop, Unreachable) as error:
        tell(f"Error: {error}")
        return FAILURE
    return 0


async def _until_signalled(
    options: DnsOptions, source: ConfigurationSource | None, tell: Tell, known: ReadAhead | None
) -> None:
    ports = ", ".join(map(str, options.ports))
    serving = run(options, lambda: tell(f"the cluster is known; serving port {ports}"), source, known=known)
    task = asyncio.ensure_future(_on_node(options, serving))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _on_node(options: DnsOptions, serving: Coroutine[None, None, None]) -> None:
    """Serve at addresses that this node has only as long as it does."""
    if options.node_interface is None:
        await serving
        return
    try:
        async with node_addresses(options.node_interface, options.bound, options.ports):
            await serving
    finally:
        serving.close()  # if it never began

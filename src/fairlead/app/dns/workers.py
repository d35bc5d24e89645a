"""The DNS server as one process or several that share a port; the kernel spreads clients over them (SO_REUSEPORT).

Each worker watches the cluster by itself. Told to stop, all go on answering for the lame-duck time; one that ends by
itself ends all, so that whoever supervises them sees it.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace

from fairlead.app.dns.server import DnsOptions, ForwardingLoop, run
from fairlead.drivers.kube.client import Unreachable

FAILURE = 3  # exit code

Tell = Callable[[str], None]


def serve_all(options: DnsOptions, workers: int, tell: Tell) -> int:
    """Serve until told to stop by SIGTERM or SIGINT; the exit code. ``tell`` is given what a person should know."""
    if workers == 1:
        return _serve(options, tell)
    children = [_fork(options, index, tell) for index in range(workers)]

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


def _fork(options: DnsOptions, index: int, tell: Tell) -> int:
    """Start one worker. Only the first serves health and readiness; metrics are each worker's own, a port apart."""
    child = os.fork()
    if child:
        return child
    code = FAILURE
    try:
        metrics = options.metrics_port and options.metrics_port + index
        health, ready = (None, None) if index else (options.health_port, options.ready_port)
        code = _serve(replace(options, metrics_port=metrics, health_port=health, ready_port=ready), tell)
    finally:
        os._exit(code)


def _serve(options: DnsOptions, tell: Tell) -> int:
    try:
        asyncio.run(_until_signalled(options, tell))
    except (OSError, ForwardingLoop, Unreachable) as error:
        tell(f"Error: {error}")
        return FAILURE
    return 0


async def _until_signalled(options: DnsOptions, tell: Tell) -> None:
    task = asyncio.ensure_future(run(options, lambda: tell(f"the cluster is known; serving port {options.port}")))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()

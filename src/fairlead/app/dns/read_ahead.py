"""Reads the cluster once for several workers, before they are forked: they share what was read, and its memory.

It waits for the API server no longer than ``PATIENCE``. Without what it would have read, workers read by themselves,
and say meanwhile that they do not know the cluster yet, as a single one does.
"""

import asyncio
import gc
import logging
import time
from typing import NamedTuple

from fairlead.app.dns.api_access import api_client
from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.watches import Copies, ZoneWatches
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.metrics import ProgrammingDelay, new_registry
from fairlead.drivers.kube.errors import Unreachable

PATIENCE = 20.0  # seconds, in which nothing is answered at all

log = logging.getLogger(__name__)


class ReadAhead(NamedTuple):
    """An authority that knows the cluster, and the copies of the objects that it was built from."""

    authority: Authority
    copies: Copies


def read_ahead(options: DnsOptions, zone: Zone) -> ReadAhead | None:
    """The initial state for workers with these options; None when it could not be read in time."""
    if not options.needs.cluster:
        return None
    try:
        found = asyncio.run(_read(options, zone))
    except (TimeoutError, Unreachable) as error:
        log.warning("the cluster is not read ahead of the workers: %s", error or f"not read within {PATIENCE:.0f} s")
        return None
    gc.collect()
    gc.freeze()  # so that no worker's collections write into pages that all share
    return found


async def _read(options: DnsOptions, zone: Zone) -> ReadAhead:
    authority = Authority(zone)
    async with asyncio.timeout(PATIENCE), api_client(options) as client:
        watches = ZoneWatches(client, authority, ProgrammingDelay(new_registry()), options.needs)
        following = asyncio.ensure_future(watches.run())
        try:
            await watches.read_all()
        finally:
            following.cancel()
            await asyncio.wait([following])
        authority.finish_sync(int(time.time()))
        return ReadAhead(authority, watches.known)

"""Server blocks and DNS servers for tests, made without files."""

import contextlib
from collections.abc import AsyncIterator

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import DnsRequest, Plugin, Run
from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.names import to_name
from fairlead.clusterdns.plugins.kubernetes import Kubernetes
from fairlead.clusterdns.plugins.loadbalance import LoadBalance
from fairlead.clusterdns.plugins.logs import ErrorRule, LogRule
from fairlead.clusterdns.plugins.scope import Grant
from fairlead.clusterdns.records import Answer, Question
from fairlead.clusterdns.responder import Responder
from fairlead.clusterdns.server_blocks import Block, ServerBlocks
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.listener import Services, Tell
from fairlead.drivers.dns.outside import OutsideForwarders
from fairlead.drivers.dns.server import DnsServer, ServedPlace
from fairlead.drivers.dns.tcp import TcpLimits
from fairlead.model.addresses import IPNetwork

HOST = "127.0.0.1"


def block_over(
    zone: Zone,
    *before: Plugin,
    behind: tuple[Plugin, ...] = (),
    transfer_to: tuple[IPNetwork, ...] = (),
    logs: tuple[LogRule, ...] = (),
    errors: ErrorRule | None = None,
) -> Block:
    """One block for all names: the cluster, with plugins before and behind it."""
    grants = (Grant(zone.origin, transfer_to),) if transfer_to else ()
    plugins = (LoadBalance(), *before, Kubernetes((zone,)), *behind)
    return Block(plugins=plugins, grants=grants, logs=logs, errors=errors)


def responder_over(authority: Authority, cap: int | None = UDP_CAP, *before: Plugin) -> Responder:
    return Responder(ServerBlocks((block_over(authority.zone, *before),), authority), cap)


@contextlib.asynccontextmanager
async def serving(
    authority: Authority,
    *blocks: Block,
    host: str = HOST,
    port: int = 0,
    tell: Tell | None = None,
    limits: TcpLimits | None = None,
) -> AsyncIterator[DnsServer]:
    """A server over a cluster; with no blocks, one that answers from the cluster alone."""
    served = blocks or (block_over(authority.zone),)
    outside = OutsideForwarders(served)
    server = DnsServer(authority, Services(outside, tell), limits=limits)
    await server.listen({ServedPlace(host, port): served})
    outside.start()
    try:
        yield server
    finally:
        server.close()
        outside.close()


def answered(name: str, qtype: int, authority: Authority, *blocks: Block, client: str = "") -> Answer:
    """The answer of these blocks, none of which may ask the world outside."""
    server = ServerBlocks(blocks, authority)
    run = Run(server.answer(DnsRequest(Question(to_name(name), qtype), server, client)))
    assert isinstance(run.step, Answer), f"{name} is asked of {run.step.upstream}"
    return run.step

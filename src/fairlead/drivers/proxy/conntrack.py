"""Looks at and forgets tracked flows, with conntrack(8), in this process's network namespace."""

import logging
import re
from collections.abc import Iterable

from fairlead.dataplane.conntrack import Flow, untranslated_among
from fairlead.drivers.linux.local_addresses import local_addresses
from fairlead.drivers.linux.programs import run_to_end
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset import Target

NOTHING_DELETED = "0 flow entries"

# udp 17 29 src=C dst=VIP sport=... dport=PORT [UNREPLIED] src=ENDPOINT dst=... sport=PORT dport=... mark=0 use=1
_LINE = re.compile(r"src=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+)")

log = logging.getLogger(__name__)


async def forget_flows(family: IPFamily, patterns: Iterable[Flow]) -> int:
    """Forget what matches; the number of flows forgotten. A failure is logged: flows also end by their time-out."""
    forgotten = 0
    for pattern in await _spelled_out(family, patterns):
        destination = ("--orig-dst", pattern.address) if pattern.address else ()
        target = pattern.endpoint
        code, output = await _conntrack(
            "-D", "-f", family.lower(), "-p", pattern.protocol, *destination, "--orig-port-dst", str(pattern.port),
            "--reply-src", target.address, "--reply-port-src", str(target.port),
        )  # fmt: skip
        if code and NOTHING_DELETED not in output:
            log.warning("conntrack could not forget flows to %s: %s", target.address, output.strip())
        forgotten += len(_LINE.findall(output))
    return forgotten


async def _spelled_out(family: IPFamily, patterns: Iterable[Flow]) -> list[Flow]:
    """Replace each pattern that conntrack(8) cannot express by its flows: untranslated ones, to any own address."""
    listed = list(patterns)
    ports = {pattern.port for pattern in listed if not pattern.endpoint.address}
    if not ports:
        return listed
    flows, local = await _flows(family, "udp"), await local_addresses()
    spelled = [pattern for pattern in listed if pattern.endpoint.address]
    return spelled + [flow for port in ports for flow in untranslated_among(flows, port, local)]


async def tracked_flows(family: IPFamily, protocols: Iterable[str]) -> list[Flow]:
    """All tracked flows of these protocols; none when they cannot be read."""
    return [flow for protocol in protocols for flow in await _flows(family, protocol)]


async def _flows(family: IPFamily, protocol: str) -> list[Flow]:
    _, output = await _conntrack("-L", "-f", family.lower(), "-p", protocol)
    found = (match.groups() for match in _LINE.finditer(output))
    return [Flow(to, int(port), Target(endpoint, int(number)), protocol) for to, port, endpoint, number in found]


async def _conntrack(*arguments: str) -> tuple[int, str]:
    try:
        ended = await run_to_end("conntrack", *arguments)
    except FileNotFoundError:
        return 1, "conntrack is not installed"
    return ended.code, ended.output + ended.errors

"""The addresses of a cache on a node: an interface that holds them, and rules that keep them untracked.

Runs in the network namespace of the calling process and needs CAP_NET_ADMIN there. The interface is a dummy, as
upstream's; where the kernel has none, a bridge without ports, which does the same.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from fairlead.drivers.linux.netns import LinkError, run_ip
from fairlead.drivers.proxy.nft_commands import RulesError, run_commands
from fairlead.netfilter.untracked import removal, untracked_rules

KINDS = ("dummy", "bridge")

log = logging.getLogger(__name__)


@asynccontextmanager
async def node_addresses(interface: str, addresses: Iterable[str], ports: Iterable[int]) -> AsyncIterator[None]:
    """Put the addresses on an interface of this name, with untracked queries to them, until the context ends.

    Raises:
        OSError: the interface or the rules cannot be made; nothing of them is left then.
    """
    found = list(addresses)
    try:
        _hold(interface, found)
        await run_commands(untracked_rules(found, ports))
        yield
    except (LinkError, RulesError) as error:
        raise OSError(f"the addresses of this node's cache could not be set up: {error}") from error
    finally:
        with suppress(RulesError):
            await run_commands(removal())
        with suppress(LinkError):
            run_ip([f"link delete {interface}"])


def _hold(interface: str, addresses: list[str]) -> None:
    with suppress(LinkError):
        run_ip([f"link delete {interface}"])  # what a process has left that was killed
    for kind in KINDS:
        try:
            run_ip([f"link add name {interface} type {kind}"])
            break
        except LinkError as error:
            if kind == KINDS[-1]:
                raise
            log.info("no interface of the type %s: %s", kind, error)
    whole = (f"{address}/{128 if ':' in address else 32}" for address in addresses)
    options = {True: " nodad", False: ""}
    run_ip([f"link set {interface} up", *(f"address add {a} dev {interface}{options[':' in a]}" for a in whole)])

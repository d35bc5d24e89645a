"""Looks at the firewall of this host; changes nothing."""

from collections.abc import Mapping

from fairlead.dataplane.host_firewall import DroppingChain, admits_translated, dropping_chains, leads_to
from fairlead.drivers.proxy import iptables
from fairlead.drivers.proxy.nft_commands import RulesError, run_program
from fairlead.netfilter.nft_listing import read_listing

MOST_CHAINS = 50  # that are read of one firewall; one that is still not understood by then counts as in the way


async def chains_in_the_way() -> tuple[DroppingChain, ...]:
    """The chains of others that would drop what the proxy has translated; none where they cannot be read."""
    try:
        chains = list(dropping_chains(await run_program("-j", "list", "chains")))
        return tuple([chain for chain in chains if not admits_translated(await _rules(chain), chain.name)])
    except RulesError:
        return ()


async def _rules(chain: DroppingChain) -> Mapping[str, tuple[str, ...]]:
    """The rules of the chain and of those that it leads to."""
    if chain.is_of_iptables:
        saved = await iptables.save(chain.ip_families[0])
        return {name: rules for (table, name), rules in saved.rules.items() if table == chain.table}
    found: dict[str, tuple[str, ...]] = {}
    waiting = [chain.name]
    while waiting and len(found) < MOST_CHAINS:
        name = waiting.pop()
        text = await run_program("-s", "list", "chain", chain.family, chain.table, name)
        found[name] = read_listing(text).chains.get(name, ())
        waiting += {new for rule in found[name] for new in leads_to(rule)} - found.keys() - set(waiting)
    return found

"""The chains of this host's firewall that would drop packets translated by the proxy, and the rule that prevents it.

A base chain with the policy drop ends every packet that none of its rules accepts, whatever chains of other tables do
with it: in nft, an accept is final only for its own table (nft(8), "VERDICT STATEMENTS"). All packets of a
translated connection, replies included, have ``ct status dnat``: one rule for that admits them and nothing else.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import target_of

OWN_TABLES = ("fairlead", "fairlead-host-ports")
_FAMILIES = {"ip": (IPFamily.IPV4,), "ip6": (IPFamily.IPV6,), "inet": (IPFamily.IPV4, IPFamily.IPV6)}
_WHAT = {
    "forward": "connections to Services whose endpoints are Pods",
    "input": "connections to Services whose endpoints are in this node's own network",
}
_BUILT_IN = {"forward": "FORWARD", "input": "INPUT"}
_PROGRAMS = {"ip": "iptables", "ip6": "ip6tables"}
_JUMP = re.compile(r"\b(?:jump|goto) (\S+)")
_BARE_ACCEPT = re.compile(r'(counter packets \d+ bytes \d+ |counter )?accept( comment ".*")?')
_OF_TRANSLATED = re.compile(r"ct status (\S+,)*dnat\b|--ctstate (\S+,)*DNAT\b|ct state (\S+,)*dnat\b")

Rules = Mapping[str, tuple[str, ...]]  # the rules of each chain, as they are listed


class DroppingChain(NamedTuple):
    """A base chain of another program with the policy drop.

    Attributes:
        family: nft's word for it: ip, ip6 or inet.
    """

    family: str
    table: str
    name: str
    hook: str

    @property
    def is_of_iptables(self) -> bool:
        """Whether iptables keeps it, which knows the chain by its own name."""
        return self.family in _PROGRAMS and self.table == "filter" and self.name == _BUILT_IN[self.hook]

    @property
    def ip_families(self) -> tuple[IPFamily, ...]:
        return _FAMILIES[self.family]

    def __str__(self) -> str:
        return f"chain {self.name} of table {self.family} {self.table}"

    def warning(self) -> str:
        """The effect on Services, and the rule that would fix it."""
        return f"{self} drops by its policy {_WHAT[self.hook]}; what would admit them: {self.remedy()}"

    def remedy(self) -> str:
        if self.is_of_iptables:
            return f"{_PROGRAMS[self.family]} -I {self.name} -m conntrack --ctstate DNAT -j ACCEPT"
        return f"nft insert rule {self.family} {self.table} {self.name} ct status dnat accept"


def dropping_chains(listing: str) -> Iterator[DroppingChain]:
    """Those in the output of ``nft -j list chains``; what is no such output has none."""
    for chain in _chains(listing):
        family, table, hook = chain.get("family"), chain.get("table"), chain.get("hook")
        if chain.get("policy") == "drop" and family in _FAMILIES and hook in _WHAT and table not in OWN_TABLES:
            yield DroppingChain(str(family), str(table), str(chain.get("name")), str(hook))


def _chains(listing: str) -> Iterator[Mapping[str, object]]:
    try:
        found = json.loads(listing)["nftables"]
    except (ValueError, KeyError, TypeError):
        return
    each = found if isinstance(found, list) else []
    yield from (e["chain"] for e in each if isinstance(e, dict) and isinstance(e.get("chain"), dict))


def admits_translated(rules: Rules, chain: str) -> bool:
    """Whether the chain, or one that it leads to, accepts what has been translated, or everything."""
    return any(_admits(rule) for name in _reached(rules, chain) for rule in rules.get(name, ()))


def _admits(rule: str) -> bool:
    is_accepting = target_of(rule) == "ACCEPT" or re.search(r"\baccept\b", rule) is not None
    is_bare = rule.strip() == "-j ACCEPT" or _BARE_ACCEPT.fullmatch(rule.strip()) is not None
    return is_accepting and (is_bare or _OF_TRANSLATED.search(rule) is not None)


def _reached(rules: Rules, chain: str) -> Iterable[str]:
    seen, waiting = {chain}, [chain]
    while waiting:
        for rule in rules.get(waiting.pop(), ()):
            new = set(leads_to(rule)) - seen
            seen |= new
            waiting += new
    return seen


def leads_to(rule: str) -> list[str]:
    """The chains that a rule may lead to, in either spelling."""
    target = target_of(rule)
    return [*([target] if target else []), *(name.rstrip(",;}") for name in _JUMP.findall(rule))]

"""The rules of a DNS cache on a node: queries to its addresses, and its replies, bypass connection tracking.

With tracking, each query would create an entry that outlives it by half a minute, and of two simultaneous queries of a
client one can be lost in the race for that entry. The rules are those of upstream's node-local cache (its ``iptables``
rules of the table ``raw``) as a separate table of nftables, which is removed as a whole.
"""

from collections.abc import Iterable

TABLE = "fairlead-dns-node"
_PROTOCOLS = "{ tcp, udp }"


def untracked_rules(addresses: Iterable[str], ports: Iterable[int]) -> str:
    """The commands (nft(8)) that create the table, or replace it; addresses as text, of any family."""
    found, numbers = list(addresses), _set(map(str, ports))
    families = {"ip": [a for a in found if ":" not in a], "ip6": [a for a in found if ":" in a]}
    to, back = [], []
    for family, own in families.items():
        if own:
            to.append(f"{family} daddr {_set(own)} meta l4proto {_PROTOCOLS} th dport {numbers} notrack")
            back.append(f"{family} saddr {_set(own)} meta l4proto {_PROTOCOLS} th sport {numbers} notrack")
    lines = [
        f"table inet {TABLE} {{",
        "chain prerouting { type filter hook prerouting priority raw;",
        *to,
        "}",
        "chain output { type filter hook output priority raw;",
        *to,
        *back,
        "}",
        "}",
    ]
    return f"{removal()}" + "\n".join(lines) + "\n"


def removal() -> str:
    """The commands that remove the table, whether it exists or not."""
    return f"add table inet {TABLE}\ndelete table inet {TABLE}\n"


def _set(members: Iterable[str]) -> str:
    return "{ " + ", ".join(members) + " }"

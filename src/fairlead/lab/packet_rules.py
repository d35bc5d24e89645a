"""Loss and resets of packets, by rules in a Pod's network namespace.

The rules are where the Pod's packets arrive and leave, after all translation. For any name or virtual IP, the addresses
there are those of the Pods. The ``nft`` process that made the table owns it (nft(8), flag ``owner``) and ends with this
program; the kernel then removes the table.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fairlead.drivers.lab.nft_session import NftSession
from fairlead.lab.commands import as_of_this_machine
from fairlead.lab.connection import LabConnection
from fairlead.lab.errors import LabError
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.names import ObjectKey

TABLE = "fairlead-fault"
_WORDS = {IPFamily.IPV4: "ip", IPFamily.IPV6: "ip6"}
_WHOLE = 10_000


def dropping(addresses: Iterable[str], percent: float, every: int) -> list[str]:
    """The rules for incoming and for outgoing packets, by chain.

    Raises:
        LabError: the share is out of range.
    """
    if not 0 < percent <= 100 or every < 0:
        raise LabError(f"loss: {percent} percent, every {every}: give more than 0 and at most 100 percent")
    if every:
        chance = f"numgen inc mod {every} 0 "
    else:
        chance = "" if percent == 100 else f"numgen random mod {_WHOLE} < {round(percent * _WHOLE / 100)} "
    lines = []
    for address in addresses:
        family = _WORDS[family_of(address)]
        lines += [f"input {family} saddr {address} {chance}drop", f"output {family} daddr {address} {chance}drop"]
    return lines


def resetting(addresses: Iterable[str]) -> list[str]:
    """Rules that answer all TCP packets with a reset."""
    return [
        f"input {_WORDS[family_of(address)]} saddr {address} meta l4proto tcp reject with tcp reset"
        for address in addresses
    ]


def table(number: int, rules: Iterable[str]) -> str:
    """The table as nft reads it, in one line."""
    found: dict[str, list[str]] = {"input": [], "output": []}
    for rule in rules:
        chain, _, text = rule.partition(" ")
        found[chain].append(text)
    chains = "".join(
        f"chain {name} {{ type filter hook {name} priority -10; {' '.join(f'{rule};' for rule in rules_)} }}; "
        for name, rules_ in found.items()
        if rules_
    )
    return f"table inet {TABLE}-{number} {{ flags owner; {chains}}}"


@contextmanager
def packet_rules(connection: LabConnection, pod: ObjectKey, rules: list[str]) -> Iterator[None]:
    """Keep the rules in the network of a Pod until the context ends.

    Raises:
        LabError: the kernel rejects them.
    """
    with connection.enter_network(pod.namespace, pod.name) as entry:
        running = connection.forker.start(entry.place, as_of_this_machine(("nft", "-i")))
    with NftSession(running) as session:
        if refusal := session.command(table(running.pid, rules)):
            raise LabError(f"the kernel rejects the rules of a fault: {refusal}")
        yield

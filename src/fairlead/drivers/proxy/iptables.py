"""Carries out iptables transactions: one ``iptables-restore --noflush`` each, in this process's network namespace."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from fairlead.drivers.linux.programs import run_to_end
from fairlead.drivers.proxy.nft_commands import Problem, RulesError, classified
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_removal import count_links, removal
from fairlead.netfilter.iptables_text import ChainId, Saved, in_parts, parse_save

LOCK_SECONDS = "5"  # to wait for others that hold the xtables lock, as kube-proxy does
PART = 100  # lines in a part: a kilobyte of netlink each at most, of 200 kB allowed
_PROGRAMS = {IPFamily.IPV4: "iptables", IPFamily.IPV6: "ip6tables"}


async def restore(family: IPFamily, text: str) -> None:
    """Carry out what ``text`` says, whole or, for each of its tables, not at all.

    In a user namespace a socket cannot be made to hold many rules (socket(7), SO_SNDBUFFORCE): where it cannot, they
    are put in place part by part.

    Raises:
        RulesError: it was refused, or with several parts, one of them was.
    """
    command = (f"{_PROGRAMS[family]}-restore", "-w", LOCK_SECONDS, "--noflush")
    try:
        await _run(*command, text=text)
    except RulesError as error:
        if error.problem is not Problem.TOO_LONG:
            raise
        there = await save(family)  # a table that was short enough has its jumps
        for part in in_parts(text, PART, there.jumps):
            await _run(*command, text=part)


async def try_out(family: IPFamily, text: str) -> RulesError | None:
    """Check this text with iptables, without changing anything. Refusals by the kernel are not detected."""
    try:
        await _run(f"{_PROGRAMS[family]}-restore", "-w", LOCK_SECONDS, "--noflush", "--test", text=text)
    except RulesError as error:
        return error
    return None


async def save(family: IPFamily) -> Saved:
    """Read the current rules.

    Raises:
        RulesError: it cannot be read.
    """
    return parse_save(await _run(f"{_PROGRAMS[family]}-save"))


async def remove_chains(
    family: IPFamily, choose: Callable[[Saved], frozenset[ChainId]], *, keep: frozenset[ChainId] = frozenset()
) -> list[str]:
    """Take chains away from both implementations of iptables, with all that leads to them; what was done, in words.

    Args:
        choose: which of the chains that are there.
        keep: those of the implementation that ``restore`` uses that are to stay.

    Raises:
        RulesError: they could not be read or removed.
    """
    told = []
    for program in _implementations(_PROGRAMS[family]):
        saved = parse_save(await _run(f"{program}-save"))
        chains = choose(saved) - (keep if program == _PROGRAMS[family] else frozenset())
        if chains:
            await _remove(program, saved, chains)
            tables = ", ".join(sorted({table for table, _ in chains}))
            told.append(f"{program}: {len(chains)} chains and {count_links(saved, chains)} jumps to them, in {tables}")
    return told


async def _remove(program: str, saved: Saved, chains: frozenset[ChainId]) -> None:
    command = (f"{program}-restore", "-w", LOCK_SECONDS, "--noflush")
    try:
        await _run(*command, text=removal(saved, chains))
    except RulesError as error:
        if not error.is_about_content:
            raise
        await _run(*command, text=removal(saved, chains, by_number=True))


def _implementations(program: str) -> Iterator[str]:
    """The program that is used here, and the other implementation of it where that is installed."""
    seen: set[Path] = set()
    for name in (program, f"{program}-nft", f"{program}-legacy"):
        path = shutil.which(f"{name}-save")
        if path and (real := Path(path).resolve()) not in seen:
            seen.add(real)
            yield name


async def _run(*argv: str, text: str = "") -> str:
    try:
        ended = await run_to_end(*argv, text=text)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, argv[0]) from error
    if ended.code:
        raise classified(f"{argv[0]}: {ended.errors}")
    return ended.output

"""Carries out iptables transactions: one ``iptables-restore --noflush`` each, in this process's network namespace."""

import asyncio

from fairlead.drivers.proxy.nft_commands import Problem, RulesError, classified
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import Saved, in_parts, parse_save

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


async def save(family: IPFamily) -> Saved:
    """What there is now.

    Raises:
        RulesError: it cannot be read.
    """
    return parse_save(await _run(f"{_PROGRAMS[family]}-save"))


async def _run(*argv: str, text: str = "") -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, argv[0]) from error
    output, errors = await process.communicate(text.encode())
    if process.returncode:
        raise classified(f"{argv[0]}: {errors.decode(errors='replace')}")
    return output.decode()

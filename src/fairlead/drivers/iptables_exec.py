"""Carries out iptables transactions: one ``iptables-restore --noflush`` each, in this process's network namespace."""

import asyncio

from fairlead.drivers.nft_exec import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import Saved, parse_save

LOCK_SECONDS = "5"  # to wait for others that hold the xtables lock, as kube-proxy does
_PROGRAMS = {IPFamily.IPV4: "iptables", IPFamily.IPV6: "ip6tables"}


async def restore(family: IPFamily, text: str) -> None:
    """Carry out what ``text`` says, whole or, for each of its tables, not at all.

    Raises:
        RulesError: it was refused.
    """
    await _run(f"{_PROGRAMS[family]}-restore", "-w", LOCK_SECONDS, "--noflush", text=text)


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
        raise RulesError(Problem.OTHER, f"{argv[0]}: {errors.decode(errors='replace').strip()[:2000]}")
    return output.decode()

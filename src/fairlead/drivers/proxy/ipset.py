"""Carries out what is said to ipset, in this process's network namespace. Needs CAP_NET_ADMIN there."""

import asyncio

from fairlead.drivers.proxy.nft_commands import Problem, RulesError, classified
from fairlead.netfilter.ipset_text import Found, parse_sets


async def restore(text: str) -> None:
    """Carry out these lines; what is there already, or is gone already, is no fault.

    Raises:
        RulesError: a line was refused; those before it have been carried out.
    """
    if text:
        await _run("-exist", "restore", text=text)


async def save(prefix: str) -> Found:
    """The sets whose names begin so.

    Raises:
        RulesError: they cannot be read.
    """
    return parse_sets(await _run("save"), prefix)


async def _run(*arguments: str, text: str = "") -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec("ipset", *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, "ipset") from error
    output, errors = await process.communicate(text.encode())
    if process.returncode:
        raise classified(f"ipset: {errors.decode(errors='replace')}")
    return output.decode()

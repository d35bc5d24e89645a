"""Carries out what is said to ipset, in this process's network namespace. Needs CAP_NET_ADMIN there."""

from fairlead.drivers.linux.programs import run_to_end
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
    try:
        ended = await run_to_end("ipset", *arguments, text=text)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, "ipset") from error
    if ended.code:
        raise classified(f"ipset: {ended.errors}")
    return ended.output

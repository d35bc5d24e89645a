"""The rules of NetworkPolicies in the kernel, of each back end: put whole, or changed by a transaction."""

from typing import Protocol

from fairlead.drivers.proxy import ipset, iptables, nft
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ipset_text import render_sets, replacing
from fairlead.netfilter.iptables_saved import without_what_is_there
from fairlead.netfilter.iptables_text import ChainId, Saved, render_changes, render_restore
from fairlead.netfilter.nft_listing import takeover
from fairlead.netfilter.nft_text import family_word
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import Transaction
from fairlead.netpolicy import nft_rules
from fairlead.netpolicy.backend import Backend
from fairlead.netpolicy.iptables_rules import OURS, SECURITY, IptablesPolicies, set_prefix
from fairlead.netpolicy.nft_rules import NftPolicies


class PolicyStore(Protocol):
    """The rules of one IP family."""

    @property
    def backend(self) -> Backend:
        """How its rules are written."""

    async def put(self, table: Table, *, is_needed: bool) -> bool:
        """Put a whole table in place of whatever there is of ours; whether anything is there afterwards.

        Args:
            is_needed: False: where nothing of ours is there, leave it so.

        Raises:
            RulesError: it was refused.
        """

    async def change(self, transaction: Transaction) -> None:
        """Carry out a transaction on what was put.

        Raises:
            RulesError: it was refused; what is there may be something in between.
        """

    async def try_out(self, table: Table) -> RulesError | None:
        """What would be said to a whole table; nothing changes."""


class NftStore:
    """A table of nft's."""

    def __init__(self, family: IPFamily, comment: str = "") -> None:
        self.backend = NftPolicies(family)
        self._name, self._comment = nft_rules.table_name(family), comment

    async def put(self, table: Table, *, is_needed: bool) -> bool:
        try:
            found = await nft.list_table(self._name)
            if found is None and not is_needed:
                return False
            if found is not None:
                transaction = takeover(found, table, self.backend.family)
                if transaction:
                    await nft.change_table(self._name, transaction)
                return True
        except RulesError as error:
            if not error.is_about_content:
                raise
        await nft.replace_table(self._name, table, self._comment)
        return True

    async def change(self, transaction: Transaction) -> None:
        await nft.change_table(self._name, transaction)

    async def try_out(self, table: Table) -> RulesError | None:
        return await nft.try_out_table(self._name, table)


class IptablesStore:
    """Chains in the table ``security``, and sets of ipset."""

    def __init__(self, family: IPFamily) -> None:
        self.backend = IptablesPolicies(family)
        self._family = family

    async def put(self, table: Table, *, is_needed: bool) -> bool:
        saved = await iptables.save(self._family)
        ours = own_chains(saved)
        if not ours and not is_needed:
            return False
        sets = replacing(await ipset.save(set_prefix(self._family)), table, self._family)
        stale = sorted(ours - {(SECURITY, name) for name in table.chains})
        wanted = without_what_is_there(((SECURITY, table),), saved, self._family)
        await ipset.restore(sets.before)
        if text := render_restore(wanted, stale, saved.jumps):
            await iptables.restore(self._family, text)
        await ipset.restore(sets.after)
        return True

    async def change(self, transaction: Transaction) -> None:
        sets = render_sets(transaction, self._family)
        await ipset.restore(sets.before)
        if text := render_changes(SECURITY, transaction):
            await iptables.restore(self._family, text)
        await ipset.restore(sets.after)

    async def try_out(self, table: Table) -> RulesError | None:
        return None  # it is by the kernel that rules are refused, which iptables cannot try out


def own_chains(saved: Saved) -> frozenset[ChainId]:
    """The chains that policies have in iptables."""
    return frozenset(id_ for id_ in saved.chains if id_[0] == SECURITY and id_[1].startswith(OURS))


async def remove(family: IPFamily, backend: str) -> list[str]:
    """Take away what policies have in the kernel, in one back end; what was done, in words.

    Raises:
        RulesError: it could not be taken away.
    """
    if backend == "nft":
        name = nft_rules.table_name(family)
        return [f"nft: table {family_word(family)} {name.name}"] if await nft.delete_table(name) else []
    told = await iptables.remove_chains(family, own_chains)
    return told + await _remove_sets(family)


async def _remove_sets(family: IPFamily) -> list[str]:
    """Where ipset is not installed, there are none of ours."""
    try:
        found = await ipset.save(set_prefix(family))
    except RulesError:
        return []
    await ipset.restore("".join(f"destroy {name}\n" for name in sorted(found)))
    return [f"ipset: {len(found)} sets"] if found else []

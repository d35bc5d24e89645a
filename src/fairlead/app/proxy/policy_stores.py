"""The rules of NetworkPolicies in the kernel, of each back end: put whole, or changed by a transaction."""

from typing import NamedTuple, Protocol

from fairlead.drivers.proxy import ipset, iptables, nft
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ipset_text import SetChange, render_sets, replacing
from fairlead.netfilter.iptables_saved import without_what_is_there
from fairlead.netfilter.iptables_text import ChainId, Saved, render_changes, render_restore
from fairlead.netfilter.nft_listing import takeover
from fairlead.netfilter.nft_rule_text import family_word
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import Transaction
from fairlead.netpolicy import nft_rules
from fairlead.netpolicy.backend import Backend
from fairlead.netpolicy.iptables_rules import OURS, SECURITY, IptablesPolicies, set_prefix
from fairlead.netpolicy.nft_rules import NftPolicies


class Put(NamedTuple):
    """Whether anything of ours is there after a table was put, and how many transactions that took."""

    is_there: bool
    transactions: int = 0


class PolicyStore(Protocol):
    """The rules of one IP family."""

    @property
    def backend(self) -> Backend:
        """How its rules are written."""

    async def put(self, table: Table, *, is_needed: bool) -> Put:
        """Replace our whole table.

        Args:
            is_needed: False: where nothing of ours is there, leave it so.

        Raises:
            RulesError: it was refused.
        """

    async def change(self, transaction: Transaction) -> int:
        """Carry out a transaction on what was put; in how many, as the kernel counts them.

        Raises:
            RulesError: it was refused; what is there may be something in between.
        """

    async def try_out(self, table: Table) -> RulesError | None:
        """Check whether the kernel would accept the whole table, without changing anything."""


class NftStore:
    """A table of nft's."""

    def __init__(self, family: IPFamily, comment: str = "") -> None:
        self.backend = NftPolicies(family)
        self._name, self._comment = nft_rules.table_name(family), comment

    async def put(self, table: Table, *, is_needed: bool) -> Put:
        try:
            found = await nft.list_table(self._name)
            if found is None and not is_needed:
                return Put(is_there=False)
            if found is not None:
                transaction = takeover(found, table, self.backend.family)
                return Put(True, await nft.change_table(self._name, transaction) if transaction else 0)
        except RulesError as error:
            if not error.is_about_content:
                raise
        return Put(True, await nft.replace_table(self._name, table, self._comment))

    async def change(self, transaction: Transaction) -> int:
        return await nft.change_table(self._name, transaction)

    async def try_out(self, table: Table) -> RulesError | None:
        return await nft.try_out_table(self._name, table)


class IptablesStore:
    """Chains in the table ``security``, and sets of ipset."""

    def __init__(self, family: IPFamily) -> None:
        self.backend = IptablesPolicies(family)
        self._family = family

    async def put(self, table: Table, *, is_needed: bool) -> Put:
        saved = await iptables.save(self._family)
        ours = own_chains(saved)
        if not ours and not is_needed:
            return Put(is_there=False)
        sets = replacing(await ipset.save(set_prefix(self._family)), table, self._family)
        stale = sorted(ours - {(SECURITY, name) for name in table.chains})
        wanted = without_what_is_there(((SECURITY, table),), saved, self._family)
        return Put(True, await self._carry_out(sets, render_restore(wanted, stale, saved.jumps)))

    async def change(self, transaction: Transaction) -> int:
        return await self._carry_out(render_sets(transaction, self._family), render_changes(SECURITY, transaction))

    async def _carry_out(self, sets: SetChange, rules: str) -> int:
        await ipset.restore(sets.before)
        generation = nft.generation()
        if rules:
            await iptables.restore(self._family, rules)
        transactions = nft.generation() - generation  # none with iptables-legacy
        await ipset.restore(sets.after)
        return transactions

    async def try_out(self, table: Table) -> RulesError | None:
        return None  # it is by the kernel that rules are refused, which iptables cannot try out


def own_chains(saved: Saved) -> frozenset[ChainId]:
    """The chains that policies have in iptables."""
    return frozenset(id_ for id_ in saved.chains if id_[0] == SECURITY and id_[1].startswith(OURS))


async def remove(family: IPFamily, backend: str) -> list[str]:
    """Take away what policies have in the kernel, in one back end; what was done, in words.

    Raises:
        RulesError: it could not be removed.
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

"""The NetworkPolicies of one IP family: the rules in the kernel, as last written, and their updates.

A policy that the kernel refuses is closed: its Pods stay isolated, and it lets nothing through, until it changes or
everything is looked at again. The others are not concerned.
"""

from collections.abc import Collection, Mapping

from fairlead.app.proxy.planes import refused_among
from fairlead.app.proxy.policy_stores import IptablesStore, NftStore, PolicyStore
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import Changed, Enforced, advance, build


def policy_plane(family: IPFamily, node: str, backend: str) -> "PolicyPlane":
    """The plane of a back end, nft or iptables."""
    comment = f"NetworkPolicies for the Pods of node {node}"
    return PolicyPlane(node, NftStore(family, comment) if backend == "nft" else IptablesStore(family))


class PolicyPlane:
    """The rules of NetworkPolicies in the kernel, for one IP family.

    Attributes:
        refused: policies that are closed, and why.
    """

    def __init__(self, node: str, store: PolicyStore) -> None:
        self._node, self._store = node, store
        self._enforced: Enforced | None = None  # None where it is in doubt
        self._is_there = False  # whether the kernel has anything of ours
        self.refused: Mapping[ObjectKey, str] = {}

    @property
    def family(self) -> IPFamily:
        return self._store.backend.family

    @property
    def enforced(self) -> Enforced:
        return self._enforced or Enforced()

    def invalidate(self) -> None:
        """Assume nothing about the kernel's rules: the next step writes all of them."""
        self._enforced = None

    async def follow(self, census: Census, changed: Changed) -> int:
        """Bring the kernel to this moment; in how many transactions, as it counts them.

        Raises:
            RulesError: it takes no rules at all; what it has is in doubt.
        """
        enforced = self._enforced
        self.invalidate()
        self.refused = {key: why for key, why in self.refused.items() if key not in changed.policies}
        if enforced is None:
            return await self._put(census)
        step = advance(enforced, _closed(census, self.refused), changed, self._node, self._store.backend)
        if not self._is_there and step.enforced.isolated:
            return await self._put(census)
        try:
            transactions = await self._store.change(step.transaction) if step.transaction else 0
        except RulesError as error:
            if not error.is_about_content:
                raise
            return await self._put(census)
        self._enforced = step.enforced
        return transactions

    async def _put(self, census: Census) -> int:
        """Put everything in place; where the kernel refuses it, with those policies closed that it refuses."""
        self.refused = {}
        try:
            return await self._build_and_put(census)
        except RulesError as error:
            refused = await self._refused(census) if error.is_about_content else {}
            if not refused:
                raise
            self.refused = refused
            return await self._build_and_put(_closed(census, refused))

    async def _build_and_put(self, census: Census) -> int:
        table, enforced = build(census, self._node, self._store.backend)
        self._is_there, transactions = await self._store.put(table, is_needed=bool(enforced.isolated))
        self._enforced = enforced
        return transactions

    async def _refused(self, census: Census) -> dict[ObjectKey, str]:
        async def try_out(keys: Collection[ObjectKey]) -> RulesError | None:
            others = _closed(census, frozenset(census.policies) - frozenset(keys))
            return await self._store.try_out(build(others, self._node, self._store.backend)[0])

        if await try_out(()) is not None:
            return {}  # it is not for what a policy lets through that the kernel refuses the table
        return await refused_among(list(census.policies), try_out)


def _closed(census: Census, policies: Collection[ObjectKey]) -> Census:
    for key in policies:
        if (policy := census.policies.get(key)) is not None:
            census = census.with_policy(key, policy.closed())
    return census

"""One IP family of a node proxy: its rules in the kernel, as last written.

There is one kind of plane for each back end; both converge from any state, and a step that fails changes nothing.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from fairlead.dataplane.conntrack import forgotten_protocols, stale_among
from fairlead.dataplane.forwarding import NodeView, PortPlan, plan_service
from fairlead.drivers.linux.local_addresses import local_addresses
from fairlead.drivers.proxy.conntrack import forget_flows, tracked_flows
from fairlead.drivers.proxy.nft_commands import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_text import ChainId

Reasons = Mapping[ObjectKey, str]


class Done(NamedTuple):
    """The result of a step.

    Attributes:
        transactions: as many as the kernel counts. forgotten, seconds_to_forget: stale flows, and the time they took.
        rules: how many rules each table of iptables has, and how many of them were sent.
    """

    transactions: int
    forgotten: int
    seconds_to_forget: float
    rules: tuple[Mapping[str, int], Mapping[str, int]] | None = None


class Plane(Protocol):
    """The rules of one IP family in the kernel."""

    family: IPFamily

    @property
    def held(self) -> Reasons:
        """The Services whose rules are not what they should be, for want of a plan or by refusal of the kernel."""

    @property
    def own_chains(self) -> frozenset[ChainId]:
        """The chains of iptables that are there for it."""

    def is_full_step(self, view: NodeView) -> bool:
        """Whether a step to this view would look at everything, not only at what changes."""

    def invalidate(self) -> None:
        """Assume nothing about the kernel's rules: the next step compares and repairs all of them."""

    async def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey], view: NodeView) -> Done:
        """Bring the kernel to the snapshot, then forget the flows that this made stale.

        A Service that cannot be planned, or whose rules the kernel refuses, stays as it was and is ``held``.

        Raises:
            RulesError: the kernel takes no rules at all; it is as it was, and in doubt.
        """


async def timed(work: Awaitable[int]) -> tuple[int, float]:
    """The result of the work, and its duration in seconds."""
    start = time.perf_counter()
    return await work, time.perf_counter() - start


async def forget_stale(family: IPFamily, plans: Iterator[PortPlan], view: NodeView) -> int:
    """Check all tracked flows: after a start, the changes since the last run are unknown."""
    flows = await tracked_flows(family, forgotten_protocols(view))
    local = await local_addresses() if flows and view.node_port_ips is None else ()
    return await forget_flows(family, stale_among(flows, plans, view, local))


def plans_of(
    keys: Collection[ObjectKey], snapshot_of: Callable[[ObjectKey], ClusterSnapshot], view: NodeView
) -> Iterator[PortPlan]:
    """The plans of these Services, each from the snapshot that its rules are made from."""
    return (plan for key in keys for plan in plan_service(snapshot_of(key), key, view))


def halves(keys: Collection[ObjectKey]) -> tuple[Sequence[ObjectKey], Sequence[ObjectKey]]:
    """Two halves, in order."""
    listed = sorted(keys)
    return listed[: len(listed) // 2], listed[len(listed) // 2 :]


TryOut = Callable[[Collection[ObjectKey]], Awaitable[RulesError | None]]


async def refused_among(keys: Collection[ObjectKey], try_out: TryOut) -> dict[ObjectKey, str]:
    """The Services whose rules the kernel refuses, found by trying out half of them, and half of that.

    Args:
        try_out: whether the kernel would take the rules of these Services and no others.
    """
    error = await try_out(keys)
    if error is None:
        return {}
    if len(keys) < 2:
        return {} if error.problem is Problem.TOO_LONG else dict.fromkeys(keys, str(error))
    first, second = halves(keys)
    return await refused_among(first, try_out) | await refused_among(second, try_out)

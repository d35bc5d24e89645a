"""Takes out of the kernel what other node proxies have left there, and what ours has."""

import logging
from collections.abc import Awaitable, Collection
from typing import NamedTuple

from fairlead.app.proxy import policy_stores
from fairlead.app.proxy.planes import Plane
from fairlead.dataplane import kube_proxy, nft_skeleton
from fairlead.dataplane.sysctls import ROUTE_LOCALNET
from fairlead.drivers.linux.local_addresses import kernel_families
from fairlead.drivers.linux.sysctls import read_sysctl
from fairlead.drivers.proxy import iptables, nft
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.netfilter.nft_rule_text import family_word
from fairlead.netfilter.ruleset import TableName

log = logging.getLogger(__name__)


class CleanUp(NamedTuple):
    """The removed rules, and those that could not be removed: one line each."""

    removed: tuple[str, ...]
    failed: tuple[str, ...]


async def clean_up(*, keeps_kube_proxy: bool = False) -> CleanUp:
    """Take away the rules of both our back ends, and all of kube-proxy's.

    Args:
        keeps_kube_proxy: leave whatever kube-proxy may have made, and so our iptables back end's chains, which bear the
            same names.
    """
    removed: list[str] = []
    failed: list[str] = []
    for family in kernel_families():
        work = [
            _table(nft_skeleton.table_name(family)),
            *(policy_stores.remove(family, backend) for backend in ("nft", "iptables")),
        ]
        if not keeps_kube_proxy:
            work += [_table(kube_proxy.table_name(family)), iptables.remove_chains(family, kube_proxy.proxy_chains)]
        for each in work:
            try:
                removed += await each
            except RulesError as error:
                failed.append(f"{family}: {error}")
    if not keeps_kube_proxy and read_sysctl(ROUTE_LOCALNET) == "1":
        removed.append(_LOCALNET)
    return CleanUp(tuple(removed), tuple(failed))


_LOCALNET = (
    "left as it is: net.ipv4.conf.all.route_localnet=1, which node ports on localhost need; "
    "set it to 0 if nothing else needs it"
)


async def remove_others(planes: Collection[Plane], *, has_own_table: bool) -> None:
    """Take away what would translate what our rules should: they are there by now.

    Args:
        has_own_table: whether the planes are those of nft.
    """
    for plane in planes:
        work = [
            _table(kube_proxy.table_name(plane.family)),
            iptables.remove_chains(plane.family, kube_proxy.proxy_chains, keep=plane.own_chains),
        ]
        if not has_own_table:
            work.append(_table(nft_skeleton.table_name(plane.family)))
        for each in work:
            await _logged(each)


async def remove_policies(planes: Collection[Plane], backend: str) -> None:
    """Take away NetworkPolicies of the back ends that do not enforce them now.

    Args:
        backend: the one that does; "" for none.
    """
    for plane in planes:
        for other in ("nft", "iptables"):
            if other != backend:
                await _logged(policy_stores.remove(plane.family, other))


async def _logged(work: Awaitable[list[str]]) -> None:
    try:
        for line in await work:
            log.info("removed, for it is not this proxy's: %s", line)
    except RulesError as error:
        log.info("nothing of another proxy removed: %s", error)


async def _table(name: TableName) -> list[str]:
    is_removed = await nft.delete_table(name)
    return [f"nft: table {family_word(name.family)} {name.name}"] if is_removed else []

"""Applies the patches that findings propose."""

import asyncio
from collections.abc import Iterable

from fairlead.drivers.kube.client import KubeClient, KubeError, ResourcePath, Unreachable
from fairlead.explain.doctor.findings import Fix
from fairlead.explain.permissions import READABLE


class PatchError(Exception):
    """A patch was refused; the message is the server's."""


def apply_patch(fix: Fix, kubeconfig: str | None, context: str | None) -> None:
    """Apply one fix that is a patch.

    Raises:
        PatchError: the server refused it, or did not answer.
    """
    try:
        asyncio.run(_apply(fix, kubeconfig, context))
    except (KubeError, Unreachable) as error:
        raise PatchError(str(error)) from error


def can_apply(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that need nothing but a patch."""
    return [fix for fix in fixes if fix.target is not None and fix.target.kind in _RESOURCES]


async def _apply(fix: Fix, kubeconfig: str | None, context: str | None) -> None:
    assert fix.target is not None
    async with KubeClient.from_kubeconfig(kubeconfig, context) as client:
        path = _RESOURCES[fix.target.kind].path(fix.target.namespace, fix.target.name)
        await client.patch(path, fix.patch)


_CLUSTER_SCOPED = ("Namespace", "Node", "ServiceCIDR")
_RESOURCES = {
    each.kind: ResourcePath(
        f"{each.group}/{each.version}" if each.group else each.version,
        each.plural,
        namespaced=each.kind not in _CLUSTER_SCOPED,
    )
    for each in READABLE
}

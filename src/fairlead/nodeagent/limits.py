"""The resources of a node, and the limits of containers and volumes, which are checked without control groups.

Upstream: ``pkg/kubelet/lifecycle`` (``InsufficientResourceError``, ``UnexpectedAdmissionError``),
``pkg/kubelet/eviction`` (``localVolumeEviction``); for memory the kernel, whose term is ``OOMKilled``.
"""

from collections.abc import Mapping

from fairlead.model.quantities import quantity
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.records import Failure

OUT_OF_MEMORY = "OOMKilled"


def memory_limits(pod: RunPod) -> dict[str, int]:
    """Octets by the name of each container that has a limit."""
    containers = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    found = ((each.name, quantity((each.resources.limits or {}).get("memory", ""))) for each in containers)
    return {name: int(limit) for name, limit in found if limit}


def size_limits(pod: RunPod) -> dict[str, int]:
    """Octets by the name of each empty directory that has a limit."""
    volumes = ((volume.name, volume.empty_dir) for volume in pod.spec.volumes or ())
    found = ((name, quantity(empty.size_limit or "")) for name, empty in volumes if empty)
    return {name: int(limit) for name, limit in found if limit}


def too_large(pod: RunPod, sizes: Mapping[str, int]) -> Failure | None:
    """Why a Pod must go whose empty directories have these sizes; None: it may stay."""
    for volume in pod.spec.volumes or ():
        limit = quantity(volume.empty_dir.size_limit or "") if volume.empty_dir else None
        if volume.empty_dir and limit and sizes.get(volume.name, 0) > limit:
            told = f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{volume.empty_dir.size_limit}". '
            return Failure("Evicted", told)
    return None


def out_of_pods(used: int, capacity: int) -> Failure | None:
    """Why there is no room for another Pod; None when there is.

    Args:
        used: how many are there that have not ended.
    """
    if used < capacity:
        return None
    why = f"Node didn't have enough resource: pods, requested: 1, used: {used}, capacity: {capacity}"
    return Failure("OutOfpods", f"Pod was rejected: {why}")


def without_address(why: str) -> Failure:
    """Why a Pod is not taken for which its node has no address left."""
    return Failure("UnexpectedAdmissionError", f"Pod was rejected: {why}")

"""The resources of a node, and the limits of what containers use and store, which are checked without control groups.

Upstream: ``pkg/kubelet/lifecycle`` (``InsufficientResourceError``, ``UnexpectedAdmissionError``);
``pkg/kubelet/eviction/eviction_manager.go`` (``localStorageEviction``, with the order of checks of ``over_limit``); for
memory the kernel, whose term is ``OOMKilled``.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from fairlead.model.quantities import quantity, spelled
from fairlead.nodeagent.manifest import Container, RunPod, Volume
from fairlead.nodeagent.records import Failure

OUT_OF_MEMORY = "OOMKilled"
_STORAGE = "ephemeral-storage"


def memory_limits(pod: RunPod) -> dict[str, int]:
    """Octets by the name of each container that has a limit."""
    containers = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    found = ((each.name, quantity((each.resources.limits or {}).get("memory", ""))) for each in containers)
    return {name: int(limit) for name, limit in found if limit}


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


class StorageUse(NamedTuple):
    """Octets that a Pod stores on its node.

    Attributes:
        volumes: by the name of each volume that ``counted_volumes`` names.
        containers: what each container wrote outside volumes, and its logs, by its name.
    """

    volumes: Mapping[str, int]
    containers: Mapping[str, int]


def counted_volumes(pod: RunPod) -> tuple[str, ...]:
    """The volumes whose sizes count: those with a limit, and those on the node's disk if containers have one."""
    has_total = _total_limit(pod) is not None
    counted = (volume for volume in pod.spec.volumes or () if _size_limit(volume) or (has_total and _is_local(volume)))
    return tuple(volume.name for volume in counted)


def limits_containers(pod: RunPod) -> bool:
    """Whether any container has a limit, so that what containers write and print counts."""
    return _total_limit(pod) is not None


def over_limit(pod: RunPod, use: StorageUse) -> Failure | None:
    """Why a Pod that stores so much is evicted; None: it is not."""
    for volume in pod.spec.volumes or ():
        limit = _size_limit(volume)
        if volume.empty_dir and limit and use.volumes.get(volume.name, 0) > limit:
            size = volume.empty_dir.size_limit
            return _evicted(f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{size}". ')
    total = _total_limit(pod)
    if total is not None and _total_use(pod, use) > (quantity(total) or 0):
        return _evicted(f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. ")
    for container in pod.spec.containers:
        text = _limit_of(container)
        if (limit := quantity(text)) and use.containers.get(container.name, 0) > limit:
            return _evicted(f'Container {container.name} exceeded its local ephemeral storage limit "{text}". ')
    return None


def _evicted(told: str) -> Failure:
    return Failure("Evicted", told)


def _limit_of(container: Container) -> str:
    return (container.resources.limits or {}).get(_STORAGE, "")


def _size_limit(volume: Volume) -> Fraction | None:
    return quantity(volume.empty_dir.size_limit or "") if volume.empty_dir else None


def _is_local(volume: Volume) -> bool:
    """Whether it takes of the node's disk, as upstream counts: not memory, and not what stays when the Pod goes."""
    return volume.config_map is not None or (volume.empty_dir is not None and not volume.empty_dir.medium)


def _total_use(pod: RunPod, use: StorageUse) -> int:
    local = {volume.name for volume in pod.spec.volumes or () if _is_local(volume)}
    return sum(size for name, size in use.volumes.items() if name in local) + sum(use.containers.values())


def _total_limit(pod: RunPod) -> str | None:
    """What the containers may store together, sidecars included, or an init container alone if that is more."""
    inits = pod.spec.init_containers or ()
    sidecars = [each for each in inits if each.restart_policy == "Always"]
    together = _sum([*pod.spec.containers, *sidecars])
    alone = [_limit_of(each) for each in inits if each not in sidecars]
    found = [text for text in (together, *alone) if text]
    return max(found, key=lambda text: quantity(text) or 0, default=None)


def _sum(containers: Iterable[Container]) -> str:
    texts = [text for text in map(_limit_of, containers) if text]
    return spelled(sum((quantity(text) or Fraction(0) for text in texts), Fraction(0)), texts[0]) if texts else ""

"""Which places of the machine a container sees where: its volume mounts, resolved."""

from fairlead.nodeagent.manifest import Container, RunPod


class VolumeError(Exception):
    """A volume cannot be mounted; upstream's waiting reason for it is ``CreateContainerConfigError``."""

    reason = "CreateContainerConfigError"


def mounts_of(container: Container, pod: RunPod) -> dict[str, str]:
    """Sources of bind mounts by target.

    Raises:
        VolumeError: there is no such volume, or it is of a kind that this node cannot mount.
    """
    volumes = {volume.name: volume for volume in pod.spec.volumes or ()}
    mounts = {}
    for mount in container.volume_mounts or ():
        volume = volumes.get(mount.name)
        if volume is None:
            raise VolumeError(f'container {container.name} mounts "{mount.name}", which is not a volume of the Pod')
        if volume.host_path is None:
            raise VolumeError(f'volume "{volume.name}": only hostPath volumes can be mounted')
        mounts[mount.mount_path] = volume.host_path.path
    return mounts

"""As whom a container runs, from the security contexts of Pod and container.

Field meanings: Kubernetes API reference, PodSecurityContext and SecurityContext; refusals as upstream's
``pkg/kubelet/kuberuntime/security_context.go``. There are no images here that could name another user than root.
"""

from fairlead.nodeagent.credentials import ROOT, Credentials
from fairlead.nodeagent.manifest import Container, RunPod, SecurityContext


class CredentialsError(Exception):
    """The container may not run as the user that it would run as; ``reason`` is upstream's waiting reason."""

    reason = "CreateContainerConfigError"


def credentials_of(container: Container, pod: RunPod) -> Credentials:
    """As whom the container runs; what it says itself goes before what its Pod says.

    Raises:
        CredentialsError: it would run as root, and says that it must not.
    """
    own, shared = container.security_context or SecurityContext(), pod.spec.security_context
    uid = _first(own.run_as_user, shared.run_as_user)
    if uid == ROOT and _first(own.run_as_non_root, shared.run_as_non_root):
        raise CredentialsError(
            f"container has runAsNonRoot and would run as root: set runAsUser (pod: {pod.key}, "
            f"container: {container.name})"
        )
    gid = _first(own.run_as_group, shared.run_as_group)
    groups = (*(shared.supplemental_groups or ()), *(() if shared.fs_group is None else (shared.fs_group,)))
    return Credentials(uid, gid, tuple(dict.fromkeys(groups)))


def _first(own: int | None, shared: int | None) -> int:
    return own if own is not None else shared or 0

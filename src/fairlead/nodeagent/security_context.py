"""The user and groups of a container, from the security contexts of Pod and container, and from its image.

Field meanings: Kubernetes API reference, PodSecurityContext and SecurityContext; refusals as upstream's
``pkg/kubelet/kuberuntime/security_context.go``.
"""

from typing import NamedTuple

from fairlead.images.users import NO_ACCOUNTS, Accounts, Identity, UserError, identity_of, is_name
from fairlead.nodeagent.credentials import ROOT, ProcessCredentials
from fairlead.nodeagent.manifest import Container, ContainerCapabilities, RunPod, SecurityContext

NET_ADMIN = "NET_ADMIN"
_NUMBERS = {NET_ADMIN: 12}  # linux/capability.h


class CredentialsError(Exception):
    """The container's user is not allowed; ``reason`` is upstream's waiting reason."""

    reason = "CreateContainerConfigError"


class ImageUser(NamedTuple):
    """The user that an image names, ``USER[:GROUP]``, and the accounts that it has. A command of this machine, which
    stands for an image, has none."""

    user: str = ""
    accounts: Accounts = NO_ACCOUNTS


NO_IMAGE_USER = ImageUser()


def identity_in(container: Container, pod: RunPod, image: ImageUser = NO_IMAGE_USER) -> Identity:
    """Who the container's user is in its image: what it says itself goes before what its Pod says, and that before the
    image.

    Raises:
        CredentialsError: it would run as root although that is forbidden, or as a user that the image does not have.
    """
    own, shared = container.security_context or SecurityContext(), pod.spec.security_context
    wanted, non_root = _first(own.run_as_user, shared.run_as_user), _first(own.run_as_non_root, shared.run_as_non_root)
    where = f"(pod: {pod.key}, container: {container.name})"
    if wanted is None and non_root and is_name(image.user):
        user = image.user.partition(":")[0]
        raise CredentialsError(
            f"container has runAsNonRoot and image has non-numeric user ({user}), "
            f"cannot verify user is non-root {where}"
        )
    try:
        identity = identity_of(image.user if wanted is None else str(wanted), image.accounts)
    except UserError as error:
        raise CredentialsError(str(error)) from error
    if identity.uid == ROOT and non_root:
        raise CredentialsError(f"container has runAsNonRoot and would run as root: set runAsUser {where}")
    return identity


def credentials_of(container: Container, pod: RunPod, image: ImageUser = NO_IMAGE_USER) -> ProcessCredentials:
    """The credentials that the container runs with.

    Raises:
        CredentialsError: see ``identity_in``.
    """
    own, shared = container.security_context or SecurityContext(), pod.spec.security_context
    identity = identity_in(container, pod, image)
    gid = _first(own.run_as_group, shared.run_as_group)
    of_pod = (*(shared.supplemental_groups or ()), *(() if shared.fs_group is None else (shared.fs_group,)))
    groups = tuple(dict.fromkeys((*identity.groups, *of_pod)))
    return ProcessCredentials(identity.uid, identity.gid if gid is None else gid, groups)


def _first(own: int | None, shared: int | None) -> int | None:
    return own if own is not None else shared


# Those of every container here (``drivers.pods.privileges``), which a container gets without asking.
DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)


def given_capabilities(container: Container, pod: RunPod) -> tuple[str, ...]:
    """Those that a lab's node gives a container beyond the usual ones: ``NET_ADMIN``, with which it may write the rules
    of its node, as a cluster's proxy does.

    It must ask, by name or by ``privileged``, as container runtimes want it, and be in its node's network: a Pod with a
    network of its own is held to its addresses there.
    """
    own = container.security_context or SecurityContext()
    capabilities = own.capabilities or ContainerCapabilities()
    added, dropped = set(capabilities.add or ()), set(capabilities.drop or ())
    # A name that is added counts more than ALL that is dropped, and one that is dropped more than ALL that is added.
    asks = own.privileged or NET_ADMIN in added or ("ALL" in added and NET_ADMIN not in dropped)
    return (NET_ADMIN,) if pod.spec.host_network and asks else ()


def with_capabilities(credentials: ProcessCredentials, names: tuple[str, ...]) -> ProcessCredentials:
    """The user with these capabilities, a subset of ``given_capabilities``."""
    return credentials._replace(capabilities=tuple(_NUMBERS[name] for name in names))

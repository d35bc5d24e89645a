"""Why this machine refuses a lab's namespaces, and the one setting that allows them.

What the kernel shows distinguishes the causes: sysctls of AppArmor (Ubuntu since 23.10) and of Debian, the limits below
``user.`` (namespaces(7)), the mode of seccomp and the capabilities of this process (proc(5)).
"""

import errno
from collections.abc import Callable, Mapping
from typing import NamedTuple

APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"
DEBIAN = "kernel/unprivileged_userns_clone"
LIMITS = tuple(f"user/max_{kind}_namespaces" for kind in ("user", "net", "mnt", "pid", "ipc", "uts"))
SYSCTLS = (APPARMOR, DEBIAN, *LIMITS)


class MachineFacts(NamedTuple):
    """The facts about this machine and process.

    Attributes:
        sysctls: values by path below /proc/sys, for the sysctls that the kernel has.
        is_filtered: a seccomp filter applies to this process.
        is_root: its user is root, here.
        has_admin: it has CAP_SYS_ADMIN.
    """

    sysctls: Mapping[str, str]
    is_filtered: bool
    is_root: bool
    has_admin: bool


def why_refused(code: int, facts: MachineFacts) -> str:
    """One sentence with the cause, and the command or profile that allows a lab.

    Args:
        code: errno of the refusal.
    """
    for name in LIMITS if code == errno.ENOSPC else ():
        if facts.sysctls.get(name) == "0":
            sysctl = name.replace("/", ".")
            return f"{sysctl} is 0: have root run `sysctl -w {sysctl}=15000`"
    return next((text for applies, text in _CAUSES if applies(code, facts)), _OF_SOMETHING)


_OF_SECCOMP = (
    "a seccomp filter refuses namespaces, as in an unprivileged container: start the container with "
    "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined` (Docker, Podman), or in Kubernetes with "
    "`securityContext: {seccompProfile: {type: Unconfined}}`"
)
_OF_A_LIMIT = (
    "the limit of namespaces is reached: have root raise user.max_user_namespaces, or whichever of `sysctl user` is "
    "low, with `sysctl -w`"
)
_OF_DEBIAN = (
    "this kernel does not let ordinary users make namespaces: have root run "
    "`sysctl -w kernel.unprivileged_userns_clone=1`, or run fairlead as root"
)
_OF_APPARMOR = (
    "AppArmor does not let ordinary users make namespaces: have root run "
    "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run fairlead as root"
)
_OF_SOMETHING = (
    "this kernel does not let ordinary users make namespaces, and does not say why (another security module, or "
    "CONFIG_USER_NS is off): run fairlead as root"
)
_OF_ROOT = "root needs the capability CAP_SYS_ADMIN: run fairlead with it, or as an ordinary user"

# The first that applies is the cause.
_CAUSES: tuple[tuple[Callable[[int, MachineFacts], bool], str], ...] = (
    (lambda code, _: code == errno.ENOSPC, _OF_A_LIMIT),
    (lambda _, facts: facts.is_filtered and not facts.has_admin, _OF_SECCOMP),
    (lambda _, facts: facts.is_root, _OF_ROOT),
    (lambda _, facts: facts.sysctls.get(DEBIAN) == "0", _OF_DEBIAN),
    (lambda _, facts: facts.sysctls.get(APPARMOR) == "1", _OF_APPARMOR),
)

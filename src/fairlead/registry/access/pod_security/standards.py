"""The controls of a standard: a table of checks, each with the versions that it applies to."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from fairlead.registry.access.pod_security import baseline, restricted
from fairlead.registry.access.pod_security.pods import CheckedPod, Violation
from fairlead.registry.access.pod_security.policy import BASELINE, PRIVILEGED, RESTRICTED, Standard
from fairlead.registry.access.pod_security.restricted import Check, not_on_windows, of_host_users


class Control(NamedTuple):
    """A check, with the first minor version of each revision; ``replaces`` names the baseline control it covers."""

    name: str
    revisions: tuple[tuple[int, Check], ...]
    replaces: str = ""

    def at(self, version: int) -> Check | None:
        """The revision that a version has."""
        return next((check for since, check in reversed(self.revisions) if version >= since), None)


def _sysctls_since(version: int) -> tuple[int, Check]:
    return version, partial(baseline.sysctls, version=version)


# In the order of upstream's messages.
_BASELINE = (
    Control("appArmorProfile", ((0, baseline.app_armor),)),
    Control("capabilities", ((0, baseline.capabilities),)),
    Control("hostNamespaces", ((0, baseline.host_namespaces),)),
    Control("hostPathVolumes", ((0, baseline.host_path_volumes),)),
    Control("hostPorts", ((0, baseline.host_ports),)),
    Control("hostProbesAndHostLifecycle", ((34, baseline.hosts_of_probes),)),
    Control("privileged", ((0, baseline.privileged),)),
    Control("procMount", ((0, baseline.proc_mount), (35, baseline.proc_mount_of_host_users))),
    Control("seLinuxOptions", ((0, baseline.selinux), (31, baseline.selinux_with_engines))),
    Control("seccompProfile", ((0, baseline.seccomp_annotations), (19, baseline.seccomp))),
    Control("sysctls", (_sysctls_since(0), _sysctls_since(27), _sysctls_since(29), _sysctls_since(32))),
    Control("windowsHostProcess", ((0, baseline.windows_host_process),)),
)
_RESTRICTED = (
    Control(
        "allowPrivilegeEscalation",
        ((8, restricted.privilege_escalation), (25, not_on_windows(restricted.privilege_escalation))),
    ),
    Control(
        "capabilities_restricted",
        ((22, restricted.capabilities), (25, not_on_windows(restricted.capabilities))),
        replaces="capabilities",
    ),
    Control("procMount_restricted", ((35, baseline.proc_mount),), replaces="procMount"),
    Control("restrictedVolumes", ((0, restricted.volumes),), replaces="hostPathVolumes"),
    Control("runAsNonRoot", ((0, restricted.run_as_non_root), (35, of_host_users(restricted.run_as_non_root)))),
    Control("runAsUser", ((23, restricted.run_as_user), (35, of_host_users(restricted.run_as_user)))),
    Control(
        "seccompProfile_restricted",
        ((19, restricted.seccomp), (25, not_on_windows(restricted.seccomp))),
        replaces="seccompProfile",
    ),
)
_CONTROLS = {PRIVILEGED: (), BASELINE: _BASELINE, RESTRICTED: (*_BASELINE, *_RESTRICTED)}


def violations(pod: CheckedPod, standard: Standard) -> list[Violation]:
    """The violations of a standard by a Pod."""
    return [found for check in _checks(standard) if (found := check(pod))]


def _checks(standard: Standard) -> Iterator[Check]:
    present = [(control, check) for control in _CONTROLS[standard.level] if (check := control.at(standard.version))]
    replaced = {control.replaces for control, _ in present}
    return (check for control, check in present if control.name not in replaced)

"""The additional controls of the restricted level: current hardening practice.

Upstream: pod-security-admission ``policy/check_*.go``, whose reasons and details these are.
"""

from collections.abc import Callable

from fairlead.model.document import Doc
from fairlead.registry.access.pod_security import baseline
from fairlead.registry.access.pod_security.baseline import SECCOMP_TYPES, forbidden_capabilities
from fairlead.registry.access.pod_security.pods import (
    CheckedPod,
    Violation,
    context,
    named,
    plural,
    quoted,
    setters,
    told,
)

_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_BIND = frozenset({"NET_BIND_SERVICE"})

Check = Callable[[CheckedPod], Violation | None]


def not_on_windows(check: Check) -> Check:
    """The check, limited to Pods that are not for Windows."""
    return lambda pod: None if pod.is_windows else check(pod)


def of_host_users(check: Check) -> Check:
    """The check, limited to Pods without their own user namespace."""
    return lambda pod: None if pod.has_own_users else check(pod)


def privilege_escalation(pod: CheckedPod) -> Violation | None:
    """Every container forbids privilege escalation."""
    names = named(pod.containers, lambda container: context(container, "allowPrivilegeEscalation") is not False)
    if not names:
        return None
    detail = f"{told(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def capabilities(pod: CheckedPod) -> Violation | None:
    """Every container drops all capabilities, and adds none but that for low ports."""
    names = named(pod.containers, lambda container: "ALL" not in (context(container, "capabilities", "drop") or ()))
    missing = f'{told(names)} must set securityContext.capabilities.drop=["ALL"]' if names else ""
    details = [*filter(None, (missing, forbidden_capabilities(pod, _BIND)))]
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def volumes(pod: CheckedPod) -> Violation | None:
    """Volumes of types that are not permitted."""
    bad = {volume.get("name", ""): _type_of(volume) for volume in pod.spec.get("volumes") or () if _is_bad(volume)}
    if not bad:
        return None
    types = sorted(set(bad.values()))
    verb, noun = plural("uses", "use", bad), plural("restricted volume type", "restricted volume types", types)
    detail = f"{plural('volume', 'volumes', bad)} {quoted(bad)} {verb} {noun} {quoted(types)}"
    return Violation("restricted volume types", detail)


def _is_bad(volume: Doc) -> bool:
    return not any(volume.get(kind) is not None for kind in _VOLUMES)


def _type_of(volume: Doc) -> str:
    return next((kind for kind, source in volume.items() if kind != "name" and source is not None), "unknown")


def run_as_non_root(pod: CheckedPod) -> Violation | None:
    """The Pod or each container says that it is not root."""
    reason, of_pod = "runAsNonRoot != true", context(pod.spec, "runAsNonRoot")
    explicit = named(pod.containers, lambda container: context(container, "runAsNonRoot") is False)
    if who := setters(of_pod is False, explicit):
        return Violation(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    implicit = named(pod.containers, lambda container: context(container, "runAsNonRoot") is None)
    if of_pod or not implicit:
        return None
    return Violation(reason, f"pod or {told(implicit)} must set securityContext.runAsNonRoot=true")


def run_as_user(pod: CheckedPod) -> Violation | None:
    """Neither the Pod nor a container asks to be root."""
    names = named(pod.containers, lambda container: context(container, "runAsUser") == 0)
    who = setters(context(pod.spec, "runAsUser") == 0, names)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(pod: CheckedPod) -> Violation | None:
    """The Pod or each container has a profile."""
    if violation := baseline.seccomp(pod):
        return violation
    names = named(pod.containers, lambda container: context(container, "seccompProfile") is None)
    if context(pod.spec, "seccompProfile", "type") in SECCOMP_TYPES or not names:
        return None
    choice = " or ".join(f'"{type_}"' for type_ in SECCOMP_TYPES)
    return Violation("seccompProfile", f"pod or {told(names)} must set securityContext.seccompProfile.type to {choice}")

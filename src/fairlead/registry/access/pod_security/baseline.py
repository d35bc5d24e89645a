"""The controls of the baseline level: no known ways out of a container.

Upstream: pod-security-admission ``policy/check_*.go``, whose reasons and details these are.
"""

from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.registry.access.pod_security.pods import (
    CheckedPod,
    Violation,
    at,
    context,
    named,
    plural,
    quoted,
    setters,
    told,
)

_CAPABILITIES = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"}
    | {"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)
_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
_SYSCTLS = frozenset(
    {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"}
    | {"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start"}
)
# Additional safe sysctls, by the first minor version.
_LATER_SYSCTLS = (
    (27, frozenset({"net.ipv4.ip_local_reserved_ports"})),
    (
        29,
        frozenset({"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout"})
        | {"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"},
    ),
    (32, frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})),
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_OF_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
SECCOMP_TYPES = ("RuntimeDefault", "Localhost")


def app_armor(pod: CheckedPod) -> Violation | None:
    """Profiles that switch AppArmor off, by field and by annotation."""
    types = [context(holder, "appArmorProfile", "type") for holder in (pod.spec, *pod.containers)]
    bad = sorted({str(type_) for type_ in types if type_ and type_ not in SECCOMP_TYPES})
    names = named(pod.containers, lambda c: context(c, "appArmorProfile", "type") in bad)
    who = [setters(types[0] in bad, names)] if bad else []
    annotations = sorted(
        f'{key}="{value}"'
        for key, value in pod.annotations.items()
        if key.startswith(_APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    if annotations:
        who.append(plural("annotation", "annotations", annotations))
    if not who:
        return None
    values = [*bad, *annotations]
    reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values)
    return Violation(reason, f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}")


def capabilities(pod: CheckedPod) -> Violation | None:
    """Capabilities beyond the container runtimes' default."""
    added = forbidden_capabilities(pod, _CAPABILITIES)
    return Violation("non-default capabilities", added) if added else None


def forbidden_capabilities(pod: CheckedPod, allowed: frozenset[str]) -> str:
    """The containers that add forbidden capabilities, and which; empty if none does."""
    bad = {name for container in pod.containers for name in _added(container) if name not in allowed}
    names = named(pod.containers, lambda container: bad & set(_added(container)))
    if not bad:
        return ""
    return f"{told(names)} must not include {quoted(sorted(bad))} in securityContext.capabilities.add"


def _added(container: Doc) -> list[str]:
    return context(container, "capabilities", "add") or []


def host_namespaces(pod: CheckedPod) -> Violation | None:
    """The network, processes or shared memory of the host."""
    shared = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(field)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def host_path_volumes(pod: CheckedPod) -> Violation | None:
    """Files of the host."""
    names = [volume.get("name", "") for volume in pod.spec.get("volumes") or () if volume.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{plural('volume', 'volumes', names)} {quoted(names)}") if names else None


def host_ports(pod: CheckedPod) -> Violation | None:
    """Ports of the host."""
    ports = {str(port) for container in pod.containers for port in _host_ports(container)}
    names = named(pod.containers, _host_ports)
    if not ports:
        return None
    verb, noun = plural("uses", "use", names), plural("hostPort", "hostPorts", ports)
    return Violation("hostPort", f"{told(names)} {verb} {noun} {', '.join(sorted(ports))}")


def _host_ports(container: Doc) -> list[int]:
    return [port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")]


def hosts_of_probes(pod: CheckedPod) -> Violation | None:
    """Probes and hooks that make the node connect to a host other than the Pod."""
    hosts = {host for container in pod.containers for host in _hosts(container)}
    names = sorted(named(pod.containers, lambda container: [*_hosts(container)]))
    if not hosts:
        return None
    noun = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts)
    detail = f"{told(names)} {plural('uses', 'use', names)} {noun} {quoted(sorted(hosts))}"
    return Violation("probe or lifecycle host", detail)


def _hosts(container: Doc) -> Iterator[str]:
    handlers = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [at(container, "lifecycle", hook) for hook in ("postStart", "preStop")]
    for handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            if host := at(handler or {}, action, "host"):
                yield host


def privileged(pod: CheckedPod) -> Violation | None:
    """Containers without any limits."""
    names = named(pod.containers, lambda container: context(container, "privileged"))
    return Violation("privileged", f"{told(names)} must not set securityContext.privileged=true") if names else None


def proc_mount(pod: CheckedPod) -> Violation | None:
    """A ``/proc`` without its masks."""
    kinds = {context(container, "procMount") for container in pod.containers} - {None, "Default"}
    names = named(pod.containers, lambda container: context(container, "procMount") in kinds)
    if not kinds:
        return None
    return Violation("procMount", f"{told(names)} must not set securityContext.procMount to {quoted(sorted(kinds))}")


def proc_mount_of_host_users(pod: CheckedPod) -> Violation | None:
    """Like ``proc_mount``, but allowed for a Pod with its own user namespace."""
    return None if pod.has_own_users else proc_mount(pod)


def selinux(pod: CheckedPod) -> Violation | None:
    return _selinux(pod, _SELINUX_TYPES)


def selinux_with_engines(pod: CheckedPod) -> Violation | None:
    return _selinux(pod, _SELINUX_TYPES | {"container_engine_t"})


def _selinux(pod: CheckedPod, allowed: frozenset[str]) -> Violation | None:
    """SELinux types other than containers', or users and roles."""
    options = [context(holder, "seLinuxOptions") or {} for holder in (pod.spec, *pod.containers)]

    def is_bad(set_: Doc) -> bool:
        return bool(set_.get("type", "") not in allowed or set_.get("user") or set_.get("role"))

    if not any(map(is_bad, options)):
        return None
    types = sorted({set_.get("type", "") for set_ in options} - allowed)
    what = [f"{plural('type', 'types', types)} {quoted(types)}"] if types else []
    what += [f"{field} may not be set" for field in ("user", "role") if any(set_.get(field) for set_ in options)]
    names = named(pod.containers, lambda container: is_bad(context(container, "seLinuxOptions") or {}))
    who = setters(is_bad(options[0]), names)
    return Violation("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(what)}")


def seccomp_annotations(pod: CheckedPod) -> Violation | None:
    """Profiles in annotations, from before the field existed."""
    keys = [_SECCOMP_OF_POD, *(_SECCOMP_OF_CONTAINER + container.get("name", "") for container in pod.containers)]
    found = {key: pod.annotations[key] for key in keys if key in pod.annotations}
    bad = sorted(f'{key}="{value}"' for key, value in found.items() if not _is_seccomp(value))
    if not bad:
        return None
    return Violation("seccompProfile", f"forbidden {plural('annotation', 'annotations', bad)} {', '.join(bad)}")


def _is_seccomp(value: str) -> bool:
    return value in ("runtime/default", "docker/default") or value.startswith("localhost/")


def seccomp(pod: CheckedPod) -> Violation | None:
    """Profiles that switch seccomp off."""
    types = [context(holder, "seccompProfile", "type") for holder in (pod.spec, *pod.containers)]
    bad = sorted({type_ for type_ in types if type_ is not None and type_ not in SECCOMP_TYPES})
    names = named(pod.containers, lambda container: context(container, "seccompProfile", "type") in bad)
    if not bad:
        return None
    who = setters(types[0] in bad, names)
    return Violation("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(bad)}")


def sysctls(pod: CheckedPod, version: int) -> Violation | None:
    """Kernel settings that affect more than the Pod."""
    allowed = _SYSCTLS.union(*(names for since, names in _LATER_SYSCTLS if version >= since))
    set_ = [setting.get("name", "") for setting in context(pod.spec, "sysctls") or ()]
    bad = [name for name in set_ if name not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def windows_host_process(pod: CheckedPod) -> Violation | None:
    """Containers of Windows that are processes of the host."""
    names = named(pod.containers, lambda container: context(container, "windowsOptions", "hostProcess"))
    who = setters(bool(context(pod.spec, "windowsOptions", "hostProcess")), names)
    if not who:
        return None
    return Violation("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true")

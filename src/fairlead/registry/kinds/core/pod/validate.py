"""Validation of a Pod. Upstream: ``ValidatePodSpec`` in pkg/apis/core/validation/validation.go.

The same rules hold for the Pod template of a workload, at another path.
"""

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, required
from fairlead.registry.kinds.core.pod.addresses import validate_addresses
from fairlead.registry.kinds.core.pod.affinity import affinity_faults
from fairlead.registry.kinds.core.pod.changes import validate_changes
from fairlead.registry.kinds.core.pod.validate_containers import validate_containers
from fairlead.registry.kinds.value_rules import ip_errors, one_of
from fairlead.registry.object_meta import qualified_name_errors, validate_labels
from fairlead.registry.strategy import Context

MAX_DEADLINE = 2**31 - 1

MAX_USER = 2**31 - 1

_USER_FIELDS = ("runAsUser", "runAsGroup", "fsGroup")
_USER_DETAIL = f"must be between 0 and {MAX_USER}, inclusive"
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_NAMESERVERS = 3
_MAX_SEARCHES = 32
_TOLERATION_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def validate_create(pod: Doc, context: Context) -> list[FieldError]:
    """The faults of a new Pod."""
    faults = validate_spec(pod["spec"], "spec")
    if pod["spec"].get("ephemeralContainers"):
        faults.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    return faults


def validate_update(pod: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed Pod; only a few fields of a running Pod can change."""
    return [*validate_changes(pod["spec"], old["spec"]), *validate_addresses(pod, old)]


def validate_spec(spec: Doc, path: str) -> list[FieldError]:
    """The faults of a Pod's spec, or of the one in a template, which stands at ``path``."""
    faults = validate_volumes(spec, path) + validate_containers(spec, path)
    for rule in _RULES:
        faults += rule(spec, path)
    return faults


def validate_volumes(spec: Doc, path: str) -> list[FieldError]:
    """The faults of volumes: each has a unique name and one source."""
    faults: list[FieldError] = []
    seen: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        place, name = f"{path}.volumes[{index}]", volume.get("name", "")
        faults += _name(f"{place}.name", name, seen)
        sources = [key for key in volume if key != "name"]
        faults += [forbidden(f"{place}.{key}", "may not specify more than 1 volume type") for key in sources[1:]]
    return faults


def _name(path: str, name: str, seen: set[str]) -> list[FieldError]:
    if not name:
        return [required(path)]
    faults = [invalid(path, name, detail) for detail in dns1123_label_errors(name)]
    if name in seen:
        faults.append(duplicate(path, name))
    seen.add(name)
    return faults


def _restart_policy(spec: Doc, path: str) -> list[FieldError]:
    return one_of(f"{path}.restartPolicy", spec["restartPolicy"], _RESTART_POLICIES)


def _dns(spec: Doc, path: str) -> list[FieldError]:
    policy, config = spec["dnsPolicy"], spec.get("dnsConfig") or {}
    faults = one_of(f"{path}.dnsPolicy", policy, _DNS_POLICIES)
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if policy == "None" and not servers:
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        faults.append(required(f"{path}.dnsConfig.nameservers", detail))
    if len(servers) > _MAX_NAMESERVERS:
        detail = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        faults.append(invalid(f"{path}.dnsConfig.nameservers", servers, detail))
    for index, server in enumerate(servers):
        faults += [invalid(f"{path}.dnsConfig.nameservers[{index}]", server, detail) for detail in ip_errors(server)]
    if len(searches) > _MAX_SEARCHES:
        detail = f"must not have more than {_MAX_SEARCHES} search paths"
        faults.append(invalid(f"{path}.dnsConfig.searches", searches, detail))
    return faults


def _names(spec: Doc, path: str) -> list[FieldError]:
    rules = {
        "hostname": dns1123_label_errors,
        "nodeName": dns1123_subdomain_errors,
        "priorityClassName": dns1123_subdomain_errors,
        "serviceAccountName": dns1123_subdomain_errors,
        "subdomain": dns1123_label_errors,
    }
    return [
        invalid(f"{path}.{field}", spec[field], detail)
        for field, errors in rules.items()
        if spec.get(field)
        for detail in errors(spec[field])
    ]


def _node_selector(spec: Doc, path: str) -> list[FieldError]:
    return validate_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")


def _durations(spec: Doc, path: str) -> list[FieldError]:
    faults = []
    deadline, grace = spec.get("activeDeadlineSeconds"), spec["terminationGracePeriodSeconds"]
    if deadline is not None and not 1 <= deadline <= MAX_DEADLINE:
        detail = f"must be between 1 and {MAX_DEADLINE}, inclusive"
        faults.append(invalid(f"{path}.activeDeadlineSeconds", deadline, detail))
    if grace < 0:
        detail = "must be greater than or equal to 0"
        faults.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, detail))
    return faults


def _host_aliases(spec: Doc, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        place, ip = f"{path}.hostAliases[{index}]", alias.get("ip", "")
        faults += [invalid(f"{place}.ip", ip, detail) for detail in ip_errors(ip)]
        for position, name in enumerate(alias.get("hostnames") or ()):
            where = f"{place}.hostnames[{position}]"
            faults += [invalid(where, name, detail) for detail in dns1123_subdomain_errors(name)]
    return faults


def _users(spec: Doc, path: str) -> list[FieldError]:
    """IDs of users and groups, in the Pod's security context and in those of its containers."""
    holders = [(path, spec)]
    for name in ("containers", "initContainers"):
        holders += [(f"{path}.{name}[{index}]", item) for index, item in enumerate(spec.get(name) or ())]
    faults = []
    for place, holder in holders:
        if not (context := holder.get("securityContext")):
            continue
        where = f"{place}.securityContext"
        numbers = [(f"{where}.{field}", context[field]) for field in _USER_FIELDS if context.get(field) is not None]
        groups = context.get("supplementalGroups") or ()
        numbers += [(f"{where}.supplementalGroups[{index}]", group) for index, group in enumerate(groups)]
        faults += [invalid(at, number, _USER_DETAIL) for at, number in numbers if not 0 <= number <= MAX_USER]
    return faults


def _readiness_gates(spec: Doc, path: str) -> list[FieldError]:
    return [
        invalid(f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType", ""), detail)
        for index, gate in enumerate(spec.get("readinessGates") or ())
        for detail in qualified_name_errors(gate.get("conditionType", ""))
    ]


def _tolerations(spec: Doc, path: str) -> list[FieldError]:
    return [
        fault
        for index, toleration in enumerate(spec.get("tolerations") or ())
        for fault in _toleration(f"{path}.tolerations[{index}]", toleration)
    ]


def _toleration(path: str, toleration: Doc) -> list[FieldError]:
    key, operator, effect = (toleration.get(field, "") for field in ("key", "operator", "effect"))
    faults = [invalid(f"{path}.key", key, detail) for detail in qualified_name_errors(key)] if key else []
    if not key and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        faults.append(invalid(f"{path}.operator", operator, detail))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        faults.append(invalid(f"{path}.effect", effect, detail))
    if operator == "Exists" and toleration.get("value"):
        detail = "value must be empty when `operator` is 'Exists'"
        faults.append(invalid(f"{path}.operator", toleration, detail))
    if operator:
        faults += one_of(f"{path}.operator", operator, ("Equal", "Exists"))
    return faults + (one_of(f"{path}.effect", effect, _TOLERATION_EFFECTS) if effect else [])


_RULES = (
    _restart_policy,
    _dns,
    _node_selector,
    _names,
    _durations,
    _host_aliases,
    _users,
    _readiness_gates,
    _tolerations,
    affinity_faults,
)

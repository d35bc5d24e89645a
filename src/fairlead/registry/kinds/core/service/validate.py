"""Validation of a Service with all its defaults and allocated values.

The faults are in upstream's order, because kubectl prints them in it. Upstream: pkg/apis/core/validation/validation.go,
``validateService`` and ``ValidateServiceUpdate``, oddities of paths included.
"""

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.core.service import validate_traffic as traffic
from fairlead.registry.kinds.core.service.changes import validate_changes
from fairlead.registry.kinds.core.service.facts import is_external_name, is_headless
from fairlead.registry.kinds.core.service.validate_cluster_ips import validate_cluster_ips
from fairlead.registry.kinds.core.service.validate_ports import (
    unique_node_ports,
    unique_ports,
    validate_ports,
    without_node_ports,
)
from fairlead.registry.kinds.core.service.validate_status import validate_status
from fairlead.registry.kinds.core.service.warnings import TOPOLOGY_AWARE_HINTS, TOPOLOGY_MODE
from fairlead.registry.kinds.value_rules import LATER_REFUSED, one_of
from fairlead.registry.object_meta import validate_labels
from fairlead.registry.strategy import Context

KUBELET_PORT = 10250

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_NO_EXTERNAL_NAME = "may not be set for ExternalName services"


def validate_create(service: Doc, context: Context) -> list[FieldError]:
    """The faults of a new Service."""
    return _validate(service)


def validate_update(service: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed Service: immutable fields come first."""
    kept = {*(old["spec"].get("externalIPs") or ()), *(old["spec"].get("loadBalancerSourceRanges") or ())}
    faults = [fault for fault in _validate(service) if not (fault.detail in LATER_REFUSED and fault.value in kept)]
    return validate_changes(service["spec"], old["spec"]) + faults


def _validate(service: Doc) -> list[FieldError]:
    spec = service["spec"]
    faults = _topology_annotations(service["metadata"].get("annotations") or {})
    for rule in _SPEC_RULES:
        faults += rule(spec)
    faults += traffic.source_ranges(service)
    for rule in _TRAFFIC_RULES:
        faults += rule(spec)
    return faults + validate_status(service)


def _topology_annotations(annotations: Doc) -> list[FieldError]:
    mode, hints = annotations.get(TOPOLOGY_MODE), annotations.get(TOPOLOGY_AWARE_HINTS)
    if mode is None or hints is None or mode == hints:
        return []
    detail = f"must match annotations[{TOPOLOGY_AWARE_HINTS}] when both are specified"
    return [invalid(f"metadata.annotations[{TOPOLOGY_MODE}]", mode, detail)]


def _needs_ports(spec: Doc) -> list[FieldError]:
    needed = not is_headless(spec) and not is_external_name(spec)
    return [required("spec.ports")] if needed and not spec.get("ports") else []


def _type_rules(spec: Doc) -> list[FieldError]:
    match spec["type"]:
        case "LoadBalancer":
            return _no_kubelet_port(spec) + _not_headless(spec)
        case "NodePort":
            return _not_headless(spec)
        case "ExternalName":
            return _external_name(spec)
        case _:
            return []


def _no_kubelet_port(spec: Doc) -> list[FieldError]:
    detail = f"may not expose port {KUBELET_PORT} externally since it is used by kubelet"
    ports = enumerate(spec.get("ports") or ())
    return [invalid(f"spec.ports[{i}]", KUBELET_PORT, detail) for i, port in ports if port["port"] == KUBELET_PORT]


def _not_headless(spec: Doc) -> list[FieldError]:
    detail = f"may not be set to 'None' for {spec['type']} services"
    return [invalid("spec.clusterIPs[0]", "None", detail)] if is_headless(spec) else []


def _external_name(spec: Doc) -> list[FieldError]:
    fields = ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
    faults = [forbidden(f"spec.{field}", _NO_EXTERNAL_NAME) for field in fields if spec.get(field)]
    target = spec.get("externalName", "").removesuffix(".")
    if not target:
        return [*faults, required("spec.externalName")]
    return faults + [invalid("spec.externalName", target, detail) for detail in dns1123_subdomain_errors(target)]


def _selector(spec: Doc) -> list[FieldError]:
    return validate_labels(spec.get("selector") or {}, "spec.selector")


def _type(spec: Doc) -> list[FieldError]:
    return one_of("spec.type", spec["type"], _TYPES)


_SPEC_RULES = (
    _needs_ports,
    _type_rules,
    validate_ports,
    _selector,
    traffic.session_affinity,
    validate_cluster_ips,
    traffic.external_ips,
    _type,
    without_node_ports,
    unique_node_ports,
    unique_ports,
)
_TRAFFIC_RULES = (
    traffic.allocate_node_ports,
    traffic.load_balancer_class,
    traffic.external_policy,
    traffic.health_check_port,
    traffic.internal_policy,
    traffic.distribution,
)

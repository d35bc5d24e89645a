"""Fields about traffic to a Service: affinity, external IPs, load balancers, traffic policies.

The path ``spec.LoadBalancerSourceRanges`` and the bare ``allocateLoadBalancerNodePorts`` are upstream's.
"""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.core.service.facts import (
    is_external_name,
    is_externally_accessible,
    is_load_balancer,
    needs_health_check,
)
from fairlead.registry.kinds.value_rules import cidr_errors, ip_errors, one_of, special_ip_errors
from fairlead.registry.object_meta import qualified_name_errors

MAX_AFFINITY_SECONDS = 86400
SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"

_AFFINITIES = ("ClientIP", "None")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"


def session_affinity(spec: Doc) -> list[FieldError]:
    """Faults of the affinity and its time-out."""
    affinity, config = spec["sessionAffinity"], spec.get("sessionAffinityConfig")
    if affinity not in _AFFINITIES:
        return [not_supported("spec.sessionAffinity", affinity, _AFFINITIES)]
    if affinity == "None":
        detail = "must not be set when session affinity is None"
        return [] if config is None else [forbidden("spec.sessionAffinityConfig", detail)]
    return _affinity_timeout((config or {}).get("clientIP", {}).get("timeoutSeconds"))


def _affinity_timeout(seconds: int | None) -> list[FieldError]:
    path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
    if seconds is None:
        return [required(path, "when session affinity type is ClientIP")]
    detail = f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"  # the limit itself is allowed
    return [] if 0 < seconds <= MAX_AFFINITY_SECONDS else [invalid(path, seconds, detail)]


def external_ips(spec: Doc) -> list[FieldError]:
    """Faults of external IPs, which must be addresses of a host."""
    faults: list[FieldError] = []
    for index, ip in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{index}]"
        faults += [invalid(path, ip, detail) for detail in ip_errors(ip)] or special_ip_errors(path, ip)
    return faults


def source_ranges(service: Doc) -> list[FieldError]:
    """The field, or its older annotation; users put spaces into both."""
    ranges = service["spec"].get("loadBalancerSourceRanges") or []
    annotation = (service["metadata"].get("annotations") or {}).get(SOURCE_RANGES_ANNOTATION)
    annotation_path = f"metadata.annotations[{SOURCE_RANGES_ANNOTATION}]"
    if ranges:
        path = "spec.LoadBalancerSourceRanges"  # the capital letter is upstream's
        cidrs = [(f"{path}[{index}]", cidr.strip()) for index, cidr in enumerate(ranges)]
    elif annotation is not None:
        path = annotation_path
        cidrs = [(path, cidr.strip()) for cidr in annotation.split(",")] if annotation.strip() else []
    else:
        return []
    if not is_load_balancer(service["spec"]):
        return [forbidden(path, _ONLY_LOAD_BALANCER)]
    return [invalid(place, cidr, detail) for place, cidr in cidrs for detail in cidr_errors(cidr)]


def allocate_node_ports(spec: Doc) -> list[FieldError]:
    """Whether the choice about node ports is made for a load balancer, and only for one."""
    given = "allocateLoadBalancerNodePorts" in spec
    if is_load_balancer(spec):
        return [] if given else [required("allocateLoadBalancerNodePorts")]  # the path is upstream's
    return [forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_LOAD_BALANCER)] if given else []


def load_balancer_class(spec: Doc) -> list[FieldError]:
    """Faults of the name of a load balancer implementation."""
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    if not is_load_balancer(spec):
        return [forbidden("spec.loadBalancerClass", _ONLY_LOAD_BALANCER)]
    return [invalid("spec.loadBalancerClass", name, detail) for detail in qualified_name_errors(name)]


def external_policy(spec: Doc) -> list[FieldError]:
    """Faults of the policy for traffic from outside."""
    path, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy")
    if policy is None:
        return []
    if not is_externally_accessible(spec):
        return [invalid(path, policy, "may only be set for externally-accessible services")]
    return one_of(path, policy, _POLICIES)


def health_check_port(spec: Doc) -> list[FieldError]:
    """Faults of a health-check port where there is no health check."""
    port = spec.get("healthCheckNodePort", 0)
    if not port or needs_health_check(spec):
        return []
    detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    return [invalid("spec.healthCheckNodePort", port, detail)]


def internal_policy(spec: Doc) -> list[FieldError]:
    """Faults of the policy for traffic from inside; an alias may have a stale one."""
    path, policy = "spec.internalTrafficPolicy", spec.get("internalTrafficPolicy")
    if policy is None:
        return [] if is_external_name(spec) else [required(path)]
    return one_of(path, policy, _POLICIES)


def distribution(spec: Doc) -> list[FieldError]:
    """Faults of the preference for near endpoints."""
    distribution = spec.get("trafficDistribution")
    return [] if distribution is None else one_of("spec.trafficDistribution", distribution, _DISTRIBUTIONS)

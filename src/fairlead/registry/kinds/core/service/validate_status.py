"""The status of a Service: where its load balancer answers."""

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.core.service.facts import is_load_balancer
from fairlead.registry.kinds.value_rules import ip_errors, one_of

_IP_MODES = ("Proxy", "VIP")


def validate_status(service: Doc) -> list[FieldError]:
    """The faults of the addresses of a load balancer."""
    ingress = (service.get("status", {}).get("loadBalancer") or {}).get("ingress") or []
    path = "status.loadBalancer.ingress"
    if ingress and not is_load_balancer(service["spec"]):
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    return [fault for index, point in enumerate(ingress) for fault in _ingress_point(f"{path}[{index}]", point)]


def _ingress_point(path: str, point: Doc) -> list[FieldError]:
    ip, mode, hostname = point.get("ip", ""), point.get("ipMode"), point.get("hostname", "")
    faults = [invalid(f"{path}.ip", ip, detail) for detail in ip_errors(ip)] if ip else []
    if ip and mode is None:
        faults.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
    elif mode is not None and not ip:
        faults.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
    elif mode is not None:
        faults += one_of(f"{path}.ipMode", mode, _IP_MODES)
    if hostname:
        faults += [invalid(f"{path}.hostname", hostname, detail) for detail in dns1123_subdomain_errors(hostname)]
        if not ip_errors(hostname):
            faults.append(invalid(f"{path}.hostname", hostname, "must be a DNS name, not an IP address"))
    return faults

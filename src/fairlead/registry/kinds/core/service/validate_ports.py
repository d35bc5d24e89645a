"""The ports of a Service: numbers, names, targets, and duplicates."""

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.value_rules import PROTOCOLS, port_errors, port_or_name_errors
from fairlead.registry.object_meta import qualified_name_errors


def validate_ports(spec: Doc) -> list[FieldError]:
    """The faults of each port, and of missing or duplicate names."""
    ports = spec.get("ports") or []
    names: set[str] = set()
    faults: list[FieldError] = []
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        faults += _port_name(path, port.get("name", ""), names, needed=len(ports) > 1)
        faults += _port(path, port)
    return faults


def _port_name(path: str, name: str, seen: set[str], *, needed: bool) -> list[FieldError]:
    if not name:
        return [required(f"{path}.name")] if needed else []
    faults = [invalid(f"{path}.name", name, detail) for detail in dns1123_label_errors(name)]
    if name in seen:
        faults.append(duplicate(f"{path}.name", name))
    seen.add(name)
    return faults


def _port(path: str, port: Doc) -> list[FieldError]:
    number, protocol, target = port["port"], port["protocol"], port["targetPort"]
    faults = [invalid(f"{path}.port", number, detail) for detail in port_errors(number)]
    if protocol not in PROTOCOLS:
        faults.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    faults += [invalid(f"{path}.targetPort", target, detail) for detail in port_or_name_errors(target)]
    if (app_protocol := port.get("appProtocol")) is not None:
        errors = qualified_name_errors(app_protocol)
        faults += [invalid(f"{path}.appProtocol", app_protocol, detail) for detail in errors]
    return faults


def without_node_ports(spec: Doc) -> list[FieldError]:
    """The faults of node ports on a Service whose type has none."""
    if spec["type"] != "ClusterIP":
        return []
    detail = "may not be used when `type` is 'ClusterIP'"
    ports = enumerate(spec.get("ports") or ())
    return [forbidden(f"spec.ports[{i}].nodePort", detail) for i, port in ports if port.get("nodePort")]


def unique_node_ports(spec: Doc) -> list[FieldError]:
    """The faults of node ports that another port of the same protocol has."""
    seen: set[tuple[str, int]] = set()
    faults = []
    for index, port in enumerate(spec.get("ports") or ()):
        key = port["protocol"], port.get("nodePort", 0)
        if key[1] and key in seen:
            faults.append(duplicate(f"spec.ports[{index}].nodePort", key[1]))
        seen.add(key)
    return faults


def unique_ports(spec: Doc) -> list[FieldError]:
    """The faults of ports that are there twice for one protocol."""
    seen: set[tuple[str, int]] = set()
    faults = []
    for index, port in enumerate(spec.get("ports") or ()):
        key = port["protocol"], port["port"]
        if key in seen:
            faults.append(duplicate(f"spec.ports[{index}]", _internal_port(*key)))
        seen.add(key)
    return faults


def _internal_port(protocol: str, port: int) -> Doc:
    """The value that upstream shows: its internal type, empty but for the two fields that must differ."""
    return {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": port, "TargetPort": 0, "NodePort": 0}

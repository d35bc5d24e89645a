"""The containers of a Pod. Upstream: ``validateContainers`` and below in pkg/apis/core/validation/validation.go."""

from collections.abc import Iterator, Set

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.model.quantities import quantity
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, not_found, required
from fairlead.registry.kinds.core.pod.validate_probes import validate_probes
from fairlead.registry.kinds.core.pod.validate_restarts import validate_restarts
from fairlead.registry.kinds.value_rules import PROTOCOLS, one_of, port_errors, port_name_errors

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_LISTS = ("containers", "initContainers")


def validate_containers(spec: Doc, path: str) -> list[FieldError]:
    """The faults of all containers; names are unique over the init containers as well."""
    if not spec.get("containers"):
        return [required(f"{path}.containers")]
    faults: list[FieldError] = []
    names: set[str] = set()
    volumes = {volume.get("name", "") for volume in spec.get("volumes") or ()}
    for place, container in _each(spec, path):
        faults += validate_name(place, container.get("name", ""), names)
        faults += validate_common(place, container, volumes)
        faults += _ports(place, container.get("ports") or [], host_network=bool(spec.get("hostNetwork")))
        faults += validate_resources(place, container.get("resources") or {})
        faults += validate_probes(place, container)
        faults += validate_restarts(place, container)
    return faults + _host_ports(spec, path)


def validate_common(place: str, container: Doc, volumes: Set[str]) -> list[FieldError]:
    """The faults of what every kind of container has.

    Args:
        volumes: names of the Pod's volumes.
    """
    return [
        *_image(place, container),
        *_env(place, container.get("env") or []),
        *_mounts(place, container.get("volumeMounts") or [], volumes),
        *one_of(f"{place}.terminationMessagePolicy", container["terminationMessagePolicy"], _MESSAGE_POLICIES),
        *one_of(f"{place}.imagePullPolicy", container["imagePullPolicy"], _PULL_POLICIES),
    ]


def _each(spec: Doc, path: str) -> Iterator[tuple[str, Doc]]:
    for name in _LISTS:
        for index, container in enumerate(spec.get(name) or ()):
            yield f"{path}.{name}[{index}]", container


def validate_name(path: str, name: str, seen: set[str]) -> list[FieldError]:
    """The faults of a container's name, which is added to those seen."""
    if not name:
        return [required(f"{path}.name")]
    faults = [invalid(f"{path}.name", name, detail) for detail in dns1123_label_errors(name)]
    if name in seen:
        faults.append(duplicate(f"{path}.name", name))
    seen.add(name)
    return faults


def _image(path: str, container: Doc) -> list[FieldError]:
    image = container.get("image", "")
    if not image:
        return [required(f"{path}.image")]
    detail = "must not have leading or trailing whitespace"
    return [invalid(f"{path}.image", image, detail)] if image.strip() != image else []


def _ports(path: str, ports: list[Doc], *, host_network: bool) -> list[FieldError]:
    faults: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        place = f"{path}.ports[{index}]"
        faults += _port_name(f"{place}.name", port.get("name", ""), names)
        faults += _port_numbers(place, port, host_network=host_network)
        faults += one_of(f"{place}.protocol", port["protocol"], PROTOCOLS)
    return faults


def _port_name(path: str, name: str, seen: set[str]) -> list[FieldError]:
    if not name:
        return []
    if faults := [invalid(path, name, detail) for detail in port_name_errors(name)]:
        return faults
    if name in seen:
        return [duplicate(path, name)]
    seen.add(name)
    return []


def _port_numbers(path: str, port: Doc, *, host_network: bool) -> list[FieldError]:
    number, host_port = port.get("containerPort", 0), port.get("hostPort", 0)
    if number == 0:
        faults = [required(f"{path}.containerPort")]
    else:
        faults = [invalid(f"{path}.containerPort", number, detail) for detail in port_errors(number)]
    if host_port:
        faults += [invalid(f"{path}.hostPort", host_port, detail) for detail in port_errors(host_port)]
    if host_network and host_port not in (0, number):  # a template says nothing; a Pod always has it
        faults.append(invalid(f"{path}.containerPort", number, "must match `hostPort` when `hostNetwork` is true"))
    return faults


def _host_ports(spec: Doc, path: str) -> list[FieldError]:
    """Two containers must not use the same host port."""
    faults = []
    seen: set[str] = set()
    for index, container in enumerate(spec["containers"]):
        for position, port in enumerate(container.get("ports") or ()):
            key = f"{port['protocol']}/{port.get('hostIP', '')}/{port.get('hostPort', 0)}"
            if port.get("hostPort") and key in seen:
                faults.append(duplicate(f"{path}.containers[{index}].ports[{position}].hostPort", key))
            seen.add(key)
    return faults


def _env(path: str, variables: list[Doc]) -> list[FieldError]:
    faults = []
    for index, variable in enumerate(variables):
        place, name = f"{path}.env[{index}]", variable.get("name", "")
        if not name:
            faults.append(required(f"{place}.name"))
        elif "=" in name or not (name.isascii() and name.isprintable()):
            detail = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            faults.append(invalid(f"{place}.name", name, detail))
        if variable.get("value") and variable.get("valueFrom"):
            faults.append(invalid(f"{place}.valueFrom", "", "may not be specified when `value` is not empty"))
    return faults


def _mounts(path: str, mounts: list[Doc], volumes: Set[str]) -> list[FieldError]:
    faults = []
    points: set[str] = set()
    for index, mount in enumerate(mounts):
        place, name, point = f"{path}.volumeMounts[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            faults.append(required(f"{place}.name"))
        elif name not in volumes:
            faults.append(not_found(f"{place}.name", name))
        if not point:
            faults.append(required(f"{place}.mountPath"))
        elif point in points:
            faults.append(invalid(f"{place}.mountPath", point, "must be unique"))
        points.add(point)
        faults += [invalid(f"{place}.subPath", mount["subPath"], d) for d in _sub_path(mount.get("subPath", ""))]
        if mount.get("subPath") and mount.get("subPathExpr"):
            faults.append(forbidden(f"{place}.subPathExpr", "subPathExpr and subPath are mutually exclusive"))
    return faults


def _sub_path(path: str) -> list[str]:
    faults = ["must be a relative path"] if path.startswith("/") else []
    return [*faults, "must not contain '..'"] if ".." in path.split("/") else faults


def validate_resources(path: str, resources: Doc) -> list[FieldError]:
    """The faults of the resources of a container at ``path``."""
    limits = resources.get("limits") or {}
    faults = []
    for name, text in (resources.get("requests") or {}).items():
        requested, limit = quantity(text), quantity(limits.get(name, ""))
        if requested is not None and limit is not None and requested > limit:
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            faults.append(invalid(f"{path}.resources.requests", text, detail))
    return faults

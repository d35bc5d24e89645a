"""Ingress and IngressClass. Nothing here routes HTTP; manifests that have one are checked and stored.

Upstream: pkg/registry/networking/ingress, pkg/apis/networking/validation, pkg/printers/internalversion.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from fairlead.model.addresses import parse_ip
from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, joined, name, some
from fairlead.registry.kinds.value_rules import port_errors, port_name_errors
from fairlead.registry.strategy import ClusterState, Column, Context, Strategy

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_IN_NO_PATH = ("//", "/./", "/../", "%2f", "%2F")
_AT_NO_END = ("/..", "/.")
_NO_WILDCARD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
    r"regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)

_IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def validate(ingress: Doc, context: Context) -> list[FieldError]:
    """The faults of an Ingress."""
    spec = ingress.get("spec") or {}
    rules = spec.get("rules") or []
    faults: list[FieldError] = []
    if not rules and not spec.get("defaultBackend"):
        faults.append(invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified"))
    if spec.get("defaultBackend"):
        faults += _backend("spec.defaultBackend", spec["defaultBackend"])
    for i, rule in enumerate(rules):
        faults += _rule(f"spec.rules[{i}]", rule)
    for i, tls in enumerate(spec.get("tls") or ()):
        for j, host in enumerate(tls.get("hosts") or ()):
            faults += [invalid(f"spec.tls[{i}].hosts[{j}]", host, why) for why in _host_errors(host)]
    class_name = spec.get("ingressClassName")
    if class_name is not None:
        faults += [invalid("spec.ingressClassName", class_name, why) for why in dns1123_subdomain_errors(class_name)]
    return faults


def _rule(path: str, rule: Doc) -> Iterator[FieldError]:
    host, http = rule.get("host", ""), rule.get("http")
    if parse_ip(host):
        yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
    elif host:
        yield from (invalid(f"{path}.host", host, why) for why in _host_errors(host))
    if http is not None and not http.get("paths"):
        yield required(f"{path}.http.paths")
    for i, each in enumerate((http or {}).get("paths") or ()):
        yield from _path(f"{path}.http.paths[{i}]", each)


def _host_errors(host: str) -> list[str]:
    if "*" not in host:
        return dns1123_subdomain_errors(host)
    is_wildcard = host.startswith("*.") and not dns1123_subdomain_errors(host.removeprefix("*."))
    return [] if is_wildcard else [_NO_WILDCARD]


def _path(path: str, each: Doc) -> Iterator[FieldError]:
    kind, text = each.get("pathType"), each.get("path", "")
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    if kind not in _PATH_TYPES:
        yield not_supported(f"{path}.pathType", kind, _PATH_TYPES)
    is_loose = kind == "ImplementationSpecific"
    if not text.startswith("/") and (text or not is_loose):
        yield invalid(f"{path}.path", text, "must be an absolute path")
    if not is_loose:
        yield from (invalid(f"{path}.path", text, f"must not contain '{part}'") for part in _IN_NO_PATH if part in text)
        ends = (end for end in _AT_NO_END if text.endswith(end))
        yield from (invalid(f"{path}.path", text, f"cannot end with '{end}'") for end in ends)
    yield from _backend(f"{path}.backend", each.get("backend") or {})


def _backend(path: str, backend: Doc) -> Iterator[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif service is not None:
        yield from _service(path, service)
    elif resource is None:
        yield invalid(path, "", "resource or service backend is required")


def _service(path: str, service: Doc) -> Iterator[FieldError]:
    port = service.get("port") or {}
    number, port_name = port.get("number", 0), port.get("name", "")
    if not service.get("name"):
        yield required(f"{path}.service.name")
    if number and port_name:
        yield invalid(path, "", "cannot set both port name & port number")
    elif number:
        yield from (invalid(f"{path}.service.port.number", number, why) for why in port_errors(number))
    elif port_name:
        yield from (invalid(f"{path}.service.port.name", port_name, why) for why in port_name_errors(port_name))
    else:
        yield required(path, "port name or number is required")


def _ingress_row(ingress: Doc, now: str) -> list[Any]:
    spec = ingress.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    balancer = (ingress.get("status") or {}).get("loadBalancer") or {}
    addresses = [point.get("ip") or point.get("hostname", "") for point in balancer.get("ingress") or ()]
    ports = "80, 443" if spec.get("tls") else "80"
    return [
        *(name(ingress), spec.get("ingressClassName") or NONE, some(hosts, "*")),
        *(joined(addresses, ""), ports, age(ingress, now)),
    ]


def _class_row(ingress_class: Doc, now: str) -> list[Any]:
    spec = ingress_class.get("spec") or {}
    parameters = spec.get("parameters") or {}
    kind = ".".join(parameters[field] for field in ("kind", "apiGroup") if parameters.get(field))
    text = f"{kind}/{parameters.get('name', '')}" if parameters else NONE
    return [name(ingress_class), spec.get("controller", ""), text, age(ingress_class, now)]


def admit_create(ingress: Doc, context: Context) -> None:
    """An Ingress that names no class is of the default one; of several, of the youngest."""
    spec = ingress.setdefault("spec", {})
    is_named = spec.get("ingressClassName") is not None
    is_named = is_named or _CLASS_ANNOTATION in (ingress["metadata"].get("annotations") or {})
    if not is_named and (found := _default_class(context.state)):
        spec["ingressClassName"] = found


def _default_class(state: ClusterState) -> str:
    defaults = [
        (metadata.get("creationTimestamp", ""), name_of)
        for metadata, name_of in _classes(state)
        if (metadata.get("annotations") or {}).get(_IS_DEFAULT) == "true"
    ]
    youngest = max((made for made, _ in defaults), default="")
    return min((name_of for made, name_of in defaults if made == youngest), default="")


def _classes(state: ClusterState) -> Iterator[tuple[Doc, str]]:
    for key, stored in state.of("ingressclasses.networking.k8s.io").items():
        yield msgspec.json.decode(stored.document, type=Doc)["metadata"], key.name


def default_class(ingress_class: Doc) -> None:
    """Parameters that say no scope are an object of the cluster (``SetDefaults_IngressClass``)."""
    if parameters := (ingress_class.get("spec") or {}).get("parameters"):
        parameters["scope"] = parameters.get("scope") or "Cluster"


def warnings(ingress: Doc, old: Doc | None) -> list[str]:
    """The warning about a new Ingress with the deprecated class annotation."""
    is_named = (ingress.get("spec") or {}).get("ingressClassName") is not None
    if old or is_named or _CLASS_ANNOTATION not in (ingress["metadata"].get("annotations") or {}):
        return []
    return [f"annotation \"{_CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


STRATEGY = Strategy(
    admit_create=admit_create,
    warnings=warnings,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE),
    row=_ingress_row,
)
CLASS = Strategy(
    default=default_class,
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(NAME, Column("Controller"), Column("Parameters"), AGE),
    row=_class_row,
)

"""The probes of a container. Upstream: ``validateProbe`` and ``validateHandler`` in validation.go."""

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.value_rules import one_of, port_errors, port_or_name_errors

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def validate_probes(path: str, container: Doc) -> list[FieldError]:
    """The faults of a container's probes; only readiness may ask for more than one success."""
    faults: list[FieldError] = []
    for name in _PROBES:
        if probe := container.get(name):
            faults += _probe(f"{path}.{name}", probe)
            if name != "readinessProbe" and probe["successThreshold"] != 1:
                faults.append(invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1"))
    return faults


def _probe(path: str, probe: Doc) -> list[FieldError]:
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        return [required(path, "must specify a handler type")]
    faults = [forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in handlers[1:]]
    faults += _handler(f"{path}.{handlers[0]}", handlers[0], probe[handlers[0]])
    for name in _COUNTS:
        if probe.get(name, 0) < 0:
            faults.append(invalid(f"{path}.{name}", probe[name], "must be greater than or equal to 0"))
    return faults


def _handler(path: str, name: str, handler: Doc) -> list[FieldError]:
    if name == "exec":
        return [] if handler.get("command") else [required(f"{path}.command")]
    port = handler.get("port", 0)
    errors = port_errors(port) if name == "grpc" else port_or_name_errors(port)
    faults = [invalid(f"{path}.port", port, detail) for detail in errors]
    if name == "httpGet":
        faults += one_of(f"{path}.scheme", handler["scheme"], ("HTTP", "HTTPS"))
    return faults

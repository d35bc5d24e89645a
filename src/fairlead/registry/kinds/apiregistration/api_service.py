"""APIServices: a version of a group that another server answers, or (without a Service) this one.

Upstream: kube-aggregator ``pkg/apis/apiregistration`` (validation, v1/defaults.go), ``pkg/registry/apiservice``.
"""

import base64
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1035_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import port_errors
from fairlead.registry.strategy import Column, Context, Strategy

_PORT = 443
_PRIORITIES = {"groupPriorityMinimum": 20_000, "versionPriority": 1000}  # field -> the highest
_LOCAL = {
    "type": "Available",
    "status": "True",
    "reason": "Local",
    "message": "Local APIServices are always available",
}


def default(service: Doc) -> None:
    """Fill in missing fields."""
    spec = service.setdefault("spec", {})
    if (where := spec.get("service")) is not None and where.get("port") is None:
        where["port"] = _PORT


def prepare_create(service: Doc, context: Context) -> None:
    """An APIService of this server is available; the availability of others is still unknown."""
    local = {} if service["spec"].get("service") else {"conditions": [{**_LOCAL, "lastTransitionTime": context.now}]}
    service["status"] = local


def validate(service: Doc, context: Context) -> list[FieldError]:
    """The faults of an APIService."""
    return list(_faults(service["metadata"].get("name", ""), service["spec"]))


def _faults(given: str, spec: Doc) -> Iterator[FieldError]:
    group, version = spec.get("group", ""), spec.get("version", "")
    if given != (wanted := f"{version}.{group}"):
        yield invalid("metadata.name", given, f'must be `spec.version+"."+spec.group`: "{wanted}"')
    if group:
        yield from (invalid("spec.group", group, why) for why in dns1123_subdomain_errors(group))
    elif version != "v1":
        yield required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    if not version:
        yield required("spec.version")
    else:
        yield from (invalid("spec.version", version, why) for why in dns1035_label_errors(version))
    for field, most in _PRIORITIES.items():
        if not 0 < spec.get(field, 0) <= most:
            yield invalid(f"spec.{field}", spec.get(field, 0), f"must be positive and less than {most}")
    yield from _of_server(spec)


def _of_server(spec: Doc) -> Iterator[FieldError]:
    where, bundle, is_unchecked = spec.get("service"), spec.get("caBundle"), spec.get("insecureSkipTLSVerify")
    if where is None:
        if bundle:
            size = f"{len(base64.b64decode(bundle))} bytes"
            yield invalid("spec.caBundle", size, "local APIServices may not have a caBundle")
        if is_unchecked:
            yield invalid("spec.insecureSkipTLSVerify", True, "local APIServices may not have insecureSkipTLSVerify")
        return
    yield from (required(f"spec.service.{field}") for field in ("namespace", "name") if not where.get(field))
    errors = port_errors(where["port"])
    yield from (invalid("spec.service.port", where["port"], f"port is not valid: {why}") for why in errors)
    if is_unchecked and bundle:
        yield invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


def _row(service: Doc, now: str) -> list[Any]:
    where = service["spec"].get("service")
    conditions = (service.get("status") or {}).get("conditions") or ()
    found = next((each for each in conditions if each.get("type") == "Available"), None)
    shown = "Unknown"
    if found:
        shown = "True" if found["status"] == "True" else f"{found['status']} ({found.get('reason', '')})"
    return [name(service), f"{where['namespace']}/{where['name']}" if where else "Local", shown, age(service, now)]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    columns=(NAME, Column("Service"), Column("Available"), AGE),
    row=_row,
)

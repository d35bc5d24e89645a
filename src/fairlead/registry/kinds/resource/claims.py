"""ResourceClaims, their templates, and DeviceClasses. Nothing here allocates devices.

Upstream: pkg/registry/resource, pkg/apis/resource/{v1/defaults.go,validation}.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.cel.budget import Unsupported
from fairlead.registry.cel.expressions import compiled
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required, too_many
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_MODES = ("All", "ExactCount")
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"
MOST_REQUESTS = MOST_SELECTORS = 32


def _claim_spec(document: Doc) -> Doc:
    spec: Doc = document.setdefault("spec", {})
    return spec


def _template_spec(document: Doc) -> Doc:
    spec: Doc = document.setdefault("spec", {}).setdefault("spec", {})
    return spec


def _requests(spec: Doc) -> list[Doc]:
    return (spec.get("devices") or {}).get("requests") or []


def _parts(request: Doc) -> Iterator[tuple[str, Doc]]:
    """What a request asks for: one thing, or the first of several that there is."""
    if isinstance(exactly := request.get("exactly"), dict):
        yield "exactly", exactly
    for index, each in enumerate(request.get("firstAvailable") or ()):
        yield f"firstAvailable[{index}]", each


def _default(spec: Doc) -> None:
    for request in _requests(spec):
        for _, part in _parts(request):
            part["allocationMode"] = part.get("allocationMode") or "ExactCount"
            if part["allocationMode"] == "ExactCount":
                part["count"] = part.get("count") or 1
            for toleration in part.get("tolerations") or ():
                toleration["operator"] = toleration.get("operator") or "Equal"


def _faults(spec: Doc, path: str) -> Iterator[FieldError]:
    path, requests = f"{path}.devices.requests", _requests(spec)
    if len(requests) > MOST_REQUESTS:
        yield too_many(path, len(requests), MOST_REQUESTS)
    seen: set[str] = set()
    for index, request in enumerate(requests):
        where, given = f"{path}[{index}]", request.get("name", "")
        if not given:
            yield required(f"{where}.name")
        elif given in seen:
            yield duplicate(f"{where}.name", given)
        else:
            yield from (invalid(f"{where}.name", given, why) for why in dns1123_label_errors(given))
        seen.add(given)
        given_parts = [field for field in ("exactly", "firstAvailable") if request.get(field)]
        if len(given_parts) == 2:
            yield invalid(where, "", f"{_ONE_OF}, but multiple fields are set")
        elif not given_parts:
            yield required(where, _ONE_OF)
        for field, part in _parts(request):
            yield from _part(f"{where}.{field}", part)


def _part(path: str, part: Doc) -> Iterator[FieldError]:
    device_class = part.get("deviceClassName", "")
    if not device_class:
        yield required(f"{path}.deviceClassName")
    else:
        why_not = dns1123_subdomain_errors(device_class)
        yield from (invalid(f"{path}.deviceClassName", device_class, why) for why in why_not)
    if part["allocationMode"] not in _MODES:
        yield not_supported(f"{path}.allocationMode", part["allocationMode"], _MODES)
    elif part["allocationMode"] == "ExactCount" and part.get("count", 0) <= 0:
        yield invalid(f"{path}.count", part.get("count", 0), "must be greater than zero")
    elif part["allocationMode"] == "All" and part.get("count"):
        yield invalid(f"{path}.count", part["count"], "must not be specified when allocationMode is 'All'")
    yield from selector_faults(path, part.get("selectors") or [])


def selector_faults(path: str, selectors: list[Doc]) -> Iterator[FieldError]:
    """The faults of selectors of devices, which are expressions about ``device``."""
    if len(selectors) > MOST_SELECTORS:
        yield too_many(f"{path}.selectors", len(selectors), MOST_SELECTORS)
    for index, selector in enumerate(selectors):
        text = (selector.get("cel") or {}).get("expression", "")
        if not selector.get("cel"):
            yield required(f"{path}.selectors[{index}].cel")
            continue
        try:
            compiled(text)
        except Unsupported as error:
            yield invalid(f"{path}.selectors[{index}].cel.expression", text, f"compilation failed: {error}")


def _fixed(new: Doc, old: Doc) -> list[FieldError]:
    return [invalid("spec", new.get("spec"), "field is immutable")] if new.get("spec") != old.get("spec") else []


def _state(claim: Doc) -> str:
    status = claim.get("status") or {}
    states = [
        *(["deleted"] if claim["metadata"].get("deletionTimestamp") else []),
        *(["allocated"] if status.get("allocation") else []),
        *(["reserved"] if status.get("reservedFor") else []),
    ]
    return ",".join(states) or "pending"


CLAIM = Strategy(
    default=lambda document: _default(_claim_spec(document)),
    validate_create=lambda new, context: list(_faults(new["spec"], "spec")),
    validate_update=lambda new, old, context: _fixed(new, old),
    columns=(NAME, Column("State"), AGE),
    row=lambda claim, now: [name(claim), _state(claim), age(claim, now)],
)
TEMPLATE = Strategy(
    default=lambda document: _default(_template_spec(document)),
    validate_create=lambda new, context: list(_faults(new["spec"]["spec"], "spec.spec")),
    validate_update=lambda new, old, context: _fixed(new, old),
    columns=(NAME, AGE),
    row=lambda template, now: [name(template), age(template, now)],
)


def _validate_class(device_class: Doc, context: Context) -> list[FieldError]:
    return list(selector_faults("spec", (device_class.get("spec") or {}).get("selectors") or []))


def _class_row(device_class: Doc, now: str) -> list[Any]:
    return [name(device_class), age(device_class, now)]


CLASS = Strategy(
    validate_create=_validate_class,
    validate_update=lambda new, old, context: _validate_class(new, context),
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(NAME, AGE),
    row=_class_row,
)

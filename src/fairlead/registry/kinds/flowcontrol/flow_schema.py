"""FlowSchemas. Nothing acts on them here: the server shares its time among users by itself.

Upstream: pkg/registry/flowcontrol/flowschema, pkg/apis/flowcontrol/{v1/defaults.go,validation}.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_PRECEDENCE, _LAST_PRECEDENCE = 1000, 10000
_DISTINGUISHERS = ("ByNamespace", "ByUser")
# Kind of a subject -> (its field, the fields of that which must be there).
_SUBJECTS = {
    "Group": ("group", ("name",)),
    "ServiceAccount": ("serviceAccount", ("namespace", "name")),
    "User": ("user", ("name",)),
}
_OF_RESOURCES = ("verbs", "apiGroups", "resources")


def default(schema: Doc) -> None:
    """Fill in missing fields."""
    spec = schema.setdefault("spec", {})
    spec["matchingPrecedence"] = spec.get("matchingPrecedence") or _PRECEDENCE


def validate(schema: Doc, context: Context) -> list[FieldError]:
    """The faults of a schema."""
    return list(_faults(schema["metadata"].get("name", ""), schema["spec"]))


def _faults(named: str, spec: Doc) -> Iterator[FieldError]:
    precedence = spec["matchingPrecedence"]
    if not 1 <= precedence <= _LAST_PRECEDENCE:
        detail = f"must be in the range [1, {_LAST_PRECEDENCE}]"
        yield invalid("spec.matchingPrecedence", precedence, detail)
    elif precedence == 1 and named != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        yield invalid("spec.matchingPrecedence", precedence, detail)
    distinguisher = (spec.get("distinguisherMethod") or {}).get("type", _DISTINGUISHERS[0])
    if distinguisher not in _DISTINGUISHERS:
        yield not_supported("spec.distinguisherMethod.type", distinguisher, _DISTINGUISHERS)
    path, level = "spec.priorityLevelConfiguration.name", (spec.get("priorityLevelConfiguration") or {}).get("name")
    if not level:
        yield required(path, "must reference a priority level")
    else:
        yield from (invalid(path, level, why) for why in dns1123_subdomain_errors(level))
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(f"spec.rules[{index}]", rule)


def _rule(path: str, rule: Doc) -> Iterator[FieldError]:
    if not rule.get("subjects"):
        yield required(f"{path}.subjects", "subjects must contain at least one value")
    for index, subject in enumerate(rule.get("subjects") or ()):
        yield from _subject(f"{path}.subjects[{index}]", subject)
    resources, others = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not others:
        yield required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, each in enumerate(resources):
        yield from _resource_rule(f"{path}.resourceRules[{index}]", each)
    for index, each in enumerate(others):
        for field in ("verbs", "nonResourceURLs"):
            yield from _several(f"{path}.nonResourceRules[{index}].{field}", each.get(field) or [])


def _subject(path: str, subject: Doc) -> Iterator[FieldError]:
    kind = subject.get("kind", "")
    if kind not in _SUBJECTS:
        yield not_supported(f"{path}.kind", kind, _SUBJECTS)
        return
    for other, (field, needed) in _SUBJECTS.items():
        given = subject.get(field)
        if other != kind and given is not None:
            yield forbidden(f"{path}.{field}", f"{field} is forbidden when subject kind is not '{other}'")
        elif other == kind and given is None:
            yield required(f"{path}.{field}", f"{field} is required when subject kind is '{kind}'")
        elif other == kind:
            yield from (required(f"{path}.{field}.{each}") for each in needed if not (given or {}).get(each))


def _resource_rule(path: str, rule: Doc) -> Iterator[FieldError]:
    for field in _OF_RESOURCES:
        yield from _several(f"{path}.{field}", rule.get(field) or [])
    namespaces = rule.get("namespaces") or []
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        yield required(f"{path}.namespaces", detail)
    if "*" in namespaces and len(namespaces) > 1:
        yield invalid(f"{path}.namespaces", namespaces, "if '*' is present, must not specify other namespaces")


def _several(path: str, values: list[str]) -> Iterator[FieldError]:
    field = path.rpartition(".")[2]
    if not values:
        yield required(path, f"{field} must contain at least one value")
    elif "*" in values and len(values) > 1:
        yield invalid(path, values, f"if '*' is present, must not specify other {field}")


def _row(schema: Doc, now: str) -> list[Any]:
    spec, conditions = schema["spec"], (schema.get("status") or {}).get("conditions") or ()
    dangling = next((each.get("status") for each in conditions if each.get("type") == "Dangling"), "?")
    method = (spec.get("distinguisherMethod") or {}).get("type", "<none>")
    level = spec["priorityLevelConfiguration"]["name"]
    return [name(schema), level, spec["matchingPrecedence"], method, age(schema, now), dangling]


STRATEGY = Strategy(
    default=default,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    columns=(
        *(NAME, Column("PriorityLevel"), Column("MatchingPrecedence", "integer"), Column("DistinguisherMethod")),
        *(AGE, Column("MissingPL")),
    ),
    row=_row,
)

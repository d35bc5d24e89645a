"""``status.typeChecking`` of a policy: its expressions, held against the types of the kinds that its rules name.

A warning changes nothing of what the policy does. Kinds that only a wildcard names are not looked at. Upstream:
apiserver ``pkg/admission/plugin/policy/validating/typechecking.go``.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Unsupported
from fairlead.registry.cel.expressions import type_faults
from fairlead.registry.kinds.apiextensions.served import resource_table
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.schemas.catalogue import fields_of, type_of
from fairlead.registry.strategy import ClusterState

MOST_KINDS = 10
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


class _Kind(NamedTuple):
    """A kind to check against; the order is that of warnings."""

    group: str
    version: str
    kind: str
    type_name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}, Kind={self.kind}"


def type_checking(spec: Doc, state: ClusterState) -> Doc:
    """The ``typeChecking`` of a policy with this spec."""
    table = resource_table(state.of(_DEFINITIONS))
    kinds = _kinds(spec, table)
    parameters = _type_of_parameters(spec.get("paramKind") or {}, table)
    warnings = [
        {"fieldRef": path, "warning": warning}
        for path, text in _expressions(spec)
        if (warning := _warning(text, spec.get("variables") or [], kinds, parameters))
    ]
    return {"expressionWarnings": warnings} if warnings else {}


def _expressions(spec: Doc) -> Iterator[tuple[str, str]]:
    for index, validation in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            if text := validation.get(field):
                yield f"spec.validations[{index}].{field}", text


def _warning(text: str, variables: list[Doc], kinds: list[_Kind], parameters: str) -> str:
    found = []
    for kind in kinds:
        types = {"object": (kind.type_name, kind.kind), "oldObject": (kind.type_name, kind.kind)}
        if parameters:
            types["params"] = (parameters, "params")
        try:
            faults = type_faults(text, types, [(each["name"], each["expression"]) for each in variables])
        except Unsupported:  # validation says so, unless the text has been stored before
            continue
        if faults:
            found.append(f"{kind}: {faults}\n")
    return "\n".join(found)


def _kinds(spec: Doc, table: ResourceTable) -> list[_Kind]:
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    found = {kind for rule in rules for kind in _of_rule(rule, table)}
    return sorted(found)[:MOST_KINDS]


def _of_rule(rule: Doc, table: ResourceTable) -> Iterator[_Kind]:
    groups, versions = rule.get("apiGroups") or [], rule.get("apiVersions") or []
    if any("*" in name for name in (*groups, *versions)):
        return
    plain = [name for name in rule.get("resources") or [] if not {"*", "/"} & set(name)]
    rows = (table.by_path.get(path) for path in product(groups, versions, plain))
    yield from filter(None, (_kind(row) for row in rows if row))


def _kind(row: Resource) -> _Kind | None:
    name = row.defined.type_name if row.defined else type_of(row.group_version, row.kind)
    return _Kind(row.group, row.version, row.kind, name) if name and fields_of(name) else None


def _type_of_parameters(kind: Doc, table: ResourceTable) -> str:
    wanted = kind.get("apiVersion"), kind.get("kind")
    found = _first(_kind(row) for row in table.rows if (row.group_version, row.kind) == wanted)
    return found.type_name if found else ""


def _first(kinds: Iterable[_Kind | None]) -> _Kind | None:
    return next(filter(None, kinds), None)

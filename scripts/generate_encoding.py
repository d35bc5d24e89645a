"""Writes registry/schemas/encoding.json: which fields of the API's types Go leaves out when they are empty.

    .venv/bin/python scripts/generate_encoding.py /path/to/kubectl

The source is the reflection data of a kubectl, which has every type with the tags of its fields. For each type the file
has two lists: "kept" are fields whose empty values mean something (pointers in Go, and fields that are newer than that
kubectl), "always" those that are written even when nobody set them. All other fields are left out when they are empty.
"""

import json
import sys
from pathlib import Path

from go_types import POINTER, STRUCT, GoField, Program

from fairlead.registry.schemas.catalogue import catalogue

TARGET = Path("src/fairlead/registry/schemas/encoding.json")
# Types that JSON shows as one value; an empty one of them is null, which is as good as absent.
_VALUES = ("Time", "MicroTime", "Quantity", "IntOrString", "RawExtension", "FieldsV1", "Duration")

_EARLIER = ("v1beta2", "v1beta1", "v1alpha1")
_AGGREGATION = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1"
_DEFINITIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
# What definitions leave out when it is empty; source: apiextensions-apiserver pkg/apis/apiextensions/v1/types.go.
_LEFT_OUT_OF_DEFINITIONS = {
    f"{_DEFINITIONS}.CustomResourceColumnDefinition": ("description", "format", "priority"),
    f"{_DEFINITIONS}.CustomResourceDefinitionCondition": ("message", "observedGeneration", "reason"),
    f"{_DEFINITIONS}.CustomResourceDefinitionNames": ("categories", "listKind", "shortNames", "singular"),
    f"{_DEFINITIONS}.CustomResourceDefinitionSpec": ("preserveUnknownFields",),
    f"{_DEFINITIONS}.CustomResourceDefinitionStatus": ("observedGeneration",),
    f"{_DEFINITIONS}.CustomResourceDefinitionVersion": ("additionalPrinterColumns", "deprecated", "selectableFields"),
    f"{_DEFINITIONS}.WebhookClientConfig": ("caBundle",),
}
# Of the server alone; source: kube-aggregator pkg/apis/apiregistration/v1/types.go.
_OF_SERVERS: dict[str, dict[str, list[str]]] = {
    f"{_AGGREGATION}.APIService": {"always": ["metadata"]},
    f"{_AGGREGATION}.APIServiceCondition": {"always": ["status", "type"]},
    f"{_AGGREGATION}.APIServiceSpec": {"kept": ["service"], "always": ["groupPriorityMinimum", "versionPriority"]},
    f"{_AGGREGATION}.APIServiceStatus": {},
    f"{_AGGREGATION}.ServiceReference": {"kept": ["port"]},
}


def encoding_of(go_fields: dict[str, GoField], names: list[str]) -> dict[str, list[str]]:
    kept = [name for name in names if name not in go_fields or go_fields[name].kind == POINTER]
    always = [name for name in names if name in go_fields and is_always_written(go_fields[name])]
    return {key: value for key, value in {"kept": kept, "always": always}.items() if value}


def row_of(name: str, fields: list[str], by_name: dict[str, dict[str, GoField]]) -> dict[str, list[str]]:
    if name in _OF_SERVERS:
        return _OF_SERVERS[name]
    package, _, type_name = name.rpartition(".")
    names = (name, *(f"{package.rpartition('.')[0]}.{version}.{type_name}" for version in _EARLIER))
    found = next((by_name[each] for each in names if each in by_name), None)
    if found is None:
        left_out = _LEFT_OUT_OF_DEFINITIONS.get(name, ())
        return {"kept": [field for field in fields if field not in left_out]}
    return encoding_of(found, fields)


def is_always_written(field: GoField) -> bool:
    if field.kind == STRUCT:
        return field.type.rpartition(".")[2] not in _VALUES and "omitzero" not in field.options
    return field.kind != POINTER and "omitempty" not in field.options


def main() -> None:
    structs = Program(Path(sys.argv[1])).structs()
    by_name = {f"io.{name.replace('k8s.io/', 'k8s.').replace('/', '.')}": fields for name, fields in structs.items()}
    types = catalogue().types
    table = {name: row_of(name, sorted(fields), by_name) for name, fields in types.items() if fields}
    TARGET.write_text(json.dumps({name: row for name, row in sorted(table.items()) if row}, indent=0) + "\n")


if __name__ == "__main__":
    main()

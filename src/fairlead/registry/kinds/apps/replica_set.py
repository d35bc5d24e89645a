"""ReplicaSets. Upstream: pkg/registry/apps/replicaset, pkg/apis/apps/v1/defaults.go."""

from dataclasses import replace
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError
from fairlead.registry.kinds.apps.pod_template import (
    WIDE,
    fill_spec,
    status_number,
    validate_template,
    wide_cells,
    workload_strategy,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column

COLUMNS = (NAME, *(Column(title, "integer") for title in ("Desired", "Current", "Ready")), AGE, *WIDE)
FIELDS = {"status.replicas": lambda replica_set: str(status_number(replica_set, "replicas"))}


def default(replica_set: Doc) -> None:
    """Fill in missing fields."""
    fill_spec(replica_set, {"replicas": 1})


def faults(replica_set: Doc) -> list[FieldError]:
    """The faults of a ReplicaSet; upstream's message calls it a deployment."""
    return validate_template(replica_set["spec"], "deployment")


def row(replica_set: Doc, now: str) -> list[Any]:
    """The cells of one ReplicaSet."""
    return [*replica_cells(replica_set, now), *wide_cells(replica_set)]


def replica_cells(workload: Doc, now: str) -> list[Any]:
    """The cells that are not wide."""
    return [
        name(workload),
        workload["spec"]["replicas"],
        status_number(workload, "replicas"),
        status_number(workload, "readyReplicas"),
        age(workload, now),
    ]


STRATEGY = replace(workload_strategy(default, {"replicas": 0}, faults, COLUMNS, row), fields=FIELDS)

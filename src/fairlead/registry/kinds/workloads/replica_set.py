"""ReplicaSets. Upstream: pkg/registry/apps/replicaset, pkg/apis/apps/v1/defaults.go."""

from typing import Any

from fairlead.registry.field_errors import FieldError
from fairlead.registry.kinds.cells import AGE, NAME, age, name, wide
from fairlead.registry.kinds.workloads.rules import (
    default_template,
    immutable_selector,
    spec_changed,
    status_number,
    validate_template,
    wide_cells,
)
from fairlead.registry.strategy import Column, Context, Doc, Strategy


def default(replica_set: Doc) -> None:
    """Fill what the user left out."""
    spec = replica_set.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    default_template(spec)


def prepare_create(replica_set: Doc, context: Context) -> None:
    """A new ReplicaSet has no Pods."""
    replica_set["status"] = {"replicas": 0}


def validate_create(replica_set: Doc, context: Context) -> list[FieldError]:
    """The faults of a new ReplicaSet; upstream's message calls it a deployment."""
    return validate_template(replica_set["spec"], "deployment")


def validate_update(replica_set: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed ReplicaSet."""
    return validate_create(replica_set, context) + immutable_selector(replica_set, old)


def row(replica_set: Doc, now: str) -> list[Any]:
    """The cells of one ReplicaSet."""
    return [
        name(replica_set),
        replica_set["spec"]["replicas"],
        status_number(replica_set, "replicas"),
        status_number(replica_set, "readyReplicas"),
        age(replica_set, now),
        *wide_cells(replica_set),
    ]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=spec_changed,
    fields={"status.replicas": lambda replica_set: str(status_number(replica_set, "replicas"))},
    columns=(
        NAME,
        Column("Desired", "integer"),
        Column("Current", "integer"),
        Column("Ready", "integer"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ),
    row=row,
)

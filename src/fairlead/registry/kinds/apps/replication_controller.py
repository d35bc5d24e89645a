"""ReplicationControllers: the predecessors of ReplicaSets. They select only by equal labels, and may change their
selector.

Upstream: pkg/registry/core/replicationcontroller, pkg/apis/core/v1/defaults.go, pkg/apis/core/validation.
"""

from dataclasses import replace
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, required
from fairlead.registry.kinds.apps.pod_template import (
    container_cells,
    default_template,
    no_match,
    not_negative,
    pod_faults,
    workload_strategy,
)
from fairlead.registry.kinds.apps.replica_set import COLUMNS, FIELDS, replica_cells
from fairlead.registry.kinds.cells import labels_text

_DEADLINE = "activeDeadlineSeconds in ReplicationController is not Supported"


def default(controller: Doc) -> None:
    """Fill in missing fields; the template's labels serve as selector and as the controller's labels."""
    spec: Doc = controller.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    if "template" not in spec:
        return
    default_template(spec)
    if labels := spec["template"]["metadata"].get("labels"):
        spec["selector"] = spec.get("selector") or dict(labels)
        metadata = controller.setdefault("metadata", {})
        metadata["labels"] = metadata.get("labels") or dict(labels)


def faults(controller: Doc) -> list[FieldError]:
    """The faults of a new or changed ReplicationController."""
    spec = controller["spec"]
    found = not_negative(spec, "minReadySeconds")
    if not spec.get("selector"):
        found.append(required("spec.selector"))
    found += not_negative(spec, "replicas")
    return found + _template(spec.get("template"), spec.get("selector") or {})


def _template(template: Doc | None, selector: Doc) -> list[FieldError]:
    if template is None:
        return [required("spec.template")]
    labels = template["metadata"].get("labels") or {}
    found = [] if selector.items() <= labels.items() else [no_match(labels)]
    found += pod_faults(template)
    if template["spec"].get("activeDeadlineSeconds") is not None:
        found.append(forbidden("spec.template.spec.activeDeadlineSeconds", _DEADLINE))
    return found


def row(controller: Doc, now: str) -> list[Any]:
    """The cells of one ReplicationController."""
    selector = labels_text(controller["spec"].get("selector"))
    return [*replica_cells(controller, now), *container_cells(controller), selector]


STRATEGY = replace(
    workload_strategy(default, {"replicas": 0}, faults, COLUMNS, row),
    validate_update=lambda new, old, context: faults(new),
    fields=FIELDS,
    orphans=True,
)

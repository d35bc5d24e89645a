"""PodTemplates: stored templates, from which no Pods are made. Upstream: pkg/registry/core/podtemplate."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError
from fairlead.registry.kinds.apps.pod_template import container_cells, default_template, pod_faults
from fairlead.registry.kinds.cells import NAME, labels_text, name
from fairlead.registry.kinds.core.pod.warnings import template_warnings
from fairlead.registry.strategy import Column, Context, Strategy


def validate(stored: Doc, context: Context) -> list[FieldError]:
    """The faults of a template."""
    found = pod_faults(stored["template"], ("Always", "OnFailure", "Never"))
    return [fault._replace(path=fault.path.removeprefix("spec.")) for fault in found]


def row(stored: Doc, now: str) -> list[Any]:
    """The cells of one template."""
    labels = labels_text(stored["template"]["metadata"].get("labels"))
    return [name(stored), *container_cells({"spec": stored}), labels]


STRATEGY = Strategy(
    default=default_template,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    warnings=lambda new, old: template_warnings(new.get("template"), "template"),
    bumps_generation=lambda new, old: bool(new["template"] != old["template"]),
    columns=(NAME, Column("Containers"), Column("Images"), Column("Pod Labels")),
    row=row,
)

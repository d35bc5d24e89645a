"""The common part of all workloads: a selector that matches the template, a valid template, a number of Pods.

Upstream: pkg/apis/apps/validation/validation.go, which names the selector of the wrong kind in places; so do we.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import matches, requirements
from fairlead.model.objects import LabelSelector
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.cells import labels_text, wide
from fairlead.registry.kinds.core.pod.defaults import default_spec
from fairlead.registry.kinds.core.pod.validate import validate_spec
from fairlead.registry.kinds.core.pod.warnings import name_warnings, template_warnings
from fairlead.registry.kinds.value_rules import amount_errors
from fairlead.registry.object_meta import validate_labels
from fairlead.registry.strategy import Column, Context, Strategy

WIDE = (wide("Containers"), wide("Images"), wide("Selector"))
_NEGATIVE = "must be greater than or equal to 0"


def fill_spec(workload: Doc, defaults: Doc) -> Doc:
    """The spec, with missing fields of it and of its Pod template filled in."""
    spec: Doc = workload.setdefault("spec", {})
    for field, value in defaults.items():
        spec.setdefault(field, value)
    default_template(spec)
    return spec


def default_template(spec: Doc) -> None:
    """Fill in missing fields of the Pod template."""
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_spec(template.setdefault("spec", {}))


def validate_template(spec: Doc, kind: str, policies: Sequence[str] = ("Always",)) -> list[FieldError]:
    """The faults of selector and template.

    Args:
        kind: the word for the message about an empty selector.
        policies: the restart policies that the template may have.
    """
    labels = spec["template"]["metadata"].get("labels") or {}
    faults = not_negative(spec, "replicas")
    faults += _selector(spec.get("selector"), labels, kind)
    faults += pod_faults(spec["template"], policies)
    return faults + not_negative(spec, "minReadySeconds", "revisionHistoryLimit")


def pod_faults(template: Doc, policies: Sequence[str] = ("Always",)) -> list[FieldError]:
    """The faults of a Pod template by itself."""
    faults = validate_labels(template["metadata"].get("labels") or {}, "spec.template.labels")
    faults += validate_spec(template["spec"], "spec.template.spec")
    if template["spec"].get("ephemeralContainers"):
        path = "spec.template.spec.ephemeralContainers"
        faults.append(forbidden(path, "ephemeral containers not allowed in pod template"))
    policy = template["spec"]["restartPolicy"]
    if policy not in policies:
        faults.append(not_supported("spec.template.spec.restartPolicy", policy, policies))
    return faults


def _selector(selector: Doc | None, labels: Doc, kind: str) -> list[FieldError]:
    if selector and (selector.get("matchLabels") or selector.get("matchExpressions")):
        return [] if matches(requirements(msgspec.convert(selector, LabelSelector)), labels) else [no_match(labels)]
    if selector is None:  # which selects nothing
        return [required("spec.selector"), no_match(labels)]
    return [invalid("spec.selector", selector, f"empty selector is invalid for {kind}")]


def no_match(labels: Doc) -> FieldError:
    """The fault of a template whose Pods their own controller would not select."""
    return invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def not_negative(spec: Doc, *fields: str) -> list[FieldError]:
    """The faults of those fields of the spec that count something."""
    return [invalid(f"spec.{field}", spec[field], _NEGATIVE) for field in fields if spec.get(field, 0) < 0]


def rolling_faults(path: str, rolling: Doc, all_may_surge: bool = True) -> list[FieldError]:
    """The faults of the amounts of a rolling update, each by itself.

    Args:
        all_may_surge: more Pods than there are may be added at a time.
    """
    limits = {"maxUnavailable": True, "maxSurge": not all_may_surge}
    return [
        invalid(f"{path}.{field}", rolling[field], why)
        for field, at_most_all in limits.items()
        for why in amount_errors(rolling[field], at_most_all)
    ]


def is_zero(amount: int | str) -> bool:
    """Whether a number of Pods, or a percentage of them, is none."""
    return amount == 0 or (isinstance(amount, str) and not amount.strip("0%"))


def immutable_selector(new: Doc, old: Doc) -> list[FieldError]:
    """The fault of a changed selector: it would orphan the Pods of the old one."""
    if new["spec"].get("selector") == old["spec"].get("selector"):
        return []
    return [invalid("spec.selector", new["spec"].get("selector"), "field is immutable")]


def workload_warnings(new: Doc, old: Doc | None) -> list[str]:
    """The warnings about a workload: its name, when it is new, and its template, when that is."""
    if old is not None and new["spec"] == old["spec"]:
        return []
    return [*([] if old else name_warnings(new)), *template_warnings(new["spec"].get("template"))]


def workload_strategy(
    default: Callable[[Doc], None],
    status: Doc,
    faults: Callable[[Doc], list[FieldError]],
    columns: tuple[Column, ...],
    row: Callable[[Doc, str], list[Any]],
) -> Strategy:
    """The common hooks of all kinds of workload.

    Args:
        status: of a new one, which has no Pods yet.
        faults: of a new or changed one, whose selector stays.
    """

    def prepare_create(new: Doc, context: Context) -> None:
        new["status"] = dict(status)

    return Strategy(
        default=default,
        prepare_create=prepare_create,
        validate_create=lambda new, context: faults(new),
        validate_update=lambda new, old, context: faults(new) + immutable_selector(new, old),
        warnings=workload_warnings,
        bumps_generation=spec_changed,
        columns=columns,
        row=row,
    )


def spec_changed(new: Doc, old: Doc) -> bool:
    """Whether a controller has to look again."""
    return bool(new["spec"] != old["spec"])


def status_number(workload: Doc, field: str) -> int:
    """A number of the status, which leaves zeros out."""
    number: int = workload.get("status", {}).get(field, 0)
    return number


def wide_cells(workload: Doc) -> list[Any]:
    """Names and images of the containers, and the selector."""
    return [*container_cells(workload), selector_text(workload["spec"].get("selector") or {})]


def container_cells(workload: Doc) -> list[Any]:
    """Names and images of the containers."""
    containers = workload["spec"]["template"]["spec"].get("containers") or ()
    return [",".join(container[field] for container in containers) for field in ("name", "image")]


def selector_text(selector: Doc) -> str:
    """A LabelSelector as text; kubectl users only ever meet the labels."""
    return labels_text(selector.get("matchLabels"))

"""Jobs. Upstream: pkg/registry/batch/job, pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation."""

from datetime import datetime
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.apps.pod_template import (
    WIDE,
    fill_spec,
    spec_changed,
    status_number,
    validate_template,
    wide_cells,
    workload_warnings,
)
from fairlead.registry.kinds.batch.job_policies import POLICIES, policy_faults
from fairlead.registry.kinds.cells import AGE, NAME, age, human_duration, name
from fairlead.registry.strategy import Column, Context, Strategy

CONTROLLER_UID, JOB_NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_LABELS = (CONTROLLER_UID, "controller-uid"), (JOB_NAME, "job-name")  # with their old names
_SPEC = {"completionMode": "NonIndexed", "suspend": False, "manualSelector": False}
_COUNTS = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
_FIXED = ("completions", "selector", "template", "completionMode", *POLICIES)
_MODES = ("Indexed", "NonIndexed")
_NO_LIMIT = 2**31 - 1
_NEGATIVE = "must be greater than or equal to 0"


def default(job: Doc) -> None:
    """Fill in missing fields. Without completions a Job is done when one of its Pods is."""
    spec = fill_spec(job, _SPEC)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    # With a limit for each index there is no limit for all together.
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else _NO_LIMIT)
    policy = spec.get("podFailurePolicy")
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")
    default_failure_policy(spec)


def default_failure_policy(spec: Doc) -> None:
    """Fill in missing fields of the Pod failure policy of a Job, or of the Jobs of a CronJob."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"


def label(job: Doc) -> None:
    """A Job without labels has those of its template, and those of its own Pods with them.

    Upstream's default fills them in before the template gets its last labels, but the two share one map.
    """
    if not job["metadata"].get("labels") and (labels := job["spec"]["template"]["metadata"].get("labels")):
        job["metadata"]["labels"] = dict(labels)


def prepare_create(job: Doc, context: Context) -> None:
    """A new Job has no Pods, and selects those that carry its uid."""
    job["status"] = {}
    spec, metadata = job["spec"], job["metadata"]
    if spec["manualSelector"]:
        return
    values = metadata["uid"], metadata["name"]
    labels = spec["template"]["metadata"].setdefault("labels", {})
    labels |= {key: value for keys, value in zip(_LABELS, values, strict=True) for key in keys}
    spec["selector"] = {"matchLabels": {CONTROLLER_UID: metadata["uid"]}}


def validate_create(job: Doc, context: Context) -> list[FieldError]:
    """The faults of a new Job."""
    spec = job["spec"]
    faults = [invalid(f"spec.{field}", spec[field], _NEGATIVE) for field in _COUNTS if (spec.get(field) or 0) < 0]
    faults += [*_mode(job), *policy_faults(spec)]
    if spec["template"]["spec"]["restartPolicy"] == "Always":  # the default, which no Job may have
        faults.append(required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return faults + validate_template(spec, "job", ("Always", "OnFailure", "Never"))


def _mode(job: Doc) -> list[FieldError]:
    """An indexed Job has a number of completions, and each index must fit into a host name."""
    spec, metadata = job["spec"], job["metadata"]
    if spec["completionMode"] not in _MODES:
        return [not_supported("spec.completionMode", spec["completionMode"], _MODES)]
    if spec["completionMode"] != "Indexed":
        return []
    if spec.get("completions") is None:
        return [required("spec.completions", "when completion mode is Indexed")]
    last = f"{metadata.get('name', '')}-{max(0, spec['completions'] - 1)}"
    detail = f"will not able to create pod with invalid DNS label: {last}"
    return [invalid("metadata.name", metadata["name"], detail)] if dns1123_label_errors(last) else []


def validate_update(job: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed Job: what its Pods are made of stays."""
    faults = validate_create(job, context)
    for field in _FIXED:
        if job["spec"].get(field) != old["spec"].get(field):
            faults.append(invalid(f"spec.{field}", job["spec"].get(field), "field is immutable"))
    return faults


def row(job: Doc, now: str) -> list[Any]:
    """The cells of one Job."""
    spec, status = job["spec"], job.get("status") or {}
    done, wanted = status.get("succeeded", 0), spec.get("completions")
    total = wanted if wanted is not None else f"1 of {spec['parallelism']}" if spec["parallelism"] > 1 else 1
    return [name(job), _state(job), f"{done}/{total}", _duration(status, now), age(job, now), *wide_cells(job)]


def _state(job: Doc) -> str:
    conditions = (job.get("status") or {}).get("conditions") or ()
    held = {condition["type"] for condition in conditions if condition["status"] == "True"}
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    known = (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
    )
    return next((text for condition, text in known if condition in held), "Running")


def _duration(status: Doc, now: str) -> str:
    """From the start to the end, or until now."""
    if not status.get("startTime"):
        return ""
    start, end = (datetime.fromisoformat(text) for text in (status["startTime"], status.get("completionTime") or now))
    return human_duration(int((end - start).total_seconds()))


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    warnings=workload_warnings,
    bumps_generation=spec_changed,
    on_read=label,
    fields={"status.successful": lambda job: str(status_number(job, "succeeded"))},
    columns=(
        NAME,
        Column("Status"),
        Column("Completions"),
        Column("Duration"),
        AGE,
        *WIDE,
    ),
    row=row,
    orphans=True,
)

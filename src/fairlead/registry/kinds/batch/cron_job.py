"""CronJobs. Upstream: pkg/registry/batch/cronjob, pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation."""

from typing import Any

from fairlead.model.cron import parse_schedule
from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.apps.pod_template import (
    container_cells,
    default_template,
    not_negative,
    pod_faults,
    selector_text,
    spec_changed,
)
from fairlead.registry.kinds.batch.job import default_failure_policy
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, name, since, wide
from fairlead.registry.kinds.core.pod.warnings import name_warnings, template_warnings
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context, Strategy

_SPEC = {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52  # the Jobs' names have eleven signs more
_OWN_ZONE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
_NO_LOCAL_ZONE = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
_POD = "spec.jobTemplate.spec.template.spec"


def default(cron_job: Doc) -> None:
    """Fill in missing fields."""
    spec = cron_job.setdefault("spec", {})
    for field, value in _SPEC.items():
        spec[field] = value if spec.get(field) in (None, "") else spec[field]
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    default_template(job)
    default_failure_policy(job)


def prepare_create(cron_job: Doc, context: Context) -> None:
    """A new CronJob has made no Jobs."""
    cron_job["status"] = {}


def validate(cron_job: Doc) -> list[FieldError]:
    """The faults of a CronJob."""
    spec = cron_job["spec"]
    faults = _schedule(spec.get("schedule", "")) + _zone(spec.get("timeZone"))
    faults += not_negative(spec, "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    faults += one_of("spec.concurrencyPolicy", spec["concurrencyPolicy"], _POLICIES)
    return faults + _job(spec["jobTemplate"]["spec"])


def _schedule(text: str) -> list[FieldError]:
    path = "spec.schedule"
    if not text:
        return [required(path)]
    if "TZ" in text:
        return [invalid(path, text, _OWN_ZONE)]
    try:
        parse_schedule(text)
    except ValueError as error:
        return [invalid(path, text, str(error))]
    return []


def _zone(text: str | None) -> list[FieldError]:
    path = "spec.timeZone"
    if text is None:
        return []
    if not text:
        return [invalid(path, text, "timeZone must be nil or non-empty string")]
    if text.lower() == "local":
        return [invalid(path, text, _NO_LOCAL_ZONE)]
    import zoneinfo  # with which comes all that Python knows of how it was built

    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return [invalid(path, text, f"unknown time zone {text}")]
    return []


def _job(spec: Doc) -> list[FieldError]:
    path = "spec.jobTemplate.spec"
    faults = [
        invalid(f"{path}.{field}", spec[field], why)
        for field, why in (
            ("manualSelector", "manualSelector is not supported in a cronjob"),
            ("selector", "`selector` will be auto-generated"),
        )
        if spec.get(field)
    ]
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy == "Always":  # the default, which no Job may have
        faults.append(required(f"{_POD}.restartPolicy", 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        faults.append(not_supported(f"{_POD}.restartPolicy", policy, ("OnFailure", "Never")))
    found = pod_faults(spec["template"], ("Always", "OnFailure", "Never"))
    # A template's own faults say where it stands in a workload; here it stands deeper.
    placed = [fault._replace(path=fault.path.replace("spec.template", f"{path}.template", 1)) for fault in found]
    return faults + placed


def validate_create(cron_job: Doc, context: Context) -> list[FieldError]:
    """The faults of a new CronJob, whose name must leave room for those of its Jobs."""
    given = cron_job["metadata"].get("name", "")
    long = [invalid("metadata.name", given, f"must be no more than {_LONGEST_NAME} characters")]
    return (long if len(given) > _LONGEST_NAME else []) + validate(cron_job)


def warnings(cron_job: Doc, old: Doc | None) -> list[str]:
    """The warnings about its name and its template."""
    if old is not None and cron_job["spec"] == old["spec"]:
        return []
    template = cron_job["spec"]["jobTemplate"]["spec"].get("template")
    return [*([] if old else name_warnings(cron_job)), *template_warnings(template, "spec.jobTemplate.spec.template")]


def row(cron_job: Doc, now: str) -> list[Any]:
    """The cells of one CronJob."""
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    job = spec["jobTemplate"]["spec"]
    last = status.get("lastScheduleTime")
    return [
        *(name(cron_job), spec.get("schedule", ""), spec.get("timeZone") or NONE, str(bool(spec.get("suspend")))),
        *(len(status.get("active") or ()), since(last, now) if last else NONE, age(cron_job, now)),
        *container_cells({"spec": job}),
        selector_text(job.get("selector") or {}),
    ]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=lambda new, old, context: validate(new),
    warnings=warnings,
    bumps_generation=spec_changed,
    columns=(
        *(NAME, Column("Schedule"), Column("Timezone"), Column("Suspend"), Column("Active", "integer")),
        *(Column("Last Schedule"), AGE, wide("Containers"), wide("Images"), wide("Selector")),
    ),
    row=row,
)

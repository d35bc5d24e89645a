"""Plans a CronJob: when it starts its next Job, which Jobs are deleted, and the Events.

Of the times that were missed only the last one counts, and none when its deadline has passed. A Job is named after its
time, so that no time makes two of them. Upstream: ``pkg/controller/cronjob/{cronjob_controllerv2,utils}.go``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fairlead.model.cron import Schedule, parse_schedule
from fairlead.model.events import EventText
from fairlead.model.workloads import CronJob, CronJobStatus, Job
from fairlead.workloads.jobs.endings import is_over

MANY_MISSED = 100
# How far back the last time before now is looked for, from near to far, since near ones are the rule.
_WINDOWS = tuple(timedelta(hours=hours) for hours in (1, 24, 31 * 24, 366 * 24, 5 * 366 * 24))


@dataclass(frozen=True)
class CronPlan:
    """The next step.

    Attributes:
        start: the time for which a Job is to be made now.
        again_in: seconds after which time alone changes the plan; None for never.
    """

    status: CronJobStatus
    start: datetime | None = None
    deletes: tuple[Job, ...] = ()
    events: tuple[EventText, ...] = ()
    again_in: float | None = None


@dataclass(frozen=True)
class _Moment:
    """The CronJob at one time, with what its schedule says of it."""

    cron_job: CronJob
    now: datetime
    schedule: Schedule
    zone: ZoneInfo
    running: tuple[Job, ...]
    events: list[EventText] = field(default_factory=list)


def plan_cron_job(cron_job: CronJob, jobs: Sequence[Job], now: datetime) -> CronPlan:
    """Plan the next step of a CronJob that owns these Jobs."""
    running = tuple(job for job in jobs if not is_over(job))
    old, news = tuple(_surplus(cron_job, jobs)), tuple(_news(cron_job, jobs))
    status = _observed(cron_job, jobs, running)
    if cron_job.is_terminating:
        return CronPlan(status, deletes=old, events=news)
    try:
        zone = ZoneInfo(cron_job.spec.time_zone or "UTC")
        schedule = None if cron_job.spec.suspend else parse_schedule(cron_job.spec.schedule)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:  # the server takes none such; another one may
        return CronPlan(status, deletes=old, events=(*news, _unreadable(cron_job, error)))
    if schedule is None:
        return CronPlan(status, deletes=old, events=news)
    moment = _Moment(cron_job, now, schedule, zone, running, [*news])
    due = _due(moment)
    start, replaced = _start(moment, due, {job.name for job in jobs}) if due else (None, ())
    coming = schedule.after(now, zone)
    wait = (coming - now).total_seconds() if coming else None
    return CronPlan(status, start, (*old, *replaced), tuple(moment.events), wait)


def _news(cron_job: CronJob, jobs: Iterable[Job]) -> Iterable[EventText]:
    """What has become known since the status was written: Jobs that it names have ended, or are gone."""
    there = {job.metadata.uid: job for job in jobs}
    for reference in cron_job.status.active or ():
        job, name = there.get(reference.get("uid", "")), reference.get("name", "")
        if job is None:
            yield EventText("MissingJob", f"Active job went missing: {name}")
        elif is_over(job):
            how = "Complete" if _has(job, "Complete") else "Failed"
            yield EventText("SawCompletedJob", f"Saw completed job: {name}, condition: {how}")


def _unreadable(cron_job: CronJob, error: Exception) -> EventText:
    spec = cron_job.spec
    if isinstance(error, ZoneInfoNotFoundError | OSError):
        return EventText("UnknownTimeZone", f'invalid timeZone: "{spec.time_zone}": {error}', "Warning")
    return EventText("UnparseableSchedule", f'unparseable schedule: "{spec.schedule}" : {error}', "Warning")


def job_name(cron_job: CronJob, time: datetime) -> str:
    """The name of the Job for a time."""
    return f"{cron_job.name}-{int(time.timestamp()) // 60}"


def _due(moment: _Moment) -> datetime | None:
    """The last time that has come since the last one that was seen to."""
    cron_job, now = moment.cron_job, moment.now
    since = datetime.fromisoformat(cron_job.status.last_schedule_time or _creation_time(cron_job))
    deadline = cron_job.spec.starting_deadline_seconds
    if deadline is not None:
        since = max(since, now - timedelta(seconds=deadline))
    last = _last_before(moment, since)
    if last and _count(moment, since) > MANY_MISSED:
        why = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        moment.events.append(EventText("TooManyMissedTimes", why, "Warning"))
    return last


def _creation_time(cron_job: CronJob) -> str:
    return cron_job.metadata.creation_timestamp or "1970-01-01T00:00:00Z"


def _last_before(moment: _Moment, since: datetime) -> datetime | None:
    if moment.schedule.every:
        passed = int((moment.now - since).total_seconds()) // moment.schedule.every
        return since + timedelta(seconds=passed * moment.schedule.every) if passed > 0 else None
    for window in _WINDOWS:
        start = max(since, moment.now - window)
        last, found = None, moment.schedule.after(start, moment.zone)
        while found and found <= moment.now:
            last, found = found, moment.schedule.after(found, moment.zone)
        if last or start == since:
            return last
    return None


def _count(moment: _Moment, since: datetime) -> int:
    """How many times have come, but no further than what counts as many."""
    count, found = 0, moment.schedule.after(since, moment.zone)
    while found and found <= moment.now and count <= MANY_MISSED:
        count, found = count + 1, moment.schedule.after(found, moment.zone)
    return count


def _start(moment: _Moment, due: datetime, names: set[str]) -> tuple[datetime | None, tuple[Job, ...]]:
    """The time to make a Job for, if any, and the Jobs that make room for it."""
    cron_job = moment.cron_job
    deadline = cron_job.spec.starting_deadline_seconds
    if deadline is not None and due + timedelta(seconds=deadline) < moment.now:
        why = f"Missed scheduled time to start a job: {format_datetime(due.astimezone(UTC))}"
        moment.events.append(EventText("MissSchedule", why, "Warning"))
        return None, ()
    if job_name(cron_job, due) in names:
        return None, ()
    if cron_job.spec.concurrency_policy == "Forbid" and moment.running:
        why = "Not starting job because prior execution is running and concurrency policy is Forbid"
        moment.events.append(EventText("JobAlreadyActive", why))
        return None, ()
    return due, moment.running if cron_job.spec.concurrency_policy == "Replace" else ()


def _surplus(cron_job: CronJob, jobs: Iterable[Job]) -> Iterable[Job]:
    """The oldest of those that have ended, beyond what is kept."""
    limits = {
        "Complete": cron_job.spec.successful_jobs_history_limit,
        "Failed": cron_job.spec.failed_jobs_history_limit,
    }
    for type_, limit in limits.items():
        ended = sorted((job for job in jobs if _has(job, type_)), key=lambda job: job.status.start_time or _NEVER)
        yield from ended[: len(ended) - limit] if limit is not None and len(ended) > limit else ()


_NEVER = "9999"


def _has(job: Job, type_: str) -> bool:
    return any(c.type == type_ and c.status == "True" for c in job.status.conditions or ())


def _observed(cron_job: CronJob, jobs: Iterable[Job], running: Iterable[Job]) -> CronJobStatus:
    ended = [job.status.completion_time for job in jobs if job.status.completion_time and _has(job, "Complete")]
    last = max([*ended, cron_job.status.last_successful_time or ""]) or None
    active = tuple(_reference(job) for job in sorted(running, key=lambda job: job.name))
    return CronJobStatus(active, cron_job.status.last_schedule_time, last)


def _reference(job: Job) -> dict[str, str]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": job.name,
        "namespace": job.namespace,
        "resourceVersion": job.metadata.resource_version,
        "uid": job.metadata.uid,
    }


def scheduled_text(cron_job: CronJob, time: datetime) -> str:
    """The time as the annotation of its Job says it: in the CronJob's zone."""
    zone = cron_job.spec.time_zone
    local = time.astimezone(ZoneInfo(zone) if zone else UTC)
    return local.isoformat(timespec="seconds").replace("+00:00", "Z")

"""When CronJobs start Jobs: schedules, zones, what was missed, what runs already, and what is kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.cron import parse_schedule
from fairlead.model.decode import decode
from fairlead.model.workloads import CronJob, Job
from fairlead.workloads.cron_job import job_name, plan_cron_job, scheduled_text

MADE = "2026-03-01T00:00:00Z"


def at(text):
    return datetime.fromisoformat(text)


def cron_job(schedule="*/5 * * * *", last=None, **spec):
    status = {"lastScheduleTime": last} if last else {}
    metadata = {"name": "c", "namespace": "d", "uid": "u", "creationTimestamp": MADE}
    return decode(CronJob, {"metadata": metadata, "spec": {"schedule": schedule, **spec}, "status": status})


def job(name, condition=None, start=MADE):
    conditions = [{"type": condition, "status": "True"}] if condition else []
    status = {"conditions": conditions, "startTime": start, "completionTime": start if condition else None}
    return decode(Job, {"metadata": {"name": name, "namespace": "d", "uid": name}, "status": status})


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        ("*/5 * * * *", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:05:00Z"),
        ("0 12 * * *", "Europe/Berlin", "2026-01-10T00:00:00Z", "2026-01-10T11:00:00Z"),
        ("0 12 * * *", "Europe/Berlin", "2026-07-10T00:00:00Z", "2026-07-10T10:00:00Z"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 13 * fri", "UTC", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"),  # either day, as both are named
        ("0 0 * * fri", "UTC", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"),  # the clocks jump over one
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),  # and go back over another
        ("@every 90s", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:01:30Z"),
        ("0 0 31 2 *", "UTC", "2026-03-01T00:00:00Z", None),
    ],
)
def test_the_next_time(schedule, zone, after, expected):
    assert parse_schedule(schedule).after(at(after), ZoneInfo(zone)) == (at(expected) if expected else None)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))


@given(MOMENTS, st.sampled_from(["* * * * *", "7 3 * * 1-5", "*/7 2 1 * *"]))
def test_times_come_in_their_order_and_none_between(moment, text):
    moment = moment.replace(tzinfo=UTC)
    schedule, zone = parse_schedule(text), ZoneInfo("America/New_York")
    found = schedule.after(moment, zone)
    assert found > moment
    assert schedule.after(found - timedelta(seconds=1), zone) == found


def test_a_job_is_started_when_its_time_has_come():
    plan = plan_cron_job(cron_job(), (), at("2026-03-01T00:05:10Z"))
    assert plan.start == at("2026-03-01T00:05:00Z")
    assert plan.again_in == 290
    assert job_name(cron_job(), plan.start) == f"c-{int(plan.start.timestamp()) // 60}"


def test_no_job_is_started_early_or_twice():
    assert plan_cron_job(cron_job(), (), at("2026-03-01T00:04:59Z")).start is None
    done = cron_job(last="2026-03-01T00:05:00Z")
    assert plan_cron_job(done, (), at("2026-03-01T00:05:30Z")).start is None
    there = job(job_name(cron_job(), at("2026-03-01T00:05:00Z")))
    assert plan_cron_job(cron_job(), (there,), at("2026-03-01T00:05:30Z")).start is None


def test_only_the_last_missed_run_starts_and_many_are_reported():
    plan = plan_cron_job(cron_job(), (), at("2026-06-01T00:03:00Z"))
    assert plan.start == at("2026-06-01T00:00:00Z")
    assert [event.reason for event in plan.events] == ["TooManyMissedTimes"]


def test_a_deadline_ignores_older_progress():
    late = cron_job("0 0 * * *", startingDeadlineSeconds=60)
    assert plan_cron_job(late, (), at("2026-03-02T00:00:59Z")).start == at("2026-03-02T00:00:00Z")
    assert plan_cron_job(late, (), at("2026-03-02T00:02:00Z")).start is None


def test_a_suspended_cron_job_starts_nothing_and_has_no_next_time():
    plan = plan_cron_job(cron_job(suspend=True), (), at("2026-03-01T00:05:10Z"))
    assert (plan.start, plan.again_in) == (None, None)


@pytest.mark.parametrize(
    ("policy", "starts", "deletes"), [("Allow", True, []), ("Forbid", False, []), ("Replace", True, ["running"])]
)
def test_running_jobs_and_concurrency_policies(policy, starts, deletes):
    jobs = (job("running"), job("ended", "Complete"))
    plan = plan_cron_job(cron_job(concurrencyPolicy=policy), jobs, at("2026-03-01T00:05:10Z"))
    assert (plan.start is not None) is starts
    assert [each.name for each in plan.deletes] == deletes
    assert [reference["name"] for reference in plan.status.active] == ["running"]
    assert plan.status.last_successful_time == MADE


def test_the_number_of_finished_jobs_is_limited():
    jobs = [job(f"s{day}", "Complete", f"2026-03-0{day}T00:00:00Z") for day in (3, 1, 2)]
    jobs += [job(f"f{day}", "Failed", f"2026-03-0{day}T00:00:00Z") for day in (1, 2)]
    keeping = cron_job(last="2026-03-09T00:00:00Z", successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
    plan = plan_cron_job(keeping, jobs, at("2026-03-09T00:01:00Z"))
    assert [each.name for each in plan.deletes] == ["s1", "s2", "f1", "f2"]


def test_a_job_says_its_time_in_the_zone_of_its_schedule():
    assert scheduled_text(cron_job(timeZone="Asia/Tokyo"), at(MADE)) == "2026-03-01T09:00:00+09:00"
    assert scheduled_text(cron_job(), at(MADE)) == MADE


def active(*names):
    return [{"name": name, "uid": name} for name in names]


TOLD = [
    ({"timeZone": "Nowhere/At"}, [], "UnknownTimeZone", 'invalid timeZone: "Nowhere/At": '),
    ({"timeZone": "Nowhere/At", "suspend": True}, [], "UnknownTimeZone", "invalid timeZone"),
    ({"schedule": "0 26 * * *"}, [], "UnparseableSchedule", 'unparseable schedule: "0 26 * * *" : '),
    ({"suspend": True}, active("ended"), "SawCompletedJob", "Saw completed job: ended, condition: Complete"),
    ({"suspend": True}, active("broken"), "SawCompletedJob", "Saw completed job: broken, condition: Failed"),
    ({"suspend": True}, active("running", "gone"), "MissingJob", "Active job went missing: gone"),
]


@pytest.mark.parametrize(("spec", "known", "reason", "message"), TOLD)
def test_what_is_told(spec, known, reason, message):
    plain = {"schedule": "*/5 * * * *", "concurrencyPolicy": "Allow", "jobTemplate": {}}
    metadata = {"name": "c", "namespace": "ns", "uid": "c", "creationTimestamp": MADE}
    made = decode(CronJob, {"metadata": metadata, "spec": {**plain, **spec}, "status": {"active": known}})
    jobs = [job("running"), job("ended", "Complete"), job("broken", "Failed")]
    [event] = plan_cron_job(made, jobs, at("2026-03-01T00:05:10Z")).events
    assert event.reason == reason
    assert event.message.startswith(message)

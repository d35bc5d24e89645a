"""Leader election among replicas: rules for a Lease that all of them read and one of them holds.

A candidate never compares clocks of two machines. It notes by its own clock when it saw the Lease change last, and
takes the Lease over once that is longer ago than the Lease's own duration. The holder renews it far more often, and
stops working some time before others may start. Two writers at once are told apart by the Lease's resource version.
Semantics and defaults: client-go ``tools/leaderelection``.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from fairlead.model.objects import Lease, LeaseSpec

JITTER = 1.2  # a candidate waits for up to so many retry periods, so that candidates do not ask in step


class Timing(NamedTuple):
    """Seconds: how long a Lease lasts, when a holder that cannot renew it gives up, and how often each tries."""

    lease: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0


DEFAULTS = Timing()


def timing_fault(timing: Timing) -> str:
    """The fault of the timing, in upstream's words; empty if there is none."""
    faults = {
        "leaseDuration must be at least 1s": timing.lease < 1,  # a Lease has whole seconds
        "leaseDuration must be greater than renewDeadline": timing.lease <= timing.renew_deadline,
        "renewDeadline must be greater than retryPeriod*JitterFactor": timing.renew_deadline <= JITTER * timing.retry,
        "retryPeriod must be greater than zero": timing.retry <= 0,
    }
    return next((text for text, is_so in faults.items() if is_so), "")


class ObservedLease(NamedTuple):
    """A Lease as it was read, and the time of its last observed change, by the reader's clock."""

    lease: Lease
    since: float


def observe(before: ObservedLease | None, lease: Lease, now: float) -> ObservedLease:
    """Record that a Lease was read."""
    if before and before.lease.spec == lease.spec:
        return ObservedLease(lease, before.since)
    return ObservedLease(lease, now)


def can_acquire(seen: ObservedLease, me: str, now: float, is_dead: Callable[[str], bool] = lambda _: False) -> bool:
    """Whether the Lease can be acquired or renewed.

    Args:
        is_dead: whether the holder with this identity is known to have ended.
    """
    holder = seen.lease.spec.holder_identity
    if not holder or holder == me or is_dead(holder):
        return True
    return now >= seen.since + (seen.lease.spec.lease_duration_seconds or 0)


def acquired(spec: LeaseSpec, me: str, timing: Timing, now_text: str) -> LeaseSpec:
    """The Lease's spec once it is held by ``me`` from ``now_text`` (RFC 3339 with microseconds) on."""
    is_mine = spec.holder_identity == me
    return structs.replace(
        spec,
        holder_identity=me,
        lease_duration_seconds=int(timing.lease),
        acquire_time=(spec.acquire_time if is_mine else None) or now_text,
        renew_time=now_text,
        lease_transitions=(spec.lease_transitions or 0) + (0 if is_mine or not spec.acquire_time else 1),
    )


def released(spec: LeaseSpec, now_text: str) -> LeaseSpec:
    """The spec that lets the next candidate begin at once."""
    return structs.replace(
        spec, holder_identity=None, lease_duration_seconds=1, acquire_time=now_text, renew_time=now_text
    )

"""Schedules of CronJobs: five fields, or a word for a usual one, and the moments that they name.

The grammar is that of upstream's parser (robfig/cron ``ParseStandard``), which takes less than most libraries do (no 7
for Sunday, no L or #) and says differently when it refuses; a verdict that differs from upstream's would let a schedule
in that no cluster takes.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_UNITS = {"h": 3600, "m": 60, "s": 1}
_FARTHEST = 5 * 366  # days; a day that does not come in five years never comes
_DIGITS = 9


class _Bounds(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int]


_FIELDS = (_Bounds(0, 59, {}), _Bounds(0, 23, {}), _Bounds(1, 31, {}), _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _DAYS))


class Schedule(NamedTuple):
    """When something is to happen.

    Attributes:
        every: seconds between two times, for ``@every``; else the other fields count.
        days_or: a day that either field names counts, because neither of them is ``*``.
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    days_or: bool = False
    every: int = 0

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first time after a moment, in UTC; None when there is none in five years.

        A time that the clocks jump over does not come, and of one that comes twice the first counts.
        """
        if self.every:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every)
        utc = moment.tzinfo
        local = (moment.replace(second=0, microsecond=0) + timedelta(minutes=1)).astimezone(zone)
        day = local.replace(hour=0, minute=0, tzinfo=None)
        for _ in range(_FARTHEST):
            if self._has_day(day):
                for wall in self._times_of(day):
                    found = wall.replace(tzinfo=zone).astimezone(utc)
                    if found > moment and found.astimezone(zone).replace(tzinfo=None) == wall:
                        return found
            day += timedelta(days=1)
        return None

    def _has_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        return by_day or by_weekday if self.days_or else by_day and by_weekday

    def _times_of(self, day: datetime) -> Iterator[datetime]:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                yield day.replace(hour=hour, minute=minute)


def parse_schedule(text: str) -> Schedule:
    """The schedule that a text spells.

    Raises:
        ValueError: it spells none; the message is upstream's.
    """
    if not text:
        raise ValueError("empty spec string")
    if text.startswith(_EVERY):
        return Schedule(every=max(1, _duration(text.removeprefix(_EVERY))))
    if text.startswith("@") and text not in _WORDS:
        raise ValueError(f"unrecognized descriptor: {text}")
    parts = _WORDS.get(text, text).split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: [{' '.join(parts)}]")
    minutes, hours, days, months, weekdays = (_field(part, b) for part, b in zip(parts, _FIELDS, strict=True))
    days_or = not any(part[0] in "*?" for part in (parts[2], parts[4]))
    return Schedule(minutes, hours, days, months, weekdays, days_or)


def _field(text: str, bounds: _Bounds) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _range(part, bounds))


def _range(text: str, bounds: _Bounds) -> range:
    span, slash, step_text = text.partition("/")
    low_text, dash, high_text = span.partition("-")
    if "/" in step_text:
        raise ValueError(f"too many slashes: {text}")
    if "-" in high_text:
        raise ValueError(f"too many hyphens: {text}")
    if low_text in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        low = _number(low_text, bounds)
        high = _number(high_text, bounds) if dash else bounds.high if slash else low
    step = _number(step_text, bounds) if slash else 1
    _check_range(text, low, high, step, bounds)
    return range(low, high + 1, step)


def _check_range(text: str, low: int, high: int, step: int, bounds: _Bounds) -> None:
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")


def _number(text: str, bounds: _Bounds) -> int:
    if (named := bounds.names.get(text.lower())) is not None:
        return named
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _duration(text: str) -> int:
    """Seconds of a duration such as ``1h30m``."""
    total, digits = 0, ""
    for sign in text:
        if sign.isascii() and sign.isdigit() and len(digits) < _DIGITS:
            digits += sign
        elif sign in _UNITS and digits:
            total, digits = total + int(digits) * _UNITS[sign], ""
        else:
            raise ValueError(f'failed to parse duration {_EVERY}{text}: time: invalid duration "{text}"')
    if digits or not text:
        raise ValueError(f'failed to parse duration {_EVERY}{text}: time: missing unit in duration "{text}"')
    return total

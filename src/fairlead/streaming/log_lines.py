"""A container's log: how lines are kept, and what of them a reader gets to see.

Each line is kept as ``TIME STREAM TAG CONTENT``: TIME in UTC with nine decimals, so that times compare as text; TAG is
``F`` for a whole line or the last part of one, ``P`` for an earlier part of a line longer than MAX_PART.
Source: the CRI logging format (``kubernetes/design-proposals-archive``, node/kubelet-cri-logging.md);
``staging/src/k8s.io/cri-client/pkg/logs/logs.go``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fairlead.streaming.errors import BadRequest

MAX_PART = 16 * 1024  # bytes of content in one kept line, as container runtimes cut them
_SECOND = 10**9


def timestamp(nanoseconds: int) -> str:
    """A time since 1970 as log lines have it."""
    seconds, fraction = divmod(nanoseconds, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


class LogLines:
    """Turns what a container writes to one of its streams into lines to be kept."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
        self._rest = b""

    def receive(self, data: bytes, now: int) -> bytes:
        """The lines that are whole now, or too long to wait for.

        Args:
            now: nanoseconds since 1970.
        """
        *whole, rest = (self._rest + data).split(b"\n")
        kept = [part for line in whole for part in self._parts(line)]
        while len(rest) > MAX_PART:
            kept.append((b"P", rest[:MAX_PART]))
            rest = rest[MAX_PART:]
        self._rest = rest
        return self._format(kept, now)

    def end(self, now: int) -> bytes:
        """The rest of the stream at its end: a last line without a newline."""
        rest, self._rest = self._rest, b""
        return self._format([(b"P", rest)], now) if rest else b""

    def _parts(self, line: bytes) -> Iterable[tuple[bytes, bytes]]:
        while len(line) > MAX_PART:
            yield b"P", line[:MAX_PART]
            line = line[MAX_PART:]
        yield b"F", line

    def _format(self, parts: Iterable[tuple[bytes, bytes]], now: int) -> bytes:
        head = timestamp(now).encode() + b" " + self._stream + b" "
        return b"".join(head + tag + b" " + content + b"\n" for tag, content in parts)


@dataclass(frozen=True)
class LogOptions:
    """The options of a request for a log.

    Attributes:
        since: lines before this time (as in the log) are left out; empty for none.
        tail: only the last that many lines of what is there; None for all.
        limit: end after that many bytes; None for no end.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: str = ""
    tail: int | None = None
    limit: int | None = None


def parse_log_options(query: Mapping[str, Sequence[str]], now: int) -> LogOptions:
    """A reader's wishes, from a query with the fields of PodLogOptions.

    Args:
        now: nanoseconds since 1970.

    Raises:
        BadRequest: a value is not of its type, negative, or two exclude each other.
    """
    if "sinceTime" in query and "sinceSeconds" in query:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    since = ""
    if text := _first(query, "sinceTime"):
        since = timestamp(max(0, _nanoseconds(text)))
    if (seconds := _number(query, "sinceSeconds")) is not None:
        since = timestamp(max(0, now - seconds * _SECOND))
    return LogOptions(
        follow=_flag(query, "follow"),
        previous=_flag(query, "previous"),
        timestamps=_flag(query, "timestamps"),
        since=since,
        tail=_number(query, "tailLines"),
        limit=_number(query, "limitBytes"),
    )


class LogView:
    """Turns kept lines into what a reader sees.

    Attributes:
        is_full: as many bytes as the reader wanted have been shown.
    """

    def __init__(self, options: LogOptions) -> None:
        self._since, self._timestamps, self._left = options.since.encode(), options.timestamps, options.limit
        self._rest = b""
        self._starts_line = True

    @property
    def is_full(self) -> bool:
        return self._left == 0

    def receive(self, data: bytes) -> bytes:
        """The output for received bytes, however they are split."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        shown = b"".join(map(self._show, lines))
        if self._left is not None:
            shown = shown[: self._left]
            self._left -= len(shown)
        return shown

    def _show(self, line: bytes) -> bytes:
        time, _, tagged = line.partition(b" ")
        _, tag, content = (*tagged.split(b" ", 2), b"", b"")[:3]
        if time < self._since:
            return b""
        prefix = time + b" " if self._timestamps and self._starts_line else b""
        self._starts_line = tag != b"P"
        return prefix + content + (b"\n" if self._starts_line else b"")


def _first(query: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(query.get(name, ())), "")


def _flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    return _first(query, name) in {"1", "t", "T", "true", "True", "TRUE"}


def _number(query: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = _first(query, name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(f"{name}: {text!r} is not a whole number of at least 0")
    return int(text)


def _nanoseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.timestamp()) * _SECOND + moment.microsecond * 1000
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"sinceTime: {text!r} is not a time as in RFC 3339") from error

"""Container logs: what was written comes back, cut and filtered as asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.streaming.errors import BadRequest
from fairlead.streaming.log_lines import MAX_PART, LogLines, LogOptions, LogView, parse_log_options, timestamp

SECOND = 10**9
NOON = 1_700_049_600 * SECOND  # 2023-11-15T12:00:00Z


def kept(*writes, start=NOON):
    """What is kept of writes, one a second."""
    lines = LogLines("stdout")
    data = b"".join(lines.receive(write, start + n * SECOND) for n, write in enumerate(writes))
    return data + lines.end(start + len(writes) * SECOND)


def seen(data, **options):
    return LogView(LogOptions(**options)).receive(data)


def test_times_have_nine_decimals():
    assert timestamp(NOON + 5) == "2023-11-15T12:00:00.000000005Z"


def test_lines_are_kept_with_time_and_stream():
    assert kept(b"a\nb") == (
        b"2023-11-15T12:00:00.000000000Z stdout F a\n" + b"2023-11-15T12:00:01.000000000Z stdout P b\n"
    )


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([0, 1, MAX_PART - 1, MAX_PART + 5])), max_size=5))
@settings(max_examples=60)
def test_written_lines_are_read_back(pieces):
    writes = [b"x" * piece if isinstance(piece, int) else piece for piece in pieces]
    data = kept(*writes)
    assert seen(data) == b"".join(writes)
    assert all(len(line) < MAX_PART + 60 for line in data.split(b"\n"))


THREE = kept(b"one\n", b"two\n", b"three\n")
VIEWS = [
    ({}, b"one\ntwo\nthree\n"),
    ({"limit": 6}, b"one\ntw"),
    ({"limit": 0}, b""),
    ({"since": timestamp(NOON + SECOND)}, b"two\nthree\n"),
    ({"since": timestamp(NOON + SECOND + 1)}, b"three\n"),
    ({"timestamps": True, "since": timestamp(NOON + 2 * SECOND)}, b"2023-11-15T12:00:02.000000000Z three\n"),
]


def test_a_view_of_bytes_cut_anywhere():
    view = LogView(LogOptions())
    assert b"".join(view.receive(bytes((byte,))) for byte in THREE) == b"one\ntwo\nthree\n"


@pytest.mark.parametrize(("options", "expected"), VIEWS)
def test_views(options, expected):
    assert seen(THREE, **options) == expected


def test_a_long_line_has_one_time():
    data = kept(b"x" * (MAX_PART + 1) + b"\n")
    assert seen(data, timestamps=True).count(b"Z ") == 1


def test_a_reader_knows_when_it_has_enough():
    view = LogView(LogOptions(limit=5))
    assert (view.receive(THREE[:50]), view.is_full) == (b"one\n", False)
    assert (view.receive(THREE[50:]), view.is_full) == (b"t", True)


QUERIES = [
    ({}, LogOptions()),
    ({"follow": ["true"], "previous": ["false"]}, LogOptions(follow=True)),
    ({"tailLines": ["0"], "limitBytes": ["10"]}, LogOptions(tail=0, limit=10)),
    ({"sinceSeconds": ["60"]}, LogOptions(since=timestamp(NOON - 60 * SECOND))),
    ({"sinceSeconds": ["9999999999"]}, LogOptions(since=timestamp(0))),
    ({"sinceTime": ["2023-11-15T12:00:00Z"], "timestamps": ["1"]}, LogOptions(timestamps=True, since=timestamp(NOON))),
    ({"sinceTime": ["2023-11-15T13:00:00+01:00"]}, LogOptions(since=timestamp(NOON))),
    ({"sinceTime": ["0001-01-01T00:00:00+23:59"]}, LogOptions(since=timestamp(0))),
    ({"previous": ["true"]}, LogOptions(previous=True)),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_queries(query, expected):
    assert parse_log_options(query, NOON) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": ["-1"]},
        {"tailLines": ["x"]},
        {"limitBytes": ["1" * 30]},
        {"sinceTime": ["yesterday"]},
        {"sinceTime": ["2023-11-15T12:00:00Z"], "sinceSeconds": ["1"]},
    ],
)
def test_queries_that_make_no_sense(query):
    with pytest.raises(BadRequest):
        parse_log_options(query, NOON)

"""The election of the example postgres_rw_split: tables, and its promise under every order of events."""

import pytest
from examples.postgres_rw_split.election import Position, Vote, has_diverged, may_lead, parse_lsn, timeline_at
from hypothesis import given
from hypothesis import strategies as st

HISTORY = "1\t0/4000000\tno recovery target specified\n2\t0/5000000\tno recovery target specified\n"


@pytest.mark.parametrize(
    ("mine", "others", "leads"),
    [
        ((1, 10), [], False),
        ((1, 10), [(1, 10)], True),
        ((1, 10), [(1, 9)], True),
        ((1, 10), [(1, 11)], False),
        ((1, 10), [(1, 11), (1, 9)], True),
        ((1, 10), [(2, 9)], False),
        ((2, 9), [(1, 10)], True),
    ],
)
def test_a_majority_whose_wal_is_no_longer(mine, others, leads):
    votes = [Vote("7", Position(*position)) for position in others]
    assert may_lead(Vote("7", Position(*mine)), votes, members=3) is leads


def test_a_vote_counts_for_one_version_of_the_lease_only():
    assert not may_lead(Vote("8", Position(1, 10)), [Vote("7", Position(1, 1)), Vote("9", Position(1, 1))], members=3)


@given(st.integers(0, 3), st.data())
def test_every_possible_leader_has_the_majoritys_data(extra, data):
    """A write is acknowledged when a majority has it; whichever members vote, a leader among them has it too."""
    members = 3 + 2 * (extra // 2)
    ends = data.draw(st.lists(st.integers(0, 5), min_size=members, max_size=members))
    acknowledged = sorted(ends, reverse=True)[members // 2]
    voters = data.draw(st.sets(st.integers(0, members - 1)))
    votes = {voter: Vote("7", Position(1, ends[voter])) for voter in voters}
    for voter in voters:
        if may_lead(votes[voter], [votes[other] for other in voters - {voter}], members):
            assert ends[voter] >= acknowledged


@pytest.mark.parametrize(
    ("position", "diverged"),
    [
        ((1, "0/3000000"), False),
        ((1, "0/4000000"), False),
        ((1, "0/4000001"), True),
        ((2, "0/4000001"), False),
        ((2, "0/5000001"), True),
        ((3, "0/9000000"), False),
        ((4, "0/1000000"), True),
    ],
)
def test_divergence_by_the_history_of_a_primary_on_timeline_3(position, diverged):
    timeline, lsn = position
    assert has_diverged(Position(timeline, parse_lsn(lsn)), HISTORY, 3) is diverged


@pytest.mark.parametrize(
    ("lsn", "timeline"), [("0/3FFFFFF", 1), ("0/4000000", 2), ("0/4FFFFFF", 2), ("0/5000000", 3), ("1/0", 3)]
)
def test_the_timeline_of_wal_in_a_file_that_repeats_its_parent(lsn, timeline):
    assert timeline_at(parse_lsn(lsn), 3, HISTORY) == timeline


def test_the_first_timeline_has_no_history():
    assert timeline_at(parse_lsn("0/3000000"), 1, "") == 1


def test_an_lsn_is_a_number_of_64_bits():
    assert parse_lsn("16/B374D848") == 0x16B374D848

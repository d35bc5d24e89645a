"""A process's user after calls such as setuid(2)."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.nodeagent.emulated_users import (
    CALLS,
    UNCHANGED,
    CallOutcome,
    Ids,
    Users,
    call,
    change_owner,
    passed_on,
    set_groups,
)

ROOT = Users()
WEB = Users(Ids(101, 101, 101), Ids(102, 102, 102), (102, 7))
RESTING = Users(uids=Ids(0, 101, 0))  # root that is another user for a while
KEEPING = WEB._replace(keeps=True)


def go(users: Users, name: str, *arguments: int) -> CallOutcome:
    return call(name, [*arguments, *(6 - len(arguments)) * [0]], users)


@pytest.mark.parametrize(
    ("before", "name", "arguments", "after"),
    [
        (ROOT, "setuid", [101], Ids(101, 101, 101)),
        (ROOT, "setreuid", [101, UNCHANGED], Ids(101, 0, 0)),
        (ROOT, "setreuid", [UNCHANGED, 101], Ids(0, 101, 101)),
        (ROOT, "setreuid", [101, 101], Ids(101, 101, 101)),
        (ROOT, "setresuid", [1, 2, 3], Ids(1, 2, 3)),
        (ROOT, "setresuid", [UNCHANGED, 101, UNCHANGED], Ids(0, 101, 0)),
        (RESTING, "setuid", [0], Ids(0, 0, 0)),
        (RESTING, "setreuid", [UNCHANGED, 0], Ids(0, 0, 0)),
        (WEB, "setuid", [101], Ids(101, 101, 101)),
        (WEB, "setresuid", [UNCHANGED, UNCHANGED, UNCHANGED], Ids(101, 101, 101)),
        (KEEPING, "setuid", [5], Ids(5, 5, 5)),
        (ROOT, "setuid", [(1 << 32) + 7], Ids(7, 7, 7)),  # the upper half of a register means nothing
    ],
)
def test_users(before, name, arguments, after):
    assert go(before, name, *arguments) == CallOutcome(before._replace(uids=after))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("setuid", [0]), ("setuid", [5]), ("setreuid", [0, 0]), ("setreuid", [UNCHANGED, 0]), ("setresuid", [0, 0, 0])],
)
@pytest.mark.parametrize("before", [WEB, RESTING._replace(uids=Ids(9, 101, 9))], ids=["web", "resting"])
def test_a_process_that_dropped_root_cannot_regain_it(before, name, arguments):
    assert go(before, name, *arguments) == CallOutcome(before, error=errno.EPERM)
    assert go(before, name.replace("uid", "gid"), *[8 for _ in arguments]).error == errno.EPERM


def test_groups_are_a_matter_of_the_user():
    assert go(ROOT, "setgid", 5).users == Users(gids=Ids(5, 5, 5))
    assert go(RESTING, "setgid", 5).error == errno.EPERM
    assert set_groups([5, 6], ROOT).users.groups == (5, 6)
    assert set_groups([5, 6], WEB) == CallOutcome(WEB, error=errno.EPERM)


def test_nobody_is_minus_one():
    assert go(ROOT, "setuid", UNCHANGED) == CallOutcome(ROOT, error=errno.EINVAL)


@pytest.mark.parametrize(
    ("name", "value"), [("getuid", 0), ("geteuid", 101), ("getgid", 0), ("getegid", 0), ("setfsuid", 101)]
)
def test_the_user_of_a_process(name, value):
    assert go(RESTING, name, 0) == CallOutcome(RESTING, value)


def test_capabilities_are_kept_until_another_program_runs():
    asked = passed_on("prctl", [8, 1, 0, 0, 0, 0], ROOT)
    web = go(asked, "setuid", 101).users
    assert go(web, "setgid", 5).error == 0
    assert go(passed_on("execve", [0] * 6, web), "setgid", 5).error == errno.EPERM
    assert passed_on("prctl", [8, 1, 0, 0, 0, 0], WEB) == WEB  # which has none to keep
    assert passed_on("prctl", [15, 1, 0, 0, 0, 0], ROOT) == ROOT


@pytest.mark.parametrize(
    ("users", "uid", "gid", "error"),
    [
        (ROOT, 5, 5, 0),
        (WEB, 101, 7, 0),
        (WEB, UNCHANGED, 102, 0),
        (WEB, 0, UNCHANGED, errno.EPERM),
        (WEB, UNCHANGED, 0, errno.EPERM),
    ],
)
def test_only_root_can_give_files_away(users, uid, gid, error):
    assert change_owner(uid, gid, users) == error


numbers = st.integers(0, 5) | st.just(UNCHANGED)
calls = st.tuples(st.sampled_from(sorted(CALLS)), st.tuples(numbers, numbers, numbers))


@given(st.lists(calls))
def test_no_sequence_of_calls_leads_back_to_root(sequence):
    users = Users(Ids(1, 1, 1), Ids(1, 1, 1))
    for name, arguments in sequence:
        users = go(users, name, *arguments).users
    assert users == Users(Ids(1, 1, 1), Ids(1, 1, 1))

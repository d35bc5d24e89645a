"""A trouble is reported at once, then less and less often; its end is reported if its beginning was."""

from fairlead.watching.notices import FIRST_AGAIN, LAST_AGAIN, REMEMBERED, Notices


def said(notices, moments, about="services", cause="403 Forbidden"):
    return [now for now in moments if notices.trouble(about, cause, now)]


def test_a_constant_trouble_is_reported_less_and_less_often():
    moments = said(Notices(), range(0, 24 * 3600, 5))
    assert moments[:4] == [0, FIRST_AGAIN, 3 * FIRST_AGAIN, 7 * FIRST_AGAIN]
    assert moments[-1] - moments[-2] == LAST_AGAIN
    assert len(moments) < 32


def test_each_trouble_is_reported_separately():
    notices = Notices()
    assert notices.trouble("services", "403", 0)
    assert notices.trouble("nodes", "403", 0)
    assert notices.trouble("services", "500", 0)
    assert not notices.trouble("services", "403", 1)


def test_the_end_of_a_trouble_is_reported_once():
    notices = Notices()
    notices.trouble("services", "403", 0)
    notices.trouble("services", "500", 10)
    assert notices.relief("nodes", 30) is None
    assert notices.relief("services", 30) == 30
    assert notices.relief("services", 31) is None


def test_an_intermittent_trouble_is_not_reported_more_often_than_a_constant_one():
    notices, lines = Notices(), 0
    for now in range(0, 3600, 2):
        lines += notices.trouble("", "refused", now)
        lines += notices.relief("", now + 1) is not None
    assert lines <= 14  # 0, 60, 180, 420, 900, 1860 and 3780 s, each with its end


def test_an_old_trouble_is_reported_again():
    notices = Notices()
    said(notices, range(0, 3600, 10))
    notices.relief("services", 3600)
    assert notices.trouble("services", "403 Forbidden", 3600 * 10)
    assert notices.trouble("services", "403 Forbidden", 3600 * 10 + FIRST_AGAIN)


def test_only_so_many_are_remembered():
    notices = Notices()
    for number in range(10 * REMEMBERED):
        assert notices.trouble("services", f"cause {number}", 0)
    assert len(notices._troubles) == REMEMBERED

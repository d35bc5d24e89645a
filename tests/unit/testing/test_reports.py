"""The content of a report."""

from fairlead.testing.reports import sections


def test_what_is_no_lab_is_passed_over():
    assert sections(["text", 5, "text"], None) == []

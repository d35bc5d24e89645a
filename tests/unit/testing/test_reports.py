"""The content of a report."""

from fairlead.testing.reports import sections


def test_objects_that_are_no_labs_are_ignored():
    assert sections(["text", 5, "text"], None) == []

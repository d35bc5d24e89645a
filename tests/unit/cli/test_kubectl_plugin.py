"""``kubectl fairlead``: completion."""

import pytest

from fairlead.cli.kubectl_plugin import completions


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ex"], ["explain"]),
        (["d"], ["doctor", "diff", "dns"]),
        (["explain", "sv"], ["svc/"]),
        (["doctor", "--fi"], ["--filename", "--fix"]),
        (["trace", "x"], []),
    ],
)
def test_completions(words, expected):
    assert completions(words) == expected


def test_empty_input_is_completed_with_every_command():
    assert "trace" in completions([""])

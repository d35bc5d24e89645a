"""Stop signals of images."""

import pytest

from fairlead.images.stop_signal import RTMAX, RTMIN, TERM, signal_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGQUIT", 3),
        ("quit", 3),
        (" SIGKILL\n", 9),
        ("SIGIOT", 6),
        ("CLD", 17),
        ("15", 15),
        ("SIGRTMIN", RTMIN),
        ("RTMIN+3", RTMIN + 3),
        ("SIGRTMAX-14", RTMAX - 14),
    ],
)
def test_signals_have_their_numbers(text, number):
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "SIGNOTHING", "RTMIN-1", "RTMAX+1", "RTMIN+99", "-9", "٣", "9" * 5000])
def test_invalid_signals_mean_sigterm(text):
    assert signal_number(text) == TERM

"""Quantities: one spelling for each amount, which is no more and no less than what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.quantities import canonical, quantity

SUFFIXES = ("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-2", "e0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000m", "1"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("12E2", "1200"),
        ("1500e-3", "1500e-3"),
        ("1.5", "1500m"),
        ("0.0", "0"),
        ("0Gi", "0"),
        ("512", "512"),
        ("0.1Ki", "102400m"),
        ("0.0000000001", "1n"),
        ("-1000m", "-1"),
        ("1E", "1E"),
        (".5", "500m"),
        ("1073741824", "1073741824"),
    ],
)
def test_the_canonical_form(text, expected):
    assert canonical(text) == expected


@given(st.integers(-(10**9), 10**9), st.integers(0, 999), st.sampled_from(SUFFIXES))
def test_the_canonical_form_is_the_same_amount_and_its_own_form(whole, thousandths, suffix):
    text = f"{whole}.{thousandths:03}{suffix}"
    given_amount, found = quantity(text), quantity(canonical(text))
    assert canonical(canonical(text)) == canonical(text)
    assert abs(found) >= abs(given_amount)
    assert abs(found) - abs(given_amount) < 1


@pytest.mark.parametrize("text", ["", "a", "1 Gi", "1gi", "--1", "1e1000", "9" * 65])
def test_invalid_quantities(text):
    with pytest.raises(ValueError, match="is no quantity"):
        canonical(text)

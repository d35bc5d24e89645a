"""Resource quantities such as ``100m`` and ``1.5Gi``, as exact numbers to compare, and the one way to write each.

Grammar and canonical form: apimachinery ``pkg/api/resource/quantity.go``.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache

_QUANTITY = re.compile(r"(?P<number>[+-]?(\d+\.?\d*|\.\d+))(?P<suffix>[eE][+-]?\d{1,3}|[numkMGTPE]|[KMGTPE]i)?")
_LONGEST = 64  # characters; nobody counts further, and exact numbers of a million digits take their time
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX_OF_POWER = {power: suffix for suffix, power in _DECIMAL.items()}
_SUFFIX_OF_BITS = {bits: suffix for suffix, bits in _BINARY.items()}
_SMALLEST = -9  # powers of ten; finer amounts are rounded up


def quantity(text: str) -> Fraction | None:
    """The number that ``text`` spells, or None."""
    return _quantity(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)  # a cluster's Pods ask for a few amounts, again and again
def _quantity(text: str) -> Fraction | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix = Fraction(match["number"]), match["suffix"] or ""
    if suffix in _BINARY:
        return number * Fraction(2) ** _BINARY[suffix]
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return number * Fraction(10) ** exponent


def canonical(text: str, smallest: int = _SMALLEST) -> str:
    """The quantity as upstream stores and shows it: no fraction, the largest suffix that leaves none, in the family of
    suffixes (binary, decimal, exponent) that it was written in.

    Args:
        smallest: the power of ten to whose whole multiples it is rounded up.

    Raises:
        ValueError: it is no quantity.
    """
    number = quantity(text)
    if number is None:
        raise ValueError(f"{text!r} is no quantity")
    # Fewer than 1024 bytes are written as any other number, because of fractions of them.
    if text[-1] == "i" and abs(number) >= 1024:
        return _binary(_rounded_up(number, Fraction(1)))
    amount = _rounded_up(number, Fraction(10) ** smallest)
    return _decimal(amount, exponents=text[-1].isdigit() and "e" in text.lower())


def _rounded_up(number: Fraction, unit: Fraction) -> Fraction:
    """To a whole number of units, away from zero."""
    size = abs(number)
    whole = math.ceil(size / unit) * unit
    return whole if number >= 0 else -whole


def _binary(number: Fraction) -> str:
    bits = max((b for b in _SUFFIX_OF_BITS if number % 2**b == 0), default=0)
    # Without a suffix it is read back as a decimal number.
    return f"{number / 2**bits}{_SUFFIX_OF_BITS[bits]}" if bits else _decimal(number, exponents=False)


def _decimal(number: Fraction, exponents: bool) -> str:
    if number == 0:
        return "0"
    power = max(p for p in _SUFFIX_OF_POWER if number % Fraction(10) ** p == 0)
    digits = str(number / Fraction(10) ** power)
    if exponents:
        return f"{digits}e{power}" if power else digits
    return digits + _SUFFIX_OF_POWER[power]


def spelled(number: Fraction, like: str) -> str:
    """A number as a canonical quantity, in the family of suffixes of another one."""
    if like.endswith("i") and abs(number) >= 1024:
        return _binary(_rounded_up(number, Fraction(1)))
    return _decimal(_rounded_up(number, Fraction(10) ** _SMALLEST), exponents=False)

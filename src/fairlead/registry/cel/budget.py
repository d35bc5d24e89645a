"""The cost limit of an evaluation of rules, and the ways in which it can end without a value."""

from dataclasses import dataclass

STEPS = 20_000  # nodes of an expression that are visited for one object; a node takes some 30 µs
LONGEST = 4 * 2**20  # characters or elements of a value that a function makes: more than a request can hold


class Unsupported(ValueError):
    """The expression uses something unknown here, or is invalid."""


class RuleError(Exception):
    """The expression has no value for this input; the text says why."""


class TooCostly(Exception):
    """The budget is used up."""


@dataclass
class Budget:
    """The remaining steps for one object."""

    left: int = STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooCostly


def allow(size: int) -> None:
    """Raises TooCostly: a function would make a value of so many characters or elements."""
    if size > LONGEST:
        raise TooCostly

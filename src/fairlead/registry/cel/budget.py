"""What one evaluation of rules may cost, and how it can end without a value."""

from dataclasses import dataclass

STEPS = 20_000  # nodes of an expression that are visited for one object; a node takes some 30 µs


class Unsupported(ValueError):
    """The expression has what is not known here, or is none at all."""


class RuleError(Exception):
    """The expression has no value for what it was asked of; the text says why."""


class TooCostly(Exception):
    """The budget is used up."""


@dataclass
class Budget:
    """What is left of the steps for one object."""

    left: int = STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooCostly

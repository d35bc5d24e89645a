"""The rules of each kind, by the name that documents have."""

from fairlead.registry.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {}

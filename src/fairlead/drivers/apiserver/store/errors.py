"""Errors of a store."""

from pathlib import Path


class StoreError(Exception):
    """The store cannot be opened or written; the message says why and what to do."""


class StoreInUse(StoreError):
    """Another process has the store."""


class StoreFull(StoreError):
    """The disk is full; writes that free space still succeed."""


class StoreDamaged(StoreError):
    """The store is not what was acknowledged."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"the store {path} is damaged: {what}. Nothing was changed. Put a backup in its place with "
            f"`fairlead restore FILE {path.parent}`, or start with --accept-loss to go on with what is intact"
        )

"""Stores of an API server that was killed, and what may happen to their files."""

import shutil
from contextlib import closing

from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore
from fairlead.model.names import ObjectKey
from fairlead.registry.store import State, Step, put, remove

FILES = ("store.sqlite", "store.sqlite-wal", "store.mark")


def map_named(name, text):
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": "n"}, "data": {"x": text}}


def write_many(store, step, dice, rounds):
    """Acknowledged changes, in commits of one to four; the step that they led to."""
    for _ in range(rounds):
        start = len(step.changes)
        for _ in range(dice.randrange(1, 5)):
            name = f"m{dice.randrange(80)}"
            key = ObjectKey("n", name)
            document = map_named(name, "y" * dice.randrange(1, 4000))
            if step.state.get("configmaps", key) and dice.random() < 0.2:
                step = remove(step, "configmaps", key, document, {})
            else:
                step = put(step, "configmaps", key, document, {})
        store.write(step.changes[start:])
    return step


def killed_store(directory, scratch, dice, rounds):
    """A store as a kill leaves it: its log is not emptied. Gives what was acknowledged, by key."""
    with closing(SqliteStore(scratch)) as store:
        step = write_many(store, Step(State()), dice, rounds)
        shutil.copytree(scratch, directory)
    return {key: stored.document for key, stored in step.state.of("configmaps").items()}


def contents(directory):
    """What a store gives to the server that starts with it; raises StoreError."""
    with closing(SqliteStore(directory)) as store:
        return {row.key: row.document for row in store.load()[1]}


def _flip(file, dice):
    content = bytearray(file.read_bytes())
    position = dice.randrange(len(content))
    content[position] ^= 1 << dice.randrange(8)
    file.write_bytes(content)


def _overwrite(file, dice):
    content = bytearray(file.read_bytes())
    start = dice.randrange(len(content))
    length = dice.choice((1, 16, 512, 4096))
    garbage = dice.choice((b"\0" * length, dice.randbytes(length)))
    content[start : start + length] = garbage[: len(content) - start]
    file.write_bytes(content)


def _cut(file, dice):
    with file.open("r+b") as opened:
        opened.truncate(dice.randrange(file.stat().st_size))


def _empty(file, dice):
    file.write_bytes(b"")


def _swap(file, dice):
    content = file.read_bytes()
    size = 512 if len(content) < 8192 else 4096
    one, other = (dice.randrange(0, len(content), size) for _ in range(2))
    pages = [bytearray(content[start : start + size]) for start in range(0, len(content), size)]
    pages[one // size], pages[other // size] = pages[other // size], pages[one // size]
    file.write_bytes(b"".join(pages))


def _delete(file, dice):
    file.unlink()


DAMAGE = {
    "flip": _flip,
    "overwrite": _overwrite,
    "cut": _cut,
    "empty": _empty,
    "swap": _swap,
    "delete": _delete,
}

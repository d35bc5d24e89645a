"""Stores with random damage: refused with a correct message, or complete."""

import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fairlead.drivers.apiserver.store import layout
from fairlead.drivers.apiserver.store.copies import copy_store, restore_store
from fairlead.drivers.apiserver.store.errors import StoreDamaged
from fairlead.drivers.apiserver.store.salvage import salvage_store
from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore
from fairlead.registry.store import State, Step
from tests.support.damaged_stores import DAMAGE, FILES, contents, killed_store, write_many
from tests.support.full import some_of

pytestmark = pytest.mark.io  # files, sockets or processes

STORES = some_of(100, 300)


@pytest.fixture(scope="module")
def memory():
    """A folder that no flush waits for, where the machine has one: hundreds of stores are opened in it."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def stores(memory):
    """Killed stores, each with what was acknowledged: of a log that was never emptied, and of one that was."""
    folder = memory / "stores"
    folder.mkdir()
    made = []
    for number, rounds in enumerate((60, 400)):
        directory = folder / str(number)
        made.append((directory, killed_store(directory, folder / f"scratch-{number}", random.Random(number), rounds)))
    return made


def bytes_of(directory):
    """What files there are; an empty log is as good as none."""
    files = {name: directory / name for name in FILES}
    return {name: file.read_bytes() for name, file in files.items() if file.exists() and file.stat().st_size}


def outcome(directory):
    """What a store gives, or how it is refused."""
    try:
        return contents(directory), None
    except StoreDamaged as damage:
        return None, damage


def test_damage_is_reported_and_no_acknowledged_write_is_missing(stores, memory):
    outcomes = Counter()
    for seed in range(STORES):
        dice = random.Random(seed)
        (source, acknowledged), name, kind = dice.choice(stores), dice.choice(FILES), dice.choice(list(DAMAGE))
        directory = memory / str(seed)
        shutil.copytree(source, directory)
        DAMAGE[kind](directory / name, dice)
        before = bytes_of(directory)
        found, damage = outcome(directory)
        if damage:
            outcomes["refused"] += 1
            assert bytes_of(directory) == before, f"{seed}: a store that is refused is left as it is"
            told = [part in str(damage) for part in (str(directory), "fairlead restore", "--accept-loss")]
            assert all(told), f"{seed}: {damage}"
            assert salvage_store(directory).kept == len(contents(directory)), f"{seed}: {kind} of {name}"
        else:
            outcomes["whole"] += 1
            assert found == acknowledged, f"{seed}: {kind} of {name} was swallowed"
        shutil.rmtree(directory)
    assert min(outcomes["refused"], outcomes["whole"]) > STORES // 10, outcomes


def test_one_flipped_bit_in_the_log_is_reported(stores, tmp_path):
    source, acknowledged = stores[0]
    shutil.copytree(source, tmp_path / "s")
    log = tmp_path / "s" / "store.sqlite-wal"
    content = bytearray(log.read_bytes())
    content[len(content) // 3] ^= 1
    log.write_bytes(content)
    with pytest.raises(StoreDamaged, match="the end of its write-ahead log is missing or damaged"):
        contents(tmp_path / "s")
    salvaged = salvage_store(tmp_path / "s")
    assert 0 < salvaged.kept <= salvaged.expected == len(acknowledged)
    assert (tmp_path / "s" / "store.sqlite.damaged-wal").read_bytes() == bytes(content)


@pytest.mark.parametrize("left", [(), ("store.sqlite-wal",), ("store.mark",), ("store.mark", "store.sqlite-wal")])
def test_a_store_of_no_bytes_is_no_empty_cluster(stores, tmp_path, left):
    shutil.copytree(stores[1][0], tmp_path / "s")
    for name in FILES:
        if name not in left:
            (tmp_path / "s" / name).unlink()
    (tmp_path / "s" / "store.sqlite").write_bytes(b"")
    with pytest.raises(StoreDamaged, match="empty"):
        contents(tmp_path / "s")
    (tmp_path / "s" / "store.sqlite").unlink()
    if left:
        with pytest.raises(StoreDamaged, match="missing"):
            contents(tmp_path / "s")


def changed_at_rest(directory, statement, *values):
    """Change a store that nobody runs behind its back, leaving it a proper database."""
    with closing(SqliteStore(directory)):
        pass
    with closing(sqlite3.connect(directory / "store.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE objects SET document = '{' WHERE name = ?", "configmaps n/m1 is not what was written"),
        ("UPDATE objects SET version = 7 WHERE name = ?", "configmaps n/m1 is not what was written"),
        ("DELETE FROM objects WHERE name = ?", r"it holds \d+ objects that are not the \d+ that were written"),
        ("UPDATE counter SET version = version + 1 WHERE ? != ''", "the number of its last change"),
    ],
)
def test_damage_within_names_what_is_wrong(stores, tmp_path, statement, message):
    acknowledged = stores[0][1]
    name = next(key.name for key in acknowledged)
    shutil.copytree(stores[0][0], tmp_path / "s")
    changed_at_rest(tmp_path / "s", statement, name)
    with pytest.raises(StoreDamaged, match=message.replace("n/m1", f"n/{name}")):
        contents(tmp_path / "s")
    salvaged = salvage_store(tmp_path / "s")
    assert len(acknowledged) - 1 <= salvaged.kept <= len(acknowledged)
    assert salvage_store(tmp_path / "s") is None


def test_versions_continue_above_all_published_ones(stores, tmp_path):
    shutil.copytree(stores[0][0], tmp_path / "s")
    with closing(SqliteStore(tmp_path / "s")) as store:
        reached = store.load()[0]
    (tmp_path / "s" / "store.sqlite").write_bytes(b"")
    salvage_store(tmp_path / "s")
    with closing(SqliteStore(tmp_path / "s")) as store:
        assert store.load()[0] > reached


def test_a_backup_is_put_in_place_of_a_damaged_store(stores, tmp_path):
    directory, copy = tmp_path / "s", tmp_path / "copy"
    shutil.copytree(stores[1][0], directory)
    copy_store(directory, copy)
    (directory / "store.sqlite").write_bytes(b"\xff" * 10_000)
    with pytest.raises(StoreDamaged):
        contents(directory)
    restore_store(copy, directory)
    assert contents(directory) == stores[1][1]
    assert (directory / "store.sqlite.replaced").read_bytes() == b"\xff" * 10_000


def first_layout(directory, *rows):
    """A store as the first version of this program laid it out, with no checksums and no mark."""
    with closing(sqlite3.connect(directory / "store.sqlite")) as connection:
        connection.executescript(
            f"PRAGMA application_id = {layout.APPLICATION_ID}; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
            "CREATE TABLE objects (resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, "
            "version INTEGER NOT NULL, document BLOB NOT NULL, PRIMARY KEY (resource, namespace, name));"
            "CREATE TABLE counter (version INTEGER NOT NULL); INSERT INTO counter VALUES (41);"
        )
        for name, document in rows:
            connection.execute("INSERT INTO objects VALUES ('configmaps', 'n', ?, 40, ?)", [name, document])
        connection.commit()


WHOLE = b'{"metadata":{"name":"a","namespace":"n"}}'


def test_a_store_of_the_first_layout_is_taken_over(tmp_path):
    first_layout(tmp_path, ("a", WHOLE))
    with closing(SqliteStore(tmp_path)) as store:
        version, rows = store.load()
        assert (version, [row.document for row in rows]) == (41, [WHOLE])
        write_many(store, Step(State(version=version)), random.Random(1), 5)
    held = contents(tmp_path)
    assert len(held) > 1
    assert contents(tmp_path) == held


def test_an_invalid_document_of_the_first_layout_is_reported(tmp_path):
    first_layout(tmp_path, ("a", b'{"'), ("b", WHOLE))
    with pytest.raises(StoreDamaged, match="configmaps n/a is no document"):
        contents(tmp_path)
    assert salvage_store(tmp_path).lost == ("configmaps n/a",)
    assert [key.name for key in contents(tmp_path)] == ["b"]

"""The store on disk: durability, and messages about failures."""

import asyncio
import os
import sqlite3
from contextlib import closing

import pytest

from fairlead.drivers.apiserver.store.copies import copy_store, restore_store
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.apiserver.store.layout import LAYOUT
from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore
from fairlead.model.names import ObjectKey
from fairlead.registry.store import State, Step, put, remove
from fairlead.registry.verbs.watches import Trigger

pytestmark = pytest.mark.io  # files, sockets or processes

KEY = ObjectKey("default", "a")


def document(**data):
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "default"}, "data": data}


def written(step, **data):
    return put(step, "configmaps", KEY, document(**data), {})


def loaded(directory):
    with closing(SqliteStore(directory)) as store:
        version, rows = store.load()
        return version, [(row.key, row.version, row.document) for row in rows]


def test_written_objects_are_restored(tmp_path):
    with closing(SqliteStore(tmp_path)) as store:
        assert store.load()[0] == 0
        step = written(written(Step(State()), x="1"), x="2")
        store.write(step.changes)
    version, rows = loaded(tmp_path)
    assert version == 2
    assert rows == [(KEY, 2, step.changes[1].after.document)]


def test_a_deletion_moves_the_version_too(tmp_path):
    with closing(SqliteStore(tmp_path)) as store:
        step = remove(written(Step(State()), x="1"), "configmaps", KEY, document(), {})
        store.write(step.changes)
    assert loaded(tmp_path) == (2, [])


def test_one_process_at_a_time(tmp_path):
    with closing(SqliteStore(tmp_path)), pytest.raises(StoreError, match="in use by another API server"):
        SqliteStore(tmp_path)
    SqliteStore(tmp_path).close()


def test_a_file_that_is_no_store_is_left_alone(tmp_path):
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a Fairlead store"):
        SqliteStore(tmp_path)
    assert path.read_bytes() == before


def test_a_newer_layout_is_refused(tmp_path):
    SqliteStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    with pytest.raises(StoreError, match="newer Fairlead"):
        SqliteStore(tmp_path)


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "store.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.sqlite"):
        SqliteStore(tmp_path)


def test_a_restored_store_is_private_in_a_folder_of_any_user(tmp_path):
    before = os.umask(0)
    try:
        here, there, copy = tmp_path / "here", tmp_path / "there", tmp_path / "copy"
        with closing(SqliteStore(here)) as store:
            store.write(written(Step(State()), x="1").changes)
            copy_store(here, copy)
        there.mkdir(mode=0o777)
        for _ in range(2):  # the second time in place of what is there
            restore_store(copy, there)
            with closing(SqliteStore(there)) as store:
                store.write(written(Step(State(version=1)), x="2").changes)
                modes = {file.name: file.stat().st_mode & 0o777 for file in (copy, *there.iterdir())}
                assert set(modes.values()) == {0o600}, modes
    finally:
        os.umask(before)


def test_a_full_disk_leaves_no_partial_write(tmp_path):
    with closing(SqliteStore(tmp_path)) as store:
        first = written(Step(State()), x="1")
        store.write(first.changes)
        store._connection.execute("PRAGMA max_page_count = 8")
        too_much = written(written(first, x="2"), x="y" * 100_000)
        with pytest.raises(StoreError, match="full"):
            store.write(too_much.changes[1:])
        assert store.load()[0] == 1
    assert loaded(tmp_path)[1] == [(KEY, 1, first.changes[0].after.document)]


def test_a_backup_is_taken_while_a_server_writes_and_can_be_restored(tmp_path):
    here, there, copy = tmp_path / "here", tmp_path / "there", tmp_path / "copy"
    with closing(SqliteStore(here)) as store:
        first = written(Step(State()), x="1")
        store.write(first.changes)
        copy_store(here, copy)
        store.write(written(first, x="2").changes[1:])
        with pytest.raises(StoreError, match="in use"):
            restore_store(copy, here)
    assert loaded(here)[0] == 2
    restore_store(copy, there)
    restore_store(copy, here)
    assert loaded(here) == loaded(there) == (1, [(KEY, 1, first.changes[0].after.document)])


def test_invalid_stores_are_neither_copied_nor_restored(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        copy_store(tmp_path, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"garbage" * 1000)
    SqliteStore(tmp_path / "data").close()
    with pytest.raises(StoreError, match="exists already"):
        copy_store(tmp_path / "data", tmp_path / "copy")
    with pytest.raises(StoreError, match="cannot be restored"):
        restore_store(tmp_path / "copy", tmp_path / "data")
    assert loaded(tmp_path / "data") == (0, [])


class FailingStore:
    """A disk that fails while ``broken``, and otherwise remembers."""

    is_full = False

    def __init__(self):
        self.broken = False
        self.versions = []

    def write(self, changes):
        if self.broken:
            raise StoreError("no space")
        self.versions += [change.version for change in changes]

    def close(self):
        pass


def test_readers_see_what_is_durable_and_a_failure_undoes_all_that_was_built_on_it():
    async def scenario():
        disk = FailingStore()
        state = DurableState(State(), disk)
        await state.commit(written(Step(state.head), x="1"))
        disk.broken = True
        pending = []
        for value in "234":
            step = written(Step(state.head), x=value)
            pending.append(asyncio.ensure_future(state.commit(step)))
            await asyncio.sleep(0)
            assert state.latest.version == 1
        results = await asyncio.gather(*pending, return_exceptions=True)
        assert all(isinstance(result, StoreError) for result in results)
        assert state.head is state.latest
        disk.broken = False
        await state.commit(written(Step(state.head), x="5"))
        assert (state.latest.version, disk.versions) == (2, [1, 2])
        await state.close()

    asyncio.run(scenario())


def test_a_visible_change_wakes_only_waiters_for_its_resource():
    async def scenario():
        state = DurableState(State(), FailingStore())
        maps, pods = state.news_of(Trigger("configmaps")), state.news_of(Trigger("pods"))
        await state.commit(written(Step(state.head), x="1"))
        assert (maps.is_there, pods.is_there) == (True, False)
        await state.close()

    asyncio.run(scenario())

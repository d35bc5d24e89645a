"""Messages about a damaged store before a start."""

import pytest
from click.testing import CliRunner

from fairlead.cli.data_folder import salvage
from fairlead.cli.main import cli
from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore

pytestmark = pytest.mark.io  # files, sockets or processes


@pytest.fixture
def data(tmp_path):
    SqliteStore(tmp_path).close()
    (tmp_path / "store.sqlite").write_bytes(b"")
    return tmp_path


def test_a_lab_is_not_started_on_a_damaged_store(data):
    done = CliRunner().invoke(cli, ["up", "--data", str(data)])
    assert done.exit_code == 3
    assert "the file is empty (0 bytes)" in done.output
    assert f"`fairlead restore FILE {data}`" in done.output
    assert "--accept-loss" in done.output


def test_a_damaged_store_is_not_copied(data, tmp_path):
    (data / "store.sqlite").write_bytes(b"x" * 5000)
    done = CliRunner().invoke(cli, ["backup", str(data), str(tmp_path / "copy")])
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert not list(tmp_path.glob("*copy*"))


def test_lost_objects_are_reported(data, capsys):
    salvage(data)
    told = capsys.readouterr().err
    assert "the file is empty (0 bytes)" in told
    assert f"--accept-loss: kept 0 of 0 objects; the damaged store is kept as {data / 'store.sqlite.damaged'}" in told
    salvage(data)
    assert capsys.readouterr().err == ""

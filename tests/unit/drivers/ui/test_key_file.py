"""The key is made once, kept private, and replaced where it was not."""

import os

import pytest

from fairlead.drivers.ui.key_file import NAME, kept_key

pytestmark = pytest.mark.io


def test_a_key_file_is_created_once(tmp_path):
    key = kept_key(tmp_path)
    assert len(key) == 32
    assert kept_key(tmp_path) == key
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [NAME]


@pytest.mark.parametrize("spoil", ["readable", "short", "link"])
def test_an_untrusted_key_file_is_replaced(tmp_path, spoil):
    key, path = kept_key(tmp_path), tmp_path / NAME
    if spoil == "readable":
        path.chmod(0o644)
    elif spoil == "short":
        path.write_bytes(b"short")
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    other = kept_key(tmp_path)
    assert other != key
    assert len(other) == 32
    assert not path.is_symlink()

"""The same source always makes the same complete wheel and sdist."""

import hashlib
import os
import shutil
import tarfile
import zipfile

import pytest
from scripts.release.build import LEFT_OUT, PACKED, build

from fairlead import __version__
from tests.support.users import CHECKOUT

WHEN = 1_700_000_000


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and sdist of this checkout."""
    return build(CHECKOUT, tmp_path_factory.mktemp("first"), WHEN)


def digests(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_another_folder_another_time_and_another_umask_make_the_same_bytes(built, tmp_path):
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    before = os.umask(0o077)
    try:
        for name in PACKED:
            source, target = CHECKOUT / name, copy / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=LEFT_OUT, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(source, target)
        assert digests(build(copy, tmp_path / "second", WHEN)) == digests(built)
    finally:
        os.umask(before)


def test_the_wheel_has_the_page_the_schemas_man_pages_and_completions(built):
    wheel = zipfile.ZipFile(built[0])
    names = set(wheel.namelist())
    share = f"fairlead-{__version__}.data/data/share"
    assert names >= {
        "fairlead/py.typed",
        "fairlead/registry/schemas/types.json",
        "fairlead/drivers/ui/page/index.html",
        f"{share}/man/man1/fairlead.1",
        f"{share}/man/man1/fairlead-dns-query.1",
        f"{share}/bash-completion/completions/fairlead",
        f"{share}/zsh/site-functions/_fairlead",
        f"{share}/fish/vendor_completions.d/fairlead.fish",
    }
    assert {info.date_time for info in wheel.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert wheel.testzip() is None


@pytest.mark.full
def test_the_sdist_can_be_built_again(built, tmp_path):
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / f"fairlead-{__version__}"
    assert f"Version: {__version__}\n" in (source / "PKG-INFO").read_text()
    assert digests(build(source, tmp_path / "again", WHEN)) == digests(built)

"""Layers as they are unpacked, good ones and hostile ones, in folders of this machine."""

import gzip
import os
import re
import stat
import tarfile
import zlib
from pathlib import Path

import pytest
import zstandard

from fairlead.drivers.images.layer_stream import LayerStream
from fairlead.drivers.images.unpacking import unpack_layer
from fairlead.images.digest import DigestMismatch
from fairlead.images.layer_plan import OPAQUE_ATTRIBUTE, USUAL_LIMITS, LayerError, LayerLimits
from tests.support.hostile_layers import HOSTILE, HOSTILE_BLOBS
from tests.support.image_archives import COMPRESS, archive, digest, entry, folder, hard_link, link

pytestmark = pytest.mark.io


def unpack(blob, target, compression="", diff_id="", limits=USUAL_LIMITS, owners=False):
    """Unpack a layer below a folder that is made for it, between two others that must stay as they are."""
    (target / "beside").mkdir(parents=True)
    (target / "layer").mkdir()
    (target / "blob").write_bytes(blob)
    with open(target / "blob", "rb", buffering=0) as file:
        stream = LayerStream(file, compression, diff_id or digest(blob), limits)
        try:
            unpack_layer(stream, target / "layer", keep_owners=owners, limits=limits)
        finally:
            stream.close()
    return target / "layer"


def tree(root: Path) -> dict[str, str]:
    """Everything below a folder, with what it is."""
    return {str(path.relative_to(root)): stat.filemode(path.lstat().st_mode) for path in sorted(root.rglob("*"))}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_layer_is_refused_and_nothing_is_made_outside(case, tmp_path):
    data, why = HOSTILE[case]
    with pytest.raises(LayerError, match=re.escape(why)) as refusal:
        unpack(data, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"beside", "layer", "blob"}
    assert not list((tmp_path / "beside").iterdir())
    made = [path.lstat().st_mode for path in (tmp_path / "layer").rglob("*")]
    assert not any(stat.S_ISBLK(mode) or (stat.S_ISCHR(mode)) for mode in made)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("case", HOSTILE_BLOBS)
def test_a_damaged_blob_is_refused(case, tmp_path):
    blob, compression, why = HOSTILE_BLOBS[case]
    with pytest.raises(LayerError, match=why):
        unpack(blob, tmp_path, compression)


def test_there_are_at_least_thirty_hostile_layers():
    assert len(HOSTILE) + len(HOSTILE_BLOBS) >= 60


BOMB = archive(entry("zeros", bytes(3_000_000)))


@pytest.mark.parametrize(
    ("blob", "compression", "limits", "why"),
    [
        (COMPRESS["gzip"](BOMB), "gzip", LayerLimits(unsuspicious=1_000_000, ratio=100), "more than 100 times larger"),
        (COMPRESS["zstd"](BOMB), "zstd", LayerLimits(unsuspicious=1_000_000, ratio=100), "more than 100 times larger"),
        (COMPRESS["gzip"](BOMB), "gzip", LayerLimits(octets=1_000_000), "larger than 1000000 octets"),
        (archive(*(entry(f"f{number}") for number in range(20))), "", LayerLimits(entries=10), "more than 10 entries"),
        (archive(*(folder(f"f{number}") for number in range(20))), "", LayerLimits(entries=10), "more than 10 entries"),
    ],
)
def test_a_bomb_is_refused(blob, compression, limits, why, tmp_path):
    with pytest.raises(LayerError, match=why):
        unpack(blob, tmp_path, compression, digest(b"anything"), limits)


def test_a_file_that_is_mostly_a_hole_counts_with_its_hole(tmp_path):
    header, _ = entry("holes")
    header.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "holes",
        "GNU.sparse.realsize": str(10**15),
    }
    header.size = 513
    data = archive((header, b"1\n0\n1\n".ljust(512, b"\0") + b"x"))
    with pytest.raises(LayerError, match="larger than 1000000 octets together"):
        unpack(data, tmp_path, limits=LayerLimits(octets=1_000_000))


def test_another_layer_than_the_one_expected_is_refused(tmp_path):
    with pytest.raises(DigestMismatch, match="sha256"):
        unpack(archive(entry("a", b"x")), tmp_path, diff_id=digest(b"another"))


def test_octets_after_the_end_of_an_archive_belong_to_its_digest(tmp_path):
    data = archive(entry("a", b"x"))
    with pytest.raises(DigestMismatch):
        unpack(data + b"\0" * 1024 + b"more", tmp_path, diff_id=digest(data))


def test_names_that_differ_in_case_are_two(tmp_path):
    layer = unpack(archive(link("Link", "/etc"), entry("link/passwd", b"ours")), tmp_path)
    assert (layer / "link" / "passwd").read_bytes() == b"ours"
    assert os.readlink(layer / "Link") == "/etc"


@pytest.mark.parametrize("compression", COMPRESS)
def test_content_of_every_kind(compression, tmp_path):
    data = archive(
        folder("./", mode=0o755),
        folder("etc", mode=0o711, mtime=1_000_000_000),
        entry("etc/motd", b"hello", mode=0o4750, mtime=1_100_000_000),
        link("etc/link", "../../../../etc/passwd"),
        hard_link("etc/second", "etc/motd"),
        hard_link("etc/third", "etc/link"),
        entry("pipe", type=tarfile.FIFOTYPE, mode=0o622),
        entry("implied/folder/file", b"x"),
        folder("locked", mode=0o000),
        entry("locked/within", b"x", mode=0o000),
        entry("n" * 250 + "/" + "ü" * 120, b"long"),
    )
    layer = unpack(COMPRESS[compression](data), tmp_path, compression, digest(data))
    status = (layer / "etc" / "motd").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime, status.st_nlink) == (0o4750, 1_100_000_000, 2)
    assert (layer / "etc").stat().st_mtime == 1_000_000_000
    assert stat.S_IMODE((layer / "etc").stat().st_mode) == 0o711
    assert os.readlink(layer / "etc" / "third") == "../../../../etc/passwd"
    assert stat.S_IMODE((layer / "locked").stat().st_mode) == 0
    assert stat.S_ISFIFO((layer / "pipe").lstat().st_mode)
    assert stat.S_IMODE((layer / "implied").stat().st_mode) == 0o755
    assert (layer / ("n" * 250) / ("ü" * 120)).read_bytes() == b"long"
    (layer / "locked").chmod(0o700)


def test_files_of_an_older_format_with_long_names(tmp_path):
    name = "/".join(["directory" * 5] * 6)
    layer = unpack(archive(entry(name, b"x"), link("l", name), form=tarfile.GNU_FORMAT), tmp_path)
    assert (layer / name).read_bytes() == b"x"
    assert os.readlink(layer / "l") == name


def test_whiteouts_become_those_of_overlayfs(tmp_path):
    data = archive(
        folder("a"),
        entry("a/.wh.gone"),
        folder("b"),
        entry("b/.wh..wh..opq"),
        entry("b/new", b"x"),
        entry("c/.wh.folder"),
        folder("c/folder"),
        entry("c/folder/new", b"x"),
        folder("d"),
        entry(".wh.d"),
        entry("e", b"x"),
        entry(".wh.e"),
        entry("f/.wh.again"),
        entry("f/again", b"x"),
        entry(".wh..wh.plnk"),
    )
    layer = unpack(data, tmp_path)
    gone = (layer / "a" / "gone").lstat()
    assert (stat.S_ISCHR(gone.st_mode), gone.st_rdev) == (True, 0)
    for hidden in ("b", "c/folder", "d"):
        assert os.getxattr(layer / hidden, OPAQUE_ATTRIBUTE) == b"y", hidden
    assert (layer / "e").read_bytes() == b"x"
    assert (layer / "f" / "again").read_bytes() == b"x"
    assert not any(path.startswith(".wh") for path in tree(layer))


def test_a_later_entry_takes_the_place_of_an_earlier_one(tmp_path):
    layer = unpack(
        archive(
            entry("a", b"first"),
            entry("a", b"second"),
            link("b", "/etc/passwd"),
            entry("b", b"a file"),
            entry("c", b"x"),
            folder("c"),
            entry("c/d", b"x"),
            folder("c", mode=0o700),
        ),
        tmp_path,
    )
    assert ((layer / "a").read_bytes(), (layer / "b").read_bytes()) == (b"second", b"a file")
    assert stat.S_IMODE((layer / "c").stat().st_mode) == 0o700


def test_attributes_of_a_users_own_are_kept_and_those_of_the_kernel_are_not(tmp_path):
    header, content = entry("a", b"x", mode=0o444)
    header.pax_headers = {
        "SCHILY.xattr.user.mime": "text/plain",
        "SCHILY.xattr.user.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.security.selinux": "x",
    }
    layer = unpack(archive((header, content)), tmp_path)
    assert os.listxattr(layer / "a") == ["user.mime"]
    assert os.getxattr(layer / "a", "user.mime") == b"text/plain"


def test_holes_stay_holes(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "sparse", "wb") as file:
        file.seek(50_000_000)
        file.write(b"end")
    for form in ("posix", "gnu"):
        path = tmp_path / f"{form}.tar"
        assert (
            os.spawnlp(os.P_WAIT, "tar", "tar", f"--format={form}", "-S", "-C", str(source), "-cf", str(path), ".") == 0
        )
        layer = unpack(path.read_bytes(), tmp_path / form)
        status = (layer / "sparse").stat()
        assert (status.st_size, (layer / "sparse").read_bytes()[-3:]) == (50_000_003, b"end")
        assert status.st_blocks * 512 < 1_000_000


def test_members_and_frames_one_after_the_other(tmp_path):
    data = archive(entry("a", b"x" * 100_000), entry("b", b"y"))
    halves = data[:60_000], data[60_000:]
    zipped = b"".join(gzip.compress(half) for half in halves) + b"\0" * 100
    assert len(tree(unpack(zipped, tmp_path / "gzip", "gzip", digest(data)))) == 2
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    frames = zstandard.compress(halves[0]) + skipped + zstandard.compress(halves[1])
    assert len(tree(unpack(frames, tmp_path / "zstd", "zstd", digest(data)))) == 2
    assert zlib.crc32(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user cannot give files away")
def test_files_belong_to_whom_the_archive_says(tmp_path):
    data = archive(
        folder("home", uid=1000, gid=1001),
        entry("home/file", b"x", uid=65534, gid=33, mode=0o6755),
        entry("home/link", type=tarfile.SYMTYPE, linkname="file", uid=7, gid=8),
    )
    layer = unpack(data, tmp_path, owners=True)
    owners = [((layer / p).lstat().st_uid, (layer / p).lstat().st_gid) for p in ("home", "home/file", "home/link")]
    assert owners == [(1000, 1001), (65534, 33), (7, 8)]
    assert stat.S_IMODE((layer / "home/file").stat().st_mode) == 0o6755

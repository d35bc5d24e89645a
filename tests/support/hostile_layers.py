"""Layers that must be refused: each with words of the reason. Archives of headers that tarfile would not write are made
octet by octet."""

import gzip
import io
import struct
import tarfile

from tests.support.image_archives import archive, entry, folder, hard_link, link


def _patched(data: bytes, offset: int, octets: bytes) -> bytes:
    """The archive with some octets of its first header replaced, and its checksum put right."""
    header = bytearray(data[:512])
    header[offset : offset + len(octets)] = octets
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


def _negative() -> bytes:
    """A size of -512 in base 256."""
    return _patched(archive(entry("file", b"x")), 124, b"\xff" * 10 + struct.pack(">h", -512))


def _pax(**headers: str) -> bytes:
    header, content = entry("file", b"content")
    header.pax_headers = headers
    return archive((header, content))


def _long_header() -> bytes:
    """A header of the PAX format that is said to have ten gigabytes."""
    return _patched(archive(entry("file", type=tarfile.XHDTYPE)), 124, b"\x80" + struct.pack(">3xQ", 10**10))


def _unknown_type() -> bytes:
    return _patched(archive(entry("file")), 156, b"Z")


def _deep(levels: int) -> str:
    return "/".join("d" * levels)


def _many_headers() -> bytes:
    """A thousand headers and more that are for all entries to come."""
    file = io.BytesIO()
    for number in range(1100):
        with tarfile.open(fileobj=io.BytesIO(), mode="w", pax_headers={f"key{number}": "x"}) as tar:
            file.write(tar.tarinfo.create_pax_global_header({f"key{number}": "x"}))
            file.write(entry(f"file{number}")[0].tobuf())
    return file.getvalue() + archive(entry("file"))


_GOOD = archive(folder("etc"), entry("etc/motd", b"hello" * 500))

HOSTILE: dict[str, tuple[bytes, str]] = {
    "parent": (archive(entry("../out", b"x")), "leads out by '..'"),
    "parent in the middle": (archive(folder("a"), entry("a/../../out", b"x")), "leads out by '..'"),
    "parent at the end": (archive(folder("a/..")), "leads out by '..'"),
    "only the parent": (archive(folder("..")), "leads out by '..'"),
    "absolute": (archive(entry("/etc/cron.d/x", b"x")), "is absolute"),
    "absolute, twice": (archive(entry("//etc/x", b"x")), "is absolute"),
    "absolute folder": (archive(folder("/etc")), "is absolute"),
    "through a link out": (archive(link("a", "/etc"), entry("a/x", b"x")), "leads through the symbolic link 'a'"),
    "through a link up": (archive(link("a", "../../.."), entry("a/x", b"x")), "leads through the symbolic link"),
    "through a link within": (archive(folder("b"), link("a", "b"), entry("a/x", b"x")), "leads through the symbolic"),
    "through two links": (archive(link("a", "b"), link("b", "/"), folder("a/x/y")), "leads through the symbolic link"),
    "through a loop": (archive(link("a", "b"), link("b", "a"), entry("a/x")), "leads through the symbolic link"),
    "a folder behind a link": (archive(link("a", "/tmp"), folder("a/b")), "leads through the symbolic link"),
    "a link below a link": (archive(link("a", "/"), link("a/b", "/etc")), "leads through the symbolic link"),
    "a whiteout behind a link": (archive(link("a", "/"), entry("a/.wh.etc")), "leads through the symbolic link"),
    "a hard link behind a link": (
        archive(link("a", "/etc"), entry("f", b"x"), hard_link("a/x", "f")),
        "leads through the symbolic link",
    ),
    "a hard link out": (archive(hard_link("shadow", "../../../etc/shadow")), "leads out by '..'"),
    "an absolute hard link": (archive(hard_link("shadow", "/etc/shadow")), "is absolute"),
    "a hard link through a link": (
        archive(link("a", "/etc"), hard_link("shadow", "a/shadow")),
        "nothing that came before it",
    ),
    "a hard link to nothing": (archive(hard_link("a", "b")), "nothing that came before it"),
    "a hard link to itself": (archive(entry("a", b"x"), hard_link("a", "a")), "nothing that came before it"),
    "hard links in a loop": (archive(hard_link("a", "b"), hard_link("b", "a")), "nothing that came before it"),
    "a hard link to a folder": (archive(folder("a"), hard_link("b", "a")), "is a folder"),
    "a character device": (archive(entry("mem", type=tarfile.CHRTYPE, devmajor=1, devminor=1)), "is a device"),
    "a block device": (archive(entry("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=0)), "is a device"),
    "an overlay whiteout": (archive(entry("x", type=tarfile.CHRTYPE, devmajor=0, devminor=0)), "is a device"),
    "an unknown type": (_unknown_type(), "unknown type"),
    "a whiteout of the root": (archive(entry(".wh..")), "of the folder itself"),
    "a whiteout of the parent": (archive(entry(".wh...")), "of the folder itself"),
    "a whiteout of no name": (archive(folder("a"), entry("a/.wh.")), "of no name"),
    "an opaque root": (archive(entry(".wh..wh..opq")), "hides the whole root"),
    "below a whiteout": (archive(folder(".wh.a/b")), "below a whiteout"),
    "the root as a link": (archive(link(".", "/etc")), "the root folder cannot be a symbolic link"),
    "the root as a file": (archive(entry("./", b"", type=b"0"), entry(".", b"x")), "the root folder cannot be a file"),
    "a file in place of a folder": (archive(entry("a/b", b"x"), entry("a", b"x")), "cannot take the place of a folder"),
    "a link in place of a folder": (archive(folder("a"), link("a", "/etc")), "cannot take the place of a folder"),
    "below a file": (archive(entry("a", b"x"), entry("a/b", b"x")), "'a' is not a folder"),
    "a link to nothing": (archive(entry("a", type=tarfile.SYMTYPE)), "is a symbolic link to nothing"),
    "a long name": (archive(entry("n" * 300, b"x")), "a name of more than 255 octets"),
    "a long name of few letters": (archive(entry("ü" * 200, b"x")), "a name of more than 255 octets"),
    "a long path": (archive(entry("/".join(["p" * 200] * 30), b"x")), "longer than 4095 octets"),
    "many folders": (archive(folder(_deep(300))), "256 folders"),
    "a negative size": (_negative(), "negative size"),
    "a negative size in PAX": (_pax(size="-1024"), "negative size"),
    "a size that is no number": (_pax(size="many"), "damaged"),
    "a header of gigabytes": (_long_header(), "a header of more than 1048576 octets"),
    "a thousand headers": (_many_headers(), "global headers"),
    "a hundred attributes": (
        _pax(**{f"SCHILY.xattr.user.a{number}": "x" for number in range(100)}),
        "more than 64 extended attributes",
    ),
    "truncated in a file": (_GOOD[:2000], "damaged"),
    "truncated in a header": (_GOOD[:700], "damaged"),
    "no archive": (b"not an archive at all, whatever it is called" * 100, "damaged"),
    "a checksum": (_GOOD[:10] + b"X" + _GOOD[11:], "damaged"),
    "nothing at all": (b"", "damaged"),
}

# What is wrong with how a layer is compressed.
_PACKED = gzip.compress(_GOOD)
HOSTILE_BLOBS: dict[str, tuple[bytes, str, str]] = {
    "gzip that ends": (_PACKED[:-20], "gzip", "ends too early"),
    "gzip without its sum": (_PACKED[:-8], "gzip", "ends too early"),
    "gzip with another sum": (_PACKED[:-8] + b"\0" * 8, "gzip", "cannot be decompressed"),
    "gzip that is none": (_GOOD, "gzip", "cannot be decompressed"),
    "gzip and more": (_PACKED + b"more", "gzip", "cannot be decompressed"),
    "gzip of nothing": (b"", "gzip", "ends too early|is empty"),
    "zstd that is none": (_PACKED, "zstd", "cannot be decompressed"),
    "zstd with a huge window": (b"\x28\xb5\x2f\xfd\x00\xf0" + b"\0" * 40, "zstd", "cannot be decompressed"),
}

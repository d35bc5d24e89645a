"""Wheels and sdists without what differs from machine to machine: order, times, owners and umask."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

EXECUTABLE, PLAIN = 0o755, 0o644


def normalise_wheel(path: Path, when: tuple[int, int, int, int, int, int]) -> None:
    """Write a wheel again, in the order of names, with one time. ``RECORD`` stays true: it lists contents alone."""
    with zipfile.ZipFile(path) as archive:
        entries = [(info.filename, info.external_attr >> 16, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, data in sorted(entries, key=lambda entry: (".dist-info/" in entry[0], entry[0])):
            info = zipfile.ZipInfo(name, when)
            info.external_attr = (0o100000 | (EXECUTABLE if mode & 0o100 else PLAIN)) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, 9)


def normalise_sdist(path: Path, seconds: int) -> None:
    """Write a sdist again, in the order of names, with one time (since the epoch), and without owners."""
    with tarfile.open(path) as archive:
        entries = [(member, _data(archive, member)) for member in archive.getmembers()]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in sorted(entries, key=lambda entry: entry[0].name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = seconds, 0, 0, "", ""
            member.mode = EXECUTABLE if member.isdir() or member.mode & 0o100 else PLAIN
            member.pax_headers = {}
            archive.addfile(member, io.BytesIO(data) if member.isfile() else None)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=seconds) as compressed:
        compressed.write(packed.getvalue())


def _data(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    reader = archive.extractfile(member)
    return reader.read() if reader else b""

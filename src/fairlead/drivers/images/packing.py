"""Packs a folder as the layer of an image."""

import os
import stat
import tarfile
from pathlib import Path
from typing import BinaryIO

from fairlead.images.layer_plan import WHITEOUT


def pack_folder(folder: Path, archive: BinaryIO) -> None:
    """Write everything in a folder as an archive; sockets and devices are left out, and no link is followed. What is
    the caller's own is root's in the image.

    Raises:
        OSError: something cannot be read. ValueError: a name means something else in a layer.
    """
    with tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, folder, "")
        for parent, folders, files in os.walk(folder):
            for name in sorted((*folders, *files)):
                path = Path(parent, name)
                _add(tar, path, str(path.relative_to(folder)))
            folders.sort()


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    status = path.lstat()
    if path.name.startswith(WHITEOUT):
        raise ValueError(f"{path}: in a layer, a name that begins with {WHITEOUT} removes a file")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return
    header = tar.gettarinfo(path, arcname=f"./{name}")
    header.uname = header.gname = ""
    header.uid = 0 if header.uid == os.geteuid() else header.uid
    header.gid = 0 if header.gid == os.getegid() else header.gid
    if not header.issym():
        header.pax_headers = {
            f"SCHILY.xattr.{attribute}": os.getxattr(path, attribute).decode("utf-8", "surrogateescape")
            for attribute in os.listxattr(path)
            if attribute.startswith("user.") or attribute == "security.capability"
        }
    if header.isreg():
        with open(path, "rb") as content:
            tar.addfile(header, content)
    else:
        tar.addfile(header)

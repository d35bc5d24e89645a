"""Reads a file of an image's root folder, as overlayfs would show it, without a mount."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from fairlead.images.layer_plan import OPAQUE_ATTRIBUTE

LARGEST = 4 * 1024 * 1024  # octets


def read_root_file(layers: Sequence[Path], folder: str, name: str) -> str:
    """The text of a file in a folder of the root; nothing if it is not there, or is no plain file.

    Args:
        layers: unpacked, from the lowest to the highest.
    """
    for layer in reversed(layers):
        place = layer / folder
        try:
            status = place.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            return ""
        found = _read(place / name)
        if found is not None:
            return found
        if _is_opaque(place):
            return ""
    return ""


def _read(path: Path) -> str | None:
    """None if there is nothing at the path."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return ""
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return file.read(LARGEST).decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _is_opaque(folder: Path) -> bool:
    try:
        return os.getxattr(folder, OPAQUE_ATTRIBUTE) == b"y"
    except OSError:
        return False

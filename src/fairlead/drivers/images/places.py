"""The locations of images on this machine."""

import os
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.images.ownership import Ownership, ownership_here


class StorePlace(NamedTuple):
    """The images of a user.

    Attributes:
        folder: the folder of the store.
        ownership: the owners of files in unpacked layers.
    """

    folder: Path
    ownership: Ownership


def default_folder() -> Path:
    """The folders of this user's images."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data, "fairlead", "images")


def place_here() -> StorePlace:
    """Those of this process's user, outside of any lab."""
    return StorePlace(default_folder(), ownership_here())

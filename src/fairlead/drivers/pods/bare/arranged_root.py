"""A container's volumes where nothing can be mounted: a folder with a link for each, at the path where it would be.

A volume that would be mounted within another one is missing there, because the other one's folder does not belong to
the Pod.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from fairlead.nodeagent.volumes import Mount


def arrange_root(root: Path, mounts: Sequence[Mount]) -> None:
    """Make the folder, in place of the one that is there.

    Args:
        mounts: outer ones first.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for mount in mounts:
        link = root / mount.target.lstrip("/")
        if not any(parent.is_symlink() for parent in link.parents if root in parent.parents):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(mount.source) / mount.part if mount.part else mount.source)

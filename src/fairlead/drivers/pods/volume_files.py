"""The files of a volume, replaced all at once while containers read them.

They lie in a folder of their own whose name begins with two dots, the link ``..data`` leads to that folder, and what
the user sees are links through ``..data``. A change is another such folder and one rename of that link, which is also
what programs that follow their configuration wait for. Upstream: ``pkg/volume/util/atomic_writer.go``.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fairlead.drivers.linux.calls import open_beneath
from fairlead.drivers.pods.privileges import give_to_group, is_mapped
from fairlead.nodeagent.volumes import VolumeFile

GROUP_READS = 0o040
_DATA = "..data"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def size_of_folder(folder: Path) -> int:
    """Octets on disk of all files in a folder, which can change at the same time."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def make_folder(folder: Path, group: int | None) -> None:
    """A folder that any user may write to, as an emptyDir is; what is made in it belongs to the volumes' group."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_mode(group))
    give_to_group(folder, group)


def make_part(volume: Path, part: str, group: int | None) -> None:
    """As ``make_folder``, of folders in a volume that are not there yet. Containers write to the volume too, perhaps at
    this moment: no link of theirs leads out of it.

    Raises:
        OSError: the path leads out of the volume (EXDEV), or through a file.
    """
    root = os.open(volume, _FOLDER)
    try:
        names = [name for name in part.split("/") if name not in ("", ".")]
        there = next(n for n in range(len(names), -1, -1) if _is_beneath(root, names[:n]))
        fd = open_beneath(root, "/".join(names[:there]) or ".", _FOLDER if there < len(names) else os.O_PATH)
    finally:
        os.close(root)
    for name in names[there:]:
        fd = _enter_new(fd, name, group)
    os.close(fd)


def _is_beneath(root: int, names: list[str]) -> bool:
    try:
        os.close(open_beneath(root, "/".join(names) or ".", os.O_PATH))
    except FileNotFoundError:
        return False
    return True


def _enter_new(parent: int, name: str, group: int | None) -> int:
    try:
        os.mkdir(name, dir_fd=parent)
        fd = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    finally:
        os.close(parent)
    if group is not None and is_mapped("gid", group):
        os.fchown(fd, -1, group)
    os.fchmod(fd, _mode(group))
    return fd


def _mode(group: int | None) -> int:
    return 0o777 if group is None else 0o2777


def replace_files(folder: Path, files: Mapping[str, VolumeFile], group: int | None) -> None:
    """Make the folder contain exactly these files, by relative path; nothing changes if it does already.

    Args:
        group: owns the files, and may read them whatever their modes.
    """
    bits = 0 if group is None else GROUP_READS
    wanted = {path: VolumeFile(file.content, file.mode | bits) for path, file in files.items()}
    if _present(folder / _DATA) == wanted:
        return
    new = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    new.chmod(0o755)
    for path, file in wanted.items():
        _write(new / path, file, group)
    _link(folder / _DATA, new.name)
    shown = {path.partition("/")[0] for path in wanted}
    for name in shown:
        _link(folder / name, f"{_DATA}/{name}")
    for entry in folder.iterdir():
        if entry.is_symlink() and entry.name not in {_DATA, *shown}:
            entry.unlink()
        elif not entry.is_symlink() and entry != new:
            shutil.rmtree(entry)


def _present(data: Path) -> dict[str, VolumeFile] | None:
    """What is shown now; None before anything is."""
    if not data.exists():
        return None
    root = data.resolve()
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): VolumeFile(p.read_bytes(), p.stat().st_mode & 0o7777) for p in files}


def _write(path: Path, file: VolumeFile, group: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(file.mode)
    give_to_group(path, group)


def _link(path: Path, target: str) -> None:
    """A link that takes the place of what was there at once."""
    draft = path.with_name(f"..{path.name}.new")
    draft.symlink_to(target)
    draft.rename(path)

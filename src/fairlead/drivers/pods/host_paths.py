"""Checks the path of a hostPath volume against its type. Upstream: ``pkg/volume/hostpath/host_path.go``."""

from collections.abc import Callable
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o755, 0o644


class HostPathError(Exception):
    """The path is not what the volume says; the message is upstream's."""


def prepare_host_path(path: Path, kind: str) -> None:
    """Make what is to be made, and check the rest. Without a type a folder is made where nothing is, as container
    runtimes do.

    Raises:
        HostPathError: there is nothing, or something else.
    """
    try:
        if kind in ("", "DirectoryOrCreate") and not path.exists():
            path.mkdir(FOLDER_MODE, parents=True)
        elif kind == "FileOrCreate" and not path.exists():
            path.touch(FILE_MODE)
        fits, what = _KINDS.get(kind, _ANYTHING)
        if not fits(path):
            raise HostPathError(f"hostPath type check failed: {path} is not {what}")
    except OSError as error:
        raise HostPathError(f"hostPath type check failed: {path}: {error.strerror}") from error


_ANYTHING: tuple[Callable[[Path], bool], str] = (lambda _: True, "anything")
_FOLDER: tuple[Callable[[Path], bool], str] = (Path.is_dir, "a directory")
_FILE: tuple[Callable[[Path], bool], str] = (Path.is_file, "a file")
_KINDS: dict[str, tuple[Callable[[Path], bool], str]] = {
    "DirectoryOrCreate": _FOLDER,
    "Directory": _FOLDER,
    "FileOrCreate": _FILE,
    "File": _FILE,
    "Socket": (Path.is_socket, "a socket file"),
    "CharDevice": (Path.is_char_device, "a character device"),
    "BlockDevice": (Path.is_block_device, "a block device"),
}

"""The file that a container may leave a message in, for those who want to know why it has ended."""

from pathlib import Path


def make_message_file(path: Path) -> None:
    """An empty file that any user of the container may write to."""
    path.write_bytes(b"")
    path.chmod(0o666)


def take_last_words(path: Path, octets: int) -> bytes:
    """The end of what the container has written, and the file is gone."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - octets))
        message = file.read(octets)
    path.unlink()
    return message

"""The files of a layer, in memory, and the archive that is made of them: the same for the same files."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A file, or a link where ``target`` is not empty."""

    content: bytes = b""
    target: str = ""
    mode: int = 0o644


class Layer(NamedTuple):
    """A compressed archive, its digest, and that of what is in it."""

    data: bytes
    digest: str
    diff_id: str


@dataclass
class Tree:
    """Entries by path, without a leading slash; folders follow from them."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def file(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Put a file that everybody may read."""
        self.entries[path] = Entry(content, mode=0o755 if executable else 0o644)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link."""
        self.entries[path] = Entry(target=target, mode=0o777)

    def copy(self, path: str, of: str) -> None:
        """Put the same as is at another path, as a hard link has it."""
        self.entries[path] = self.entries[of]

    def folder(self, source: Path, target: str) -> None:
        """Put all files of a folder of this machine."""
        for path in sorted(source.rglob("*")):
            place = f"{target}/{path.relative_to(source)}"
            if path.is_symlink():
                self.link(place, str(path.readlink()))
            elif path.is_file():
                self.file(place, path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))

    def write(self, root: Path) -> None:
        """Put all of it below a folder of this machine."""
        for path, entry in self.entries.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if entry.target:
                place.symlink_to(entry.target)
            else:
                place.write_bytes(entry.content)
                place.chmod(entry.mode)

    def layer(self, epoch: int) -> Layer:
        """The archive: in order of paths, everything root's, everything of one moment."""
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for folder in sorted({str(parent) for path in self.entries for parent in Path(path).parents} - {"."}):
                if folder not in self.entries:
                    archive.addfile(_info(folder, epoch, 0o1777 if folder == "tmp" else 0o755, tarfile.DIRTYPE))
            for path, entry in sorted(self.entries.items()):
                kind = tarfile.SYMTYPE if entry.target else tarfile.REGTYPE
                info = _info(path, epoch, entry.mode, kind)
                info.linkname, info.size = entry.target, len(entry.content)
                archive.addfile(info, io.BytesIO(entry.content))
        data = gzip.compress(plain.getvalue(), 6, mtime=0)
        return Layer(data, _sha256(data), _sha256(plain.getvalue()))


def _info(path: str, epoch: int, mode: int, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mtime, info.mode, info.type = epoch, mode, kind
    return info


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()

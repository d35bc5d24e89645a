"""Plans the actions for each entry of a layer's archive, without touching a file.

Archives are hostile input. The plan knows everything that the layer has made so far, so that an entry that would leave
the layer's folder, go through a link, or take the place of something else is refused by name before anything is done.
Whiteouts (``.wh.NAME``, ``.wh..wh..opq``) are the image specification's; what they become is the unpacker's.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
OPAQUE_ATTRIBUTE = "user.overlay.opaque"  # the same of a folder where overlayfs is mounted with the option userxattr
_AUFS = ".wh..wh."  # files of an older file system's own, which mean nothing to others
LONGEST_NAME, LONGEST_PATH, DEEPEST = 255, 4095, 256  # octets; octets; folders


class EntryKind(enum.Enum):
    """The kind of an entry in an archive."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    HARD_LINK = "hard link"
    FIFO = "named pipe"
    DEVICE = "device"
    OTHER = "entry of an unknown type"


class LayerEntry(NamedTuple):
    """An entry of an archive.

    Attributes:
        target: what a link leads to; empty for anything else.
        size: octets, holes included.
    """

    name: str
    kind: EntryKind
    target: str = ""
    size: int = 0


Path = tuple[str, ...]  # below the layer's folder; () is the folder itself


class Make(NamedTuple):
    """Make what the entry says at a path.

    Attributes:
        replaces: there is something there already, made by an earlier entry or by a whiteout.
        hides_lower: nothing of the same folder in lower layers is to be seen.
    """

    path: Path
    replaces: bool = False
    hides_lower: bool = False


class HardLink(NamedTuple):
    """Create a hard link to an earlier entry of the layer."""

    path: Path
    target: Path
    replaces: bool = False


class Hide(NamedTuple):
    """Hide a path of lower layers."""

    path: Path


class HideBelow(NamedTuple):
    """Hide the content that lower layers have in a folder, which is created if it is missing."""

    path: Path


class PassOver(NamedTuple):
    """Nothing is to be done."""


Action = Make | HardLink | Hide | HideBelow | PassOver


class LayerError(Exception):
    """A layer is refused; the message names the entry and the reason."""


@dataclass(frozen=True)
class LayerLimits:
    """The limits of a layer.

    Attributes:
        entries: of its archive.
        octets: of all its files together, holes included, and of its archive.
        header: octets of what an archive says about one entry.
        ratio: how many times larger than its blob an archive may be, once it is larger than ``unsuspicious``.
    """

    entries: int = 2_000_000
    octets: int = 64 * 1024**3
    header: int = 1024 * 1024
    ratio: int = 300
    unsuspicious: int = 2 * 1024**3


USUAL_LIMITS = LayerLimits()


class _Is(enum.Enum):
    """What a layer has at a path."""

    FILE = enum.auto()
    FOLDER = enum.auto()
    LINK = enum.auto()
    HIDDEN = enum.auto()


@dataclass
class LayerPlan:
    """The plan of one layer, entry after entry."""

    limits: LayerLimits = USUAL_LIMITS
    _made: dict[Path, _Is] = field(default_factory=lambda: {(): _Is.FOLDER})
    _entries: int = 0
    _octets: int = 0

    def take(self, entry: LayerEntry) -> Action:
        """The actions for the next entry.

        Raises:
            LayerError: nothing, for the layer is not to be trusted.
        """
        self._count(entry)
        path = split_path(entry.name, "")
        if path and path[-1].startswith(WHITEOUT):
            return self._whiteout(entry, path)
        if any(name.startswith(WHITEOUT) for name in path):
            raise _refusal(entry.name, "lies below a whiteout")
        self._enter(entry.name, path[:-1])
        if entry.kind in (EntryKind.DEVICE, EntryKind.OTHER):
            raise _refusal(entry.name, f"is a {entry.kind.value}; images must bring none")
        if not path and entry.kind is not EntryKind.FOLDER:
            raise _refusal(entry.name, f"the root folder cannot be a {entry.kind.value}")
        return self._hard_link(entry, path) if entry.kind is EntryKind.HARD_LINK else self._make(entry, path)

    def _count(self, entry: LayerEntry) -> None:
        self._entries += 1
        if self._entries > self.limits.entries:
            raise _refusal(entry.name, f"more than {self.limits.entries} entries")
        if entry.size < 0:
            raise _refusal(entry.name, "has a negative size")
        self._octets += entry.size
        if self._octets > self.limits.octets:
            raise _refusal(entry.name, f"the layer's files would be larger than {self.limits.octets} octets together")

    def _enter(self, name: str, folder: Path) -> None:
        """Check that each parent is a folder and not a link; missing ones will be created."""
        for length in range(len(folder), 0, -1):
            way = folder[:length]
            match self._made.get(way):
                case _Is.FOLDER:
                    break
                case _Is.LINK:
                    raise _refusal(name, f"leads through the symbolic link {_path_text(way)}")
                case _Is.FILE:
                    raise _refusal(name, f"{_path_text(way)} is not a folder")
        for length in range(1, len(folder) + 1):
            self._made[folder[:length]] = _Is.FOLDER

    def _make(self, entry: LayerEntry, path: Path) -> Action:
        before = self._made.get(path)
        is_folder = entry.kind is EntryKind.FOLDER
        if before is _Is.FOLDER:
            if not is_folder:
                raise _refusal(entry.name, f"a {entry.kind.value} cannot take the place of a folder of the same layer")
            return Make(path)
        self._made[path] = _Is.FOLDER if is_folder else _Is.LINK if entry.kind is EntryKind.LINK else _Is.FILE
        if entry.kind is EntryKind.LINK and not entry.target:
            raise _refusal(entry.name, "is a symbolic link to nothing")
        return Make(path, before is not None, is_folder and before is _Is.HIDDEN)

    def _hard_link(self, entry: LayerEntry, path: Path) -> Action:
        target = split_path(entry.target, f"{_quoted(entry.name)}: its target ")
        before, found = self._made.get(path), self._made.get(target)
        if found not in (_Is.FILE, _Is.LINK) or target == path:
            what = "a folder" if found is _Is.FOLDER else "nothing that came before it in the same layer"
            raise _refusal(entry.name, f"is a hard link to {_quoted(entry.target)}, which is {what}")
        if before is _Is.FOLDER:
            raise _refusal(entry.name, "a hard link cannot take the place of a folder of the same layer")
        self._enter(entry.target, target[:-1])
        self._made[path] = found
        return HardLink(path, target, before is not None)

    def _whiteout(self, entry: LayerEntry, path: Path) -> Action:
        name = path[-1].removeprefix(WHITEOUT)
        self._enter(entry.name, path[:-1])
        if path[-1] == OPAQUE:
            if len(path) == 1:
                raise _refusal(entry.name, "hides the whole root folder")
            return HideBelow(path[:-1])
        if path[-1].startswith(_AUFS):
            return PassOver()
        if name in ("", ".", ".."):
            raise _refusal(entry.name, "is a whiteout of no name, or of the folder itself")
        target = (*path[:-1], name)
        match self._made.get(target):
            case None:
                self._made[target] = _Is.HIDDEN
                return Hide(target)
            case _Is.FOLDER:
                return HideBelow(target)
            case _:  # what is there hides it already
                return PassOver()


def split_path(name: str, whose: str) -> Path:
    """The parts of a path below the layer's folder.

    Args:
        whose: begins a refusal.

    Raises:
        LayerError: it leads elsewhere, or no file system could have it.
    """
    place = whose or f"{_quoted(name)}: "
    if name.startswith("/"):
        raise LayerError(f"{place}is absolute")
    if "\0" in name or not name:
        raise LayerError(f"{place}is no path")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise LayerError(f"{place}leads out by '..'")
    if len(parts) > DEEPEST or len(_octets(name)) > LONGEST_PATH:
        raise LayerError(f"{place}is longer than {LONGEST_PATH} octets or {DEEPEST} folders")
    if any(len(_octets(part)) > LONGEST_NAME for part in parts):
        raise LayerError(f"{place}has a name of more than {LONGEST_NAME} octets")
    return parts


# Attributes that are the kernel's or the unpacker's own: an archive must not set them.
_OWN_XATTRS = ("trusted.", "user.overlay.", "security.", "system.")
_KEPT_XATTRS = ("security.capability",)
_XATTR = "SCHILY.xattr."
MOST_XATTRS, LONGEST_XATTR = 64, 65536


def attributes_of(name: str, headers: Mapping[str, str]) -> dict[str, bytes]:
    """The extended attributes that an entry's headers of the PAX format set.

    Raises:
        LayerError: there are too many, or one is too long.
    """
    found = {}
    for key, value in headers.items():
        attribute = key.removeprefix(_XATTR)
        if attribute != key and (attribute in _KEPT_XATTRS or not attribute.startswith(_OWN_XATTRS)):
            found[attribute] = _octets(value)
    if len(found) > MOST_XATTRS or any(len(value) > LONGEST_XATTR for value in found.values()):
        raise _refusal(name, f"more than {MOST_XATTRS} extended attributes, or one of more than {LONGEST_XATTR} octets")
    return found


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _refusal(name: str, why: str) -> LayerError:
    return LayerError(f"{_quoted(name)}: {why}")


def _quoted(name: str) -> str:
    """A name that cannot confuse a terminal, and is not endless."""
    return repr(name if len(name) <= 100 else f"{name[:60]}…{name[-30:]}")


def _path_text(path: Path) -> str:
    return _quoted("/".join(path))

"""Images of this machine without any network: loaded from archives and folders, listed, saved, removed."""

import platform
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.images.archive_files import ArchiveError, open_files
from fairlead.drivers.images.archives import FoundImage, keep_image, keep_layer, load_images
from fairlead.drivers.images.in_use import is_used
from fairlead.drivers.images.incoming import digest_of_file
from fairlead.drivers.images.packing import pack_folder
from fairlead.drivers.images.places import place_here
from fairlead.drivers.images.saving import save_images
from fairlead.drivers.images.store import ImageStoreError, NamedImage, Store, StoredImage
from fairlead.drivers.linux.user_namespace import with_range
from fairlead.images.digest import DigestMismatch
from fairlead.images.documents import DocumentError, ImageProcess, Platform
from fairlead.images.layer_plan import LayerError
from fairlead.images.reference import ImageName, InvalidReference, parse_reference
from fairlead.nodeagent.node_status import architecture

IMAGE_ERRORS = (ArchiveError, DigestMismatch, DocumentError, InvalidReference, LayerError, ImageStoreError, OSError)
ROOTFS = "rootfs:"


def open_store() -> Store:
    """The store of this user.

    Raises:
        ImageStoreError: it cannot be used.
    """
    return Store(*place_here())


def this_platform() -> Platform:
    """The platform that images must have."""
    machine = platform.machine()
    variants = {"armv7l": "v7", "armv6l": "v6", "aarch64": "v8"}
    return Platform(architecture(machine), "linux", variants.get(machine, ""))


def unpack(store: Store, manifest: str) -> None:
    """Unpack every layer of an image that is not unpacked yet.

    Raises:
        LayerError, DigestMismatch, DocumentError, ImageStoreError, OSError: one is refused, or there is no room.
    """
    image = store.image(manifest)
    if not store.is_unpacked(image):
        with_range(store.ownership.range, lambda: _unpack(store, image))


def _unpack(store: Store, image: StoredImage) -> None:
    for layer in image.layers:
        store.unpack(layer)


def load(store: Store, source: Path | None, stdin: BinaryIO, name: ImageName | None) -> list[str]:
    """Load the images of an archive or a folder, and return their names.

    Args:
        source: None for standard input.
        name: the name of the only image in it, instead of the names in the archive.

    Raises:
        IMAGE_ERRORS: it holds none, or damaged ones.
    """
    with store.shared(), open_files(source, stdin, store.folder / "partial") as files:
        found = load_images(store, files, this_platform())
        if name and len(found) != 1:
            raise ArchiveError(
                f"there are {len(found)} images in the source: they cannot all have the name {name.familiar}"
            )
        if not name and any(not each.names for each in found):
            raise ArchiveError("an image in the source has no name; give it one with --name")
        return [text for each in found for text in _keep(store, each, (name,) if name else each.names)]


def load_folder(store: Store, folder: Path, process: ImageProcess, name: ImageName) -> str:
    """Create an image from a root folder, and return its name.

    Args:
        process: the process of its containers.

    Raises:
        IMAGE_ERRORS, ValueError: the folder cannot be an image.
    """
    if not folder.is_dir():
        raise ArchiveError(f"{folder} is not a folder")
    with store.shared(), tempfile.TemporaryFile(dir=store.folder / "partial") as archive:
        pack_folder(folder, archive)
        diff_id, _ = digest_of_file(archive)
        here = this_platform()
        config = {
            "architecture": here.architecture,
            "os": here.os,
            "created": now_text(),
            "config": {key: value for key, value in msgspec.to_builtins(process).items() if value},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        }
        found = keep_image(store, msgspec.json.encode(config), [keep_layer(store, archive)])
        return _keep(store, found, (name,))[0]


def _keep(store: Store, found: FoundImage, names: Sequence[ImageName]) -> list[str]:
    unpack(store, found.manifest)
    for name in names:
        store.give_name(NamedImage(str(name), found.manifest, found.source, found.size, now_text()))
    return [name.familiar for name in names]


class Listed(NamedTuple):
    """A name and its image, as users see them; ``id`` is the image's ID in Docker."""

    name: ImageName
    id: str
    size: int
    at: str


def listed(store: Store) -> list[Listed]:
    """Every name in the store."""
    found = []
    for named in store.names():
        try:
            config_digest = store.image(named.manifest).config_digest
        except (ImageStoreError, DocumentError):
            config_digest = "damaged"
        found.append(Listed(_name(named), config_digest.partition(":")[2][:12] or "damaged", named.size, named.at))
    return found


def _name(named: NamedImage) -> ImageName:
    return parse_reference(named.name)


def save(store: Store, names: Sequence[ImageName], archive: BinaryIO) -> None:
    """Write images as one archive.

    Raises:
        ImageStoreError, DocumentError, OSError: one is not there, or damaged.
    """
    with store.shared():
        save_images(store, {name: store.image(_required(store, name).manifest) for name in names}, archive)


def _required(store: Store, name: ImageName) -> NamedImage:
    named = store.find(name)
    if named is None:
        raise ImageStoreError(f"there is no image {name.familiar}; `fairlead image ls` shows the available ones")
    return named


def remove(store: Store, names: Sequence[ImageName], *, force: bool) -> int:
    """Remove names, and the images that then have no name; returns the octets that were freed.

    Args:
        force: also remove images that a lab uses.

    Raises:
        ImageStoreError: a name is not there, or its image is in use. OSError.
    """
    with store.alone():
        found = [_required(store, name) for name in names]
        kept = {named.manifest for named in store.names() if named not in found}
        used = [each.name for each in found if each.manifest not in kept and is_used(store.folder, each.manifest)]
        if used and not force:
            raise ImageStoreError(f"a running lab uses {', '.join(used)}; stop the lab, or use --force")
        for named in found:
            store.take_name(named.name)
        return _swept(store)


def prune(store: Store, *, everything: bool) -> int:
    """Remove the remains of unfinished work, and images without a name; returns the octets that were freed.

    Args:
        everything: also remove images with names, unless a lab uses them.
    """
    with store.alone():
        for named in store.names() if everything else ():
            if not is_used(store.folder, named.manifest):
                store.take_name(named.name)
        return _swept(store)


def _swept(store: Store) -> int:
    needed = list(_needed(store))
    return with_range(store.ownership.range, lambda: store.sweep(needed))


def _needed(store: Store) -> Iterator[StoredImage]:
    """Images that have a name, or that a lab uses. Damaged images are not needed."""
    used = (path.name for path in (store.folder / "used").glob("sha*") if is_used(store.folder, path.name))
    for manifest in {*(named.manifest for named in store.names()), *used}:
        try:
            yield store.image(manifest)
        except (ImageStoreError, DocumentError):
            continue

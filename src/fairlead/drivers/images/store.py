"""The images of one user on this machine: a folder that commands and labs share, safe for several writers and kills.

| in the folder | what |
|---|---|
| ``blobs/ALGORITHM/HEX`` | content by its digest: manifests, configurations, layers as they were transferred |
| ``partial/`` | blobs that are being written, each locked by its writer; the next one goes on where it ended |
| ``layers/OWNERSHIP/ID`` | layers, unpacked; a name that begins with a dot is not finished |
| ``names/`` | a file for each name that an image has |
| ``lock`` | held by all who read or write, and alone by who removes |

Nothing becomes visible before it is complete: everything is created under another name and renamed. Locks are flock(2),
which the kernel releases when their holder ends.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import msgspec

from fairlead.drivers.images.incoming import IncomingBlob, incoming_blob
from fairlead.drivers.images.ownership import Ownership
from fairlead.drivers.images.removal import remove_tree
from fairlead.drivers.linux.private_folder import Untrusted, open_private
from fairlead.images.digest import DigestMismatch, check, digest_of
from fairlead.images.documents import (
    Config,
    DocumentError,
    Layer,
    Manifest,
    layers_of,
    read_config,
    read_manifest,
)
from fairlead.images.layer_plan import USUAL_LIMITS, LayerError, LayerLimits
from fairlead.images.reference import ImageName

_NAMED_LAYER = 24  # digits of a digest that name an unpacked layer: overlayfs takes a page of such names


class ImageStoreError(Exception):
    """The store cannot be used, or lacks an object; the message says which one and why."""


class NamedImage(msgspec.Struct, frozen=True, rename="camel"):
    """An image that has a name.

    Attributes:
        name: in full.
        manifest: digest of the image's manifest.
        source: its digest at its registry, perhaps that of an index; empty if it has another source.
        size: octets of its blobs.
        at: when it got the name (RFC 3339).
    """

    name: str
    manifest: str
    source: str = ""
    size: int = 0
    at: str = ""


class StoredImage(msgspec.Struct, frozen=True):
    """An image of the store.

    Attributes:
        manifest: the digest of its manifest.
        config_digest: the digest of its configuration, which is its ID in Docker.
    """

    manifest: str
    config_digest: str
    config: Config
    layers: tuple[Layer, ...]

    @property
    def digests(self) -> list[str]:
        """The digests of all its blobs."""
        return [self.manifest, self.config_digest, *(layer.blob.digest for layer in self.layers)]


class Store:
    """The store in a folder, which is created if needed.

    Args:
        ownership: how layers are unpacked for this user.

    Raises:
        ImageStoreError: the folder cannot be created, or another user controls it.
    """

    def __init__(self, folder: Path, ownership: Ownership, limits: LayerLimits = USUAL_LIMITS) -> None:
        self.folder, self.ownership, self.limits = folder, ownership, limits
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.close(open_private(folder.absolute(), within=0))
            for name in ("blobs", "partial", "layers", "names"):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
        except Untrusted as error:
            raise ImageStoreError(f"the store of images cannot be used: {error}") from error
        except OSError as error:
            raise ImageStoreError(f"the store of images, {folder}, cannot be created: {error.strerror}") from error

    @contextmanager
    def shared(self) -> Iterator[None]:
        """While this context lasts, nothing in the store is removed."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for all readers and writers to finish, and lock others out."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with open(self.folder / "lock", "ab") as lock:
            fcntl.flock(lock, how)
            yield

    # Blobs

    def blob_path(self, digest: str) -> Path:
        algorithm, _, digits = digest.partition(":")
        return self.folder / "blobs" / algorithm / digits

    def has_blob(self, digest: str) -> bool:
        return self.blob_path(digest).exists()

    def read_blob(self, digest: str, what: str) -> bytes:
        """A document of the store.

        Raises:
            ImageStoreError: it is not there, or damaged.
        """
        try:
            content = self.blob_path(digest).read_bytes()
            check(what, digest, content)
        except FileNotFoundError:
            raise ImageStoreError(f"{what}: {digest} is not in the store") from None
        except DigestMismatch as error:
            raise ImageStoreError(f"{error}; remove the image, then pull or load it again") from error
        return content

    def put_blob(self, content: bytes) -> str:
        """Keep a document; its digest."""
        digest = digest_of(content)
        if not self.has_blob(digest):
            with self.incoming(digest) as blob:
                if blob:
                    blob.restart()
                    blob.write(content)
                    blob.commit()
        return digest

    def incoming(self, digest: str) -> "AbstractContextManager[IncomingBlob | None]":
        """A blob to be written; None when it is there by now, for another writer may have been waited for."""
        return incoming_blob(self.folder / "partial", self.blob_path(digest), digest)

    # Layers

    def layer_path(self, diff_id: str) -> Path:
        """The folder for an unpacked layer."""
        return self._layers / diff_id.partition(":")[2][:_NAMED_LAYER]

    @property
    def _layers(self) -> Path:
        return self.folder / "layers" / self.ownership.name

    def unpack(self, layer: Layer) -> None:
        """Unpack a layer if it is not unpacked yet; waits for another process that is unpacking it.

        Raises:
            LayerError, DigestMismatch: it is refused. OSError: there is no room. ImageStoreError: its blob is missing.
        """
        path = self.layer_path(layer.diff_id)
        if path.exists():
            return
        self._layers.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._layers / f".{path.name}.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            draft = self._layers / f".{path.name}"
            remove_tree(draft)
            if path.exists():
                return
            draft.mkdir(mode=0o700)
            try:
                self._unpack(layer, draft)
                draft.rename(path)
            except BaseException:
                remove_tree(draft)
                raise
        # The lock's file stays until a removal: another process may wait for it.

    def _unpack(self, layer: Layer, draft: Path) -> None:
        # Decompressors are imported here: every node's agent has a store, few unpack anything.
        from fairlead.drivers.images.layer_stream import LayerStream
        from fairlead.drivers.images.unpacking import unpack_layer

        if not self.has_blob(layer.blob.digest):
            raise ImageStoreError(f"layer {layer.blob.digest} is not in the store; pull or load the image again")
        with open(self.blob_path(layer.blob.digest), "rb", buffering=0) as blob:
            stream = LayerStream(blob, layer.compression, layer.diff_id, self.limits)
            try:
                unpack_layer(stream, draft, keep_owners=self.ownership.keeps, limits=self.limits)
            except LayerError as error:
                raise LayerError(f"layer {layer.blob.digest}: {error}") from error
            finally:
                stream.close()

    # Images

    def image(self, manifest: str) -> StoredImage:
        """An image by its manifest's digest.

        Raises:
            ImageStoreError, DocumentError: it is not whole.
        """
        document = read_manifest(self.read_blob(manifest, "manifest"), "", manifest)
        if not isinstance(document, Manifest):
            raise DocumentError(f"{manifest}: it is an index, not an image")
        config = read_config(self.read_blob(document.config.digest, "configuration"), document.config.digest)
        layers = tuple(layers_of(document, config, manifest))
        return StoredImage(manifest, document.config.digest, config, layers)

    def is_unpacked(self, image: StoredImage) -> bool:
        return all(self.layer_path(layer.diff_id).exists() for layer in image.layers)

    def give_name(self, named: NamedImage) -> None:
        """Give an image a name; another image that had the name loses it."""
        path = self._name_path(named.name)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(named))
        draft.rename(path)

    def find(self, name: ImageName) -> NamedImage | None:
        """The image with this name. With a digest: any image of the repository that has it."""
        if name.digest:
            exact = self._read_name(self._name_path(f"{name.registry}/{name.repository}@{name.digest}"))
            return exact or next((each for each in self.names() if _is_meant(each, name)), None)
        return self._read_name(self._name_path(str(name)))

    def names(self) -> list[NamedImage]:
        """All names, in order."""
        found = (self._read_name(path) for path in (self.folder / "names").glob("[!.]*"))
        return sorted((each for each in found if each), key=lambda each: each.name)

    def take_name(self, name: str) -> None:
        """Remove a name from its image; the image stays until it is removed."""
        self._name_path(name).unlink(missing_ok=True)

    def _name_path(self, name: str) -> Path:
        return self.folder / "names" / hashlib.sha256(name.encode()).hexdigest()

    def _read_name(self, path: Path) -> NamedImage | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=NamedImage)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    # Removal; the caller holds the store alone

    def sweep(self, needed: Iterable[StoredImage]) -> int:
        """Remove what these images do not need, and the remains of unfinished work; returns the octets freed."""
        images = list(needed)
        blobs = {self.blob_path(digest) for image in images for digest in image.digests}
        layers = {self.layer_path(layer.diff_id).name for image in images for layer in image.layers}
        freed = 0
        for draft in (self.folder / "names").glob(".*"):
            draft.unlink()
        for path in (*(self.folder / "blobs").glob("*/*"), *(self.folder / "partial").iterdir()):
            if path not in blobs:
                freed += path.stat().st_blocks * 512
                path.unlink()
        for ownership in (self.folder / "layers").iterdir():
            for path in sorted(ownership.iterdir()):  # what is not finished first
                if path.name in layers and ownership == self._layers:
                    continue
                freed += _take_away(path)
            with suppress(OSError):  # layers of an ownership that is still in use
                ownership.rmdir()
        return freed


def _take_away(path: Path) -> int:
    """Remove something of a folder of layers; killed on the way, it leaves what counts as not finished."""
    if not path.is_dir():
        path.unlink()
        return 0
    if path.name.startswith("."):
        return remove_tree(path)
    draft = path.with_name(f".{path.name}")
    freed = remove_tree(draft)
    path.rename(draft)
    return freed + remove_tree(draft)


def _is_meant(named: NamedImage, name: ImageName) -> bool:
    repository = f"{name.registry}/{name.repository}"
    is_of_it = named.name.startswith((f"{repository}:", f"{repository}@"))
    return is_of_it and name.digest in (named.source, named.manifest)

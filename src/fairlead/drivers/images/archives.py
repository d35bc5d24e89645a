"""Images in archives and folders: what ``docker save`` writes, and the layout of the OCI image specification.

An archive is untrusted input: content is found by names in a table and copied into the store by its digest, and nothing
is ever written to a path that an archive names.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from fairlead.drivers.images.archive_files import COMPRESSIONS, ArchiveError, ArchiveFiles
from fairlead.drivers.images.incoming import digest_of_file
from fairlead.drivers.images.store import Store
from fairlead.images.documents import (
    LARGEST_DOCUMENT,
    OCI_CONFIG,
    OCI_LAYER,
    Descriptor,
    Index,
    Manifest,
    Platform,
    check_platform,
    choose_platform,
    layers_of,
    read_config,
    read_manifest,
    size_of,
    write_manifest,
)
from fairlead.images.reference import ImageName, parse_reference

_DEEPEST_INDEX = 4
_NAME, _REF_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"

T = TypeVar("T")


class FoundImage(NamedTuple):
    """An image that has been copied to the store.

    Attributes:
        names: its names in the archive.
        source: its digest elsewhere.
    """

    manifest: str
    names: tuple[ImageName, ...]
    source: str
    size: int


class DockerImage(msgspec.Struct, frozen=True, rename="pascal"):
    """An image in ``manifest.json`` of ``docker save``: names of files, and of the image."""

    config: str
    layers: tuple[str, ...]
    repo_tags: tuple[str, ...] | None = None


def load_images(store: Store, files: ArchiveFiles, platform: Platform) -> list[FoundImage]:
    """Copy every image of an archive or folder to the store.

    Raises:
        ArchiveError, DocumentError, DigestMismatch, InvalidReference: it holds none, or damaged ones. OSError.
    """
    if index := _read(files, "index.json"):
        return list(_oci_images(store, files, platform, index))
    if manifest := _read(files, "manifest.json"):
        images = _decoded(manifest, tuple[DockerImage, ...], "manifest.json")
        return [_docker_image(store, files, platform, image) for image in images]
    raise ArchiveError("it contains neither index.json (OCI) nor manifest.json (docker save)")


# OCI


def _oci_images(store: Store, files: ArchiveFiles, platform: Platform, content: bytes) -> Iterator[FoundImage]:
    index = read_manifest(content, "", "index.json")
    if not isinstance(index, Index):
        raise ArchiveError("index.json: is not an image index")
    for each in index.manifests:
        found = _descend(store, files, platform, each, _DEEPEST_INDEX)
        yield found._replace(names=_oci_names(each))


def _oci_names(descriptor: Descriptor) -> tuple[ImageName, ...]:
    annotations = descriptor.annotations or {}
    text = annotations.get(_NAME) or annotations.get(_REF_NAME, "")
    is_tag = "/" not in text and ":" not in text
    return () if is_tag else (parse_reference(text),)


def _descend(store: Store, files: ArchiveFiles, platform: Platform, descriptor: Descriptor, depth: int) -> FoundImage:
    content = _blob(files, descriptor)
    document = read_manifest(content, descriptor.media_type, descriptor.digest)
    if isinstance(document, Index):
        if depth == 0:
            raise ArchiveError(f"{descriptor.digest}: indexes are nested deeper than {_DEEPEST_INDEX} levels")
        chosen = choose_platform(document, platform, descriptor.digest)
        found = _descend(store, files, platform, chosen, depth - 1)
        return found._replace(source=descriptor.digest)
    config = read_config(_blob(files, document.config), document.config.digest)
    check_platform(config, platform, descriptor.digest)
    layers_of(document, config, descriptor.digest)
    for each in (document.config, *document.layers):
        _copy(store, files, each)
    with store.incoming(descriptor.digest) as blob:
        if blob:
            blob.restart()
            blob.write(content)
            blob.commit()
    return FoundImage(descriptor.digest, (), descriptor.digest, size_of(document))


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _blob(files: ArchiveFiles, descriptor: Descriptor) -> bytes:
    content = _read(files, _blob_name(descriptor.digest))
    if content is None:
        raise ArchiveError(f"{_blob_name(descriptor.digest)} is missing")
    _require_size(descriptor, len(content))
    return content


def _copy(store: Store, files: ArchiveFiles, descriptor: Descriptor) -> None:
    with store.incoming(descriptor.digest) as blob:
        if blob is None:
            return
        source = files.open(_blob_name(descriptor.digest))
        if source is None:
            raise ArchiveError(f"{_blob_name(descriptor.digest)} is missing")
        with source:
            blob.copy(source)
        _require_size(descriptor, blob.size)


def _require_size(descriptor: Descriptor, size: int) -> None:
    if size != descriptor.size:
        raise ArchiveError(f"{descriptor.digest}: {size} octets, but its descriptor says {descriptor.size}")


# docker save


def _docker_image(store: Store, files: ArchiveFiles, platform: Platform, image: DockerImage) -> FoundImage:
    content = _read(files, image.config)
    if content is None:
        raise ArchiveError(f"manifest.json: the configuration {image.config!r} is missing")
    config = read_config(content, image.config)
    check_platform(config, platform, image.config)
    layers = tuple(_docker_layer(store, files, name) for name in image.layers)
    names = tuple(parse_reference(name) for name in image.repo_tags or ())
    return keep_image(store, content, layers)._replace(names=names)


def keep_image(store: Store, config: bytes, layers: Sequence[Descriptor]) -> FoundImage:
    """Compose an image from a configuration and layers in the store.

    Raises:
        DocumentError: they do not fit.
    """
    described = Descriptor(store.put_blob(config), len(config), OCI_CONFIG)
    manifest = Manifest(described, tuple(layers))
    layers_of(manifest, read_config(config, "configuration"), "image")
    return FoundImage(store.put_blob(write_manifest(described, layers)), (), "", size_of(manifest))


def _docker_layer(store: Store, files: ArchiveFiles, name: str) -> Descriptor:
    source = files.open(name)
    if source is None:
        raise ArchiveError(f"manifest.json: the layer {name!r} is missing")
    with source:
        return keep_layer(store, source)


def keep_layer(store: Store, source: BinaryIO) -> Descriptor:
    """Copy an archive to the store as a layer."""
    digest, size = digest_of_file(source)
    magic = source.read(4)
    source.seek(0)
    compression = next((f"+{word}" for octets, word in COMPRESSIONS.items() if magic.startswith(octets)), "")
    with store.incoming(digest) as blob:
        if blob:
            blob.copy(source)
    return Descriptor(digest, size, OCI_LAYER + compression)


def _read(files: ArchiveFiles, name: str) -> bytes | None:
    """A document; None when there is none of that name."""
    source = files.open(name)
    if source is None:
        return None
    with source:
        content = source.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise ArchiveError(f"{name}: more than {LARGEST_DOCUMENT} octets")
    return content


def _decoded(content: bytes, type_: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{what}: {error}") from error

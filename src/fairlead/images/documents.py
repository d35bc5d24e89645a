"""Manifests, indexes and configurations: read strictly as far as they are needed, of Docker's and of OCI's types alike.

Specification: https://github.com/opencontainers/image-spec. What a document says of itself goes before the media type
that a registry gives it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from fairlead.images.digest import is_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
MANIFESTS = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)  # what a registry is asked for
INDEXES = (OCI_INDEX, DOCKER_LIST)

LARGEST_DOCUMENT = 4 * 1024 * 1024  # octets; what registries bound manifests by
MOST_LAYERS = 500  # more than the kernel stacks; an index has no more manifests either

_LAYERS = {  # how the layers of a media type are compressed; "" for not at all
    "application/vnd.oci.image.layer.v1.tar": "",
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": "",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
}

Size = Annotated[int, msgspec.Meta(ge=0)]
T = TypeVar("T")


class DocumentError(Exception):
    """A document is not what the specification says; the message names it and what is wrong."""


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """Unused fields are ignored."""


class Platform(_Document, frozen=True):
    """The platform of an image, in Go's terms; ``variant`` is that of the processor."""

    architecture: str = ""
    os: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Descriptor(_Document, frozen=True):
    """Some content of a size (octets) that has this digest."""

    digest: str
    size: Size
    media_type: str = ""
    platform: Platform | None = None
    annotations: Mapping[str, str] | None = None


class Manifest(_Document, frozen=True):
    """An image: its configuration, and its layers from the lowest to the highest."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = ""


class Index(_Document, frozen=True):
    """Images of one name for several platforms."""

    manifests: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = ""


class ImageProcess(msgspec.Struct, frozen=True, rename="pascal"):
    """The process of a container of the image; the field ``config`` of its configuration.

    Attributes:
        user: ``USER[:GROUP]``, by names or numbers.
        volumes: paths that are kept apart from the root folder.
        stop_signal: name or number; empty for SIGTERM.
    """

    user: str = ""
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str = ""
    stop_signal: str = ""
    volumes: Mapping[str, Any] | None = None
    labels: Mapping[str, str] | None = None


class RootFs(msgspec.Struct, frozen=True):
    """Digests of the layers when they are not compressed, from the lowest to the highest."""

    diff_ids: tuple[str, ...]
    type: str = "layers"


class Config(msgspec.Struct, frozen=True):
    """The configuration of an image."""

    rootfs: RootFs
    config: ImageProcess | None = None
    architecture: str = ""
    os: str = ""
    variant: str = ""
    created: str | None = None

    @property
    def process(self) -> ImageProcess:
        return self.config or ImageProcess()


class Layer(NamedTuple):
    """A layer of an image.

    Attributes:
        blob: as it is transferred.
        compression: of the blob: gzip, zstd, or empty.
        diff_id: digest of what is compressed.
    """

    blob: Descriptor
    compression: str
    diff_id: str


def read_manifest(content: bytes, media_type: str, what: str) -> Manifest | Index:
    """The document, whichever of the two it is.

    Args:
        media_type: what it was called on the way; empty if it was called nothing.
        what: names it in errors.

    Raises:
        DocumentError: it is none of the two.
    """
    document = _decoded(content, dict[str, Any], what)
    media_type = str(document.get("mediaType") or media_type).partition(";")[0].strip()
    if document.get("schemaVersion") == 1 or media_type.startswith(_SCHEMA_1):
        raise DocumentError(f"{what}: a manifest of Docker's schema 1, which registries gave up; push the image again")
    if document.get("schemaVersion") != 2:
        raise DocumentError(f"{what}: schemaVersion must be 2, not {document.get('schemaVersion')!r}")
    if media_type in INDEXES or ("manifests" in document and "layers" not in document):
        index = _decoded(content, Index, what)
        _check_descriptors(index.manifests, what, "manifests")
        return index
    if "config" not in document:
        raise DocumentError(f"{what}: {media_type or 'this document'} is neither an image nor an index of images")
    manifest = _decoded(content, Manifest, what)
    _check_descriptors((manifest.config,), what, "config")
    _check_descriptors(manifest.layers, what, "layers")
    return manifest


def write_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """The manifest of an image."""
    parts = [{"mediaType": each.media_type, "digest": each.digest, "size": each.size} for each in (config, *layers)]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": parts[0], "layers": parts[1:]}
    return msgspec.json.encode(document)


def size_of(manifest: Manifest) -> int:
    """Octets of an image's blobs."""
    return sum(each.size for each in (manifest.config, *manifest.layers))


def read_config(content: bytes, what: str) -> Config:
    """An image's configuration.

    Raises:
        DocumentError: it is none.
    """
    config = _decoded(content, Config, what)
    for number, diff_id in enumerate(config.rootfs.diff_ids):
        if not is_digest(diff_id):
            raise DocumentError(f"{what}: rootfs.diff_ids[{number}]: {diff_id!r} is no digest")
    return config


def layers_of(manifest: Manifest, config: Config, what: str) -> list[Layer]:
    """The layers of an image, lowest first.

    Raises:
        DocumentError: manifest and configuration do not agree, or a layer is of a kind that is not known.
    """
    if len(manifest.layers) != len(config.rootfs.diff_ids):
        raise DocumentError(
            f"{what}: {len(manifest.layers)} layers in the manifest, {len(config.rootfs.diff_ids)} in the configuration"
        )
    found = []
    for number, (blob, diff_id) in enumerate(zip(manifest.layers, config.rootfs.diff_ids, strict=True)):
        if blob.media_type not in _LAYERS:
            raise DocumentError(f"{what}: layers[{number}].mediaType: {blob.media_type!r} is no layer of an image")
        found.append(Layer(blob, _LAYERS[blob.media_type], diff_id))
    return found


def choose_platform(index: Index, platform: Platform, what: str) -> Descriptor:
    """The image for a platform: of the same variant, or else of none, or else of any.

    Raises:
        DocumentError: there is none.
    """
    fitting = [each for each in index.manifests if each.platform and _fits(each.platform, platform)]
    if not fitting:
        if len(index.manifests) == 1 and index.manifests[0].platform is None:
            return index.manifests[0]
        offered = sorted({str(each.platform) for each in index.manifests if _is_offered(each.platform)})
        raise DocumentError(f"{what}: no image for {platform}; there are: {', '.join(offered) or 'none'}")
    return min(fitting, key=lambda each: _distance(each.platform or platform, platform))


def check_platform(config: Config, platform: Platform, what: str) -> None:
    """Raises:
    DocumentError: the image is for other machines than these.
    """
    found = Platform(config.architecture, config.os, config.variant)
    if config.os and config.architecture and not _fits(found, platform):
        raise DocumentError(f"{what}: an image for {found}; this machine is {platform}")


def _fits(offered: Platform, wanted: Platform) -> bool:
    return (offered.os, offered.architecture) == (wanted.os, wanted.architecture)


def _distance(offered: Platform, wanted: Platform) -> int:
    return (wanted.variant, "").index(offered.variant) if offered.variant in (wanted.variant, "") else 2


def _is_offered(platform: Platform | None) -> bool:
    """Attestations are in an index too, for a platform that nothing is."""
    return platform is not None and platform.os != "unknown"


def _decoded(content: bytes, type_: type[T], what: str) -> T:
    if len(content) > LARGEST_DOCUMENT:
        raise DocumentError(f"{what}: more than {LARGEST_DOCUMENT} octets")
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"{what}: {error}") from error


def _check_descriptors(descriptors: Sequence[Descriptor], what: str, field: str) -> None:
    if len(descriptors) > MOST_LAYERS:
        raise DocumentError(f"{what}: {field}: more than {MOST_LAYERS}")
    for number, each in enumerate(descriptors):
        if not is_digest(each.digest):
            raise DocumentError(f"{what}: {field}[{number}].digest: {each.digest!r} is no digest")

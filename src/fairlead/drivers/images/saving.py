"""Writes images as an archive that ``docker load``, ``podman load`` and ``skopeo`` read: the OCI layout, and beside it
the ``manifest.json`` of ``docker save``."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import msgspec

from fairlead.drivers.images.store import Store, StoredImage
from fairlead.images.documents import OCI_INDEX, OCI_MANIFEST
from fairlead.images.reference import ImageName


def save_images(store: Store, images: Mapping[ImageName, StoredImage], archive: BinaryIO) -> None:
    """Write images under their names.

    Raises:
        ImageStoreError, OSError: a blob is missing, or there is no room.
    """
    with tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", {"imageLayoutVersion": "1.0.0"})
        for digest in dict.fromkeys(digest for image in images.values() for digest in image.digests):
            path = store.blob_path(digest)
            header = tarfile.TarInfo(_blob_name(digest))
            header.size, header.mode = path.stat().st_size, 0o644
            with open(path, "rb") as content:
                tar.addfile(header, content)
        _add(tar, "index.json", _index(store, images))
        _add(tar, "manifest.json", _docker(images))


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _index(store: Store, images: Mapping[ImageName, StoredImage]) -> dict[str, Any]:
    manifests = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": image.manifest,
            "size": store.blob_path(image.manifest).stat().st_size,
            "platform": {"architecture": image.config.architecture, "os": image.config.os},
            "annotations": {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag},
        }
        for name, image in images.items()
    ]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}


def _docker(images: Mapping[ImageName, StoredImage]) -> Sequence[dict[str, Any]]:
    return [
        {
            "Config": _blob_name(image.config_digest),
            "RepoTags": [name.familiar] if name.tag else [],
            "Layers": [_blob_name(layer.blob.digest) for layer in image.layers],
        }
        for name, image in images.items()
    ]


def _add(tar: tarfile.TarFile, name: str, document: Any) -> None:
    content = msgspec.json.encode(document)
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), 0o644
    tar.addfile(header, io.BytesIO(content))

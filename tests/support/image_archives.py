"""Layers and images made by hand, as good and as bad as a test wants them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zstandard

MACHINE = "amd64"


def entry(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A file, or what the field ``type`` says; other fields are those of TarInfo."""
    header = tarfile.TarInfo(name)
    header.mode, header.size = 0o644, len(content)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, content


def folder(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def archive(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of these, names taken as they are."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for header, content in entries:
            tar.addfile(header, io.BytesIO(content) if content else None)
    return file.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


COMPRESS = {"": bytes, "gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstandard.compress}


class MadeImage:
    """An image with these layers (archives that are not compressed).

    Attributes:
        blobs: by digest.
        manifest: digest of its manifest.
    """

    def __init__(
        self,
        layers: Iterable[bytes],
        compression: str = "gzip",
        config: Mapping[str, Any] | None = None,
        architecture: str = MACHINE,
    ) -> None:
        layers = list(layers)
        packed = [COMPRESS[compression](layer) for layer in layers]
        document = {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
        self.config = json.dumps(document).encode()
        suffix = f"+{compression}" if compression else ""
        parts = [
            self.descriptor(self.config, "application/vnd.oci.image.config.v1+json"),
            *(self.descriptor(each, f"application/vnd.oci.image.layer.v1.tar{suffix}") for each in packed),
        ]
        text = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": parts[0],
            "layers": parts[1:],
        }
        self.text = json.dumps(text).encode()
        self.blobs = {digest(each): each for each in (self.config, *packed, self.text)}
        self.layers = [digest(each) for each in packed]
        self.manifest = digest(self.text)

    @staticmethod
    def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}

    def index(self, name: str) -> bytes:
        """``index.json`` of a layout with this image alone."""
        own = self.descriptor(self.text, "application/vnd.oci.image.manifest.v1+json")
        own["annotations"] = {"io.containerd.image.name": name}
        return json.dumps({"schemaVersion": 2, "manifests": [own]}).encode()

    def write_layout(self, target: Path, name: str = "docker.io/test/app:1") -> Path:
        """The folder of an OCI layout."""
        for each, content in self.blobs.items():
            path = target / "blobs" / each.replace(":", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (target / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (target / "index.json").write_bytes(self.index(name))
        return target

    def write_archive(self, target: Path, name: str = "docker.io/test/app:1") -> Path:
        """The same as an archive."""
        files = {f"blobs/{each.replace(':', '/')}": content for each, content in self.blobs.items()}
        files |= {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": self.index(name)}
        target.write_bytes(archive(*(entry(path, content) for path, content in files.items())))
        return target

"""Makes an OCI image of Fairlead without a container engine: ``python scripts/image [--arch amd64|arm64] [FILE]``.

Three layers: Debian's interpreter and the programs that write rules, Python packages, the product. The same packages
give the same bytes. The archive is an OCI layout, which ``ctr images import``, ``podman load``, ``docker load`` and
``skopeo`` read.
"""

import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import debian
from python_packages import ROOT, SITE, compile_ahead, put_dependencies, put_product
from tree import Layer, Tree

NOBODY = 65532
_PASSWD = f"root:x:0:0:root:/:/nonexistent\nfairlead:x:{NOBODY}:{NOBODY}:fairlead:/tmp:/nonexistent\n"
_GROUP = f"root:x:0:\nfairlead:x:{NOBODY}:\n"
_FILES = {
    "etc/passwd": _PASSWD,
    "etc/group": _GROUP,
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "tmp/.keep": "",
}
_OCI = "application/vnd.oci.image"


def main() -> None:
    """Make the image, and say what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/image")
    parser.add_argument("--arch", choices=("amd64", "arm64"), default="amd64")
    parser.add_argument("target", nargs="?", type=Path)
    options = parser.parse_args()
    version = _version()
    target = options.target or ROOT / "dist" / f"fairlead-{version}-{options.arch}.oci.tar"
    with tempfile.TemporaryDirectory() as folder:
        packages = debian.fetch(Path(folder), options.arch)
        base = Tree()
        debian.unpack(Path(folder), base)
    for path, link in debian.names_of_alternatives():
        base.link(path, link)
    for path, text in _FILES.items():
        base.file(path, text.encode())
    compile_ahead(base, "usr/lib/python3")
    dependencies, product = Tree(), Tree()
    put_dependencies(dependencies, options.arch)
    compile_ahead(dependencies, SITE)
    put_product(product)
    compile_ahead(product, SITE)
    layers = [tree.layer(_epoch()) for tree in (base, dependencies, product)]
    digest = _write(target, layers, options.arch, version, packages)
    size = sum(len(layer.data) for layer in layers)
    print(f"{target}: {digest}, {size / 1e6:.1f} MB in {len(layers)} layers")


def _write(target: Path, layers: list[Layer], arch: str, version: str, packages: dict[str, str]) -> str:
    """Write the archive; the digest of the image."""
    created = _time(_epoch())
    titles = ("Debian packages", "Python packages", "fairlead")
    config = _encoded(
        {
            "created": created,
            "architecture": arch,
            "os": "linux",
            "config": {
                "User": f"{NOBODY}:{NOBODY}",
                "Env": ["PATH=/usr/bin:/usr/sbin", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp"],
                "Entrypoint": ["/usr/bin/fairlead"],
                "WorkingDir": "/",
                "StopSignal": "SIGTERM",
                "Labels": {
                    "org.opencontainers.image.title": "fairlead",
                    "org.opencontainers.image.version": version,
                    "org.opencontainers.image.licenses": "Apache-2.0",
                    "dev.fairlead.debian-packages": " ".join(f"{name}={v}" for name, v in sorted(packages.items())),
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": created, "created_by": title} for title in titles],
        }
    )
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor(f"{_OCI}.config.v1+json", config),
            "layers": [
                {"mediaType": f"{_OCI}.layer.v1.tar+gzip", "digest": layer.digest, "size": len(layer.data)}
                for layer in layers
            ],
        }
    )
    named = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"fairlead:{version}"}
    described = {
        **_descriptor(f"{_OCI}.manifest.v1+json", manifest),
        "platform": {"architecture": arch, "os": "linux"},
        "annotations": named,
    }
    index = _encoded({"schemaVersion": 2, "mediaType": f"{_OCI}.index.v1+json", "manifests": [described]})
    blobs = {_digest(each): each for each in (config, manifest)} | {layer.digest: layer.data for layer in layers}
    files = {f"blobs/sha256/{digest.partition(':')[2]}": data for digest, data in sorted(blobs.items())}
    files |= {"index.json": index, "oci-layout": _encoded({"imageLayoutVersion": "1.0.0"})}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), _epoch(), 0o644
            archive.addfile(info, io.BytesIO(data))
    return _digest(manifest)


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _encoded(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _version() -> str:
    """That of the package, read without importing it."""
    source = (ROOT / "src" / "fairlead" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert found
    return found[1]


def _epoch() -> int:
    """The one moment that everything is of: as reproducible builds have it, else that of the last commit."""
    if text := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(text)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0)


def _time(epoch: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()

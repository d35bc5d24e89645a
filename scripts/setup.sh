#!/usr/bin/env bash
# Prepares a checkout: the system programs that Fairlead runs, and .venv/ with the locked Python packages.
# Idempotent and quick when there is nothing to do. Needs root (or sudo) only when a system program is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# program:Debian package that brings it
PROGRAMS="nft:nftables ps:procps iptables:iptables ip:iproute2 unshare:util-linux dig:dnsutils dnsperf:dnsperf unbound:unbound musl-gcc:musl-tools conntrack:conntrack curl:curl busybox:busybox node:nodejs npm:npm"

find_program() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

missing=()
for entry in $PROGRAMS; do
  find_program "${entry%%:*}" || missing+=("${entry##*:}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || {
      echo "setup: missing system packages: ${missing[*]}" >&2
      echo "setup: install them as root (on Debian: apt-get install ${missing[*]}) and run this again" >&2
      exit 1
    }
    as_root="sudo"
  fi
  command -v apt-get >/dev/null || {
    echo "setup: missing programs, and this is not a Debian system; please install: ${missing[*]}" >&2
    exit 1
  }
  echo "setup: installing ${missing[*]}"
  $as_root apt-get update -qq
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

stamp=.venv/.lock-digest
digest=$(cat requirements.lock pyproject.toml scripts/setup.sh | sha256sum)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$digest" ]; then
  echo "setup: preparing .venv"
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.lock
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$digest" > "$stamp"
fi

# Compiled ahead, so that the first start is as quick as every other, even where Python is told to write no bytecode.
.venv/bin/python -m compileall -q src

scripts/kubectl.sh

#!/usr/bin/env bash
# Prepares a checkout: the system programs that Fairlead runs, and .venv/ with the locked Python packages.
# With the argument "tests", also what tests and checks need; with "bench", also the servers that benchmarks compare with.
# Idempotent and quick when there is nothing to do. Needs root (or sudo) only when a system program is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}

# program:Debian package that brings it, one a line
programs="
  busybox:busybox
  conntrack:conntrack
  curl:curl
  dig:dnsutils
  ip:iproute2
  ipset:ipset
  iptables:iptables
  nft:nftables
  unshare:util-linux
"
tests="
  bird:bird2
  chromium:chromium
  dnsperf:dnsperf
  docker-registry:docker-registry
  gobuster:gobuster
  haproxy:haproxy
  htpasswd:apache2-utils
  initdb:postgresql
  musl-gcc:musl-tools
  newuidmap:uidmap
  nginx:nginx
  node:nodejs
  npm:npm
  promtool:prometheus
  ps:procps
  rabbitmq-server:rabbitmq-server
  redis-server:redis-server
  skopeo:skopeo
  unbound:unbound
  vtysh:frr
"
peers="
  cc:gcc
  dnsdist:dnsdist
  etcd:etcd-server
  knotd:knot
  nsd:nsd
"
case $purpose in
  run) ;;
  tests) programs="$programs $tests" ;;
  bench) programs="$programs $tests $peers" ;;
  *)
    echo "setup: no purpose named $purpose; there are: run, tests, bench" >&2
    exit 2
    ;;
esac

find_program() { PATH="$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)" command -v "$1" >/dev/null 2>&1; }

missing=()
for entry in $programs; do
  find_program "${entry%%:*}" || missing+=("${entry##*:}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
  as_root true 2>/dev/null || {
    echo "setup: missing system packages: $*" >&2
    echo "setup: install them as root (on Debian: apt-get install $*) and run this again" >&2
    exit 1
  }
  command -v apt-get >/dev/null || {
    echo "setup: missing programs, and this is not a Debian system; please install: $*" >&2
    exit 1
  }
  echo "setup: installing $*"
  as_root apt-get update -qq
  # Tests run servers of their own: what a package would start by itself must not take this machine's ports.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi

install_python_packages() {
  [ -x .venv/bin/python ] || python3 -m venv .venv
  pip=(.venv/bin/pip install --quiet --disable-pip-version-check --constraint requirements.lock)
  "${pip[@]}" setuptools
  if [ "$purpose" != run ]; then "${pip[@]}" --requirement requirements.lock; fi
  "${pip[@]}" --no-build-isolation --editable .
}
digest=$(cat requirements.lock pyproject.toml scripts/setup.sh scripts/clients.py | sha256sum)
stamp=.venv/.ready-to-$purpose
if [ "$(cat "$stamp" 2>/dev/null)" != "$digest" ]; then
  echo "setup: preparing .venv"
  install_python_packages
  if [ "$purpose" != run ]; then .venv/bin/python scripts/clients.py tests; fi
  echo "$digest" > "$stamp"
fi

# Compiled ahead, so that the first start is as quick as every other, even where Python is told to write no bytecode.
.venv/bin/python -m compileall -q src

scripts/kubectl.sh

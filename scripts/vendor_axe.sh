#!/usr/bin/env bash
# Fetches axe-core, which tests of the page run in the browser, from npm: with its licence, at this version, with this checksum.
set -euo pipefail
cd "$(dirname "$0")/.."
version=4.14.1
checksum=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
target=tests/integration/ui/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "axe-core@$version" >/dev/null && tar xzf "axe-core-$version.tgz")
echo "$checksum  $work/package/axe.min.js" | sha256sum --check --quiet
mkdir -p "$target"
cp "$work/package/axe.min.js" "$target/axe.min.js"
cp "$work/package/LICENSE" "$target/axe-core.LICENSE"

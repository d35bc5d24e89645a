#!/usr/bin/env bash
# Wheel, sdist and SBOM into dist/, built and checked, the same bytes for the same commit. Tools come from a lock of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-release
digest=$(cat requirements-release.lock scripts/release.sh | sha256sum)
if [ "$(cat $environment/.ready 2>/dev/null)" != "$digest" ]; then
  echo "release: preparing $environment"
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement requirements-release.lock
  echo "$digest" > "$environment/.ready"
fi
rm -rf dist/*.whl dist/*.tar.gz dist/*.cdx.json dist/SHA256SUMS
.venv/bin/python -m scripts.release
"$environment/bin/twine" check --strict dist/*.whl dist/*.tar.gz
version=$(.venv/bin/python -c 'import fairlead; print(fairlead.__version__)')
"$environment/bin/cyclonedx-py" requirements dist/requirements.txt --pyproject pyproject.toml --mc-type application \
  --output-reproducible --output-file "dist/fairlead-$version.cdx.json" 2> >(grep -v "^ *warn(\|UserWarning" >&2)
.venv/bin/python -m scripts.release sbom "dist/fairlead-$version.cdx.json"
rm dist/requirements.txt
(cd dist && sha256sum fairlead-* > SHA256SUMS && cat SHA256SUMS)

#!/usr/bin/env bash
# The site into build/site, strictly: a link that leads nowhere fails. In an environment of its own, from its own lock.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-docs
digest=$(cat requirements-docs.lock requirements.lock pyproject.toml scripts/docs.sh | sha256sum)
if [ "$(cat $environment/.ready 2>/dev/null)" != "$digest" ]; then
  echo "docs: preparing $environment"
  python3 -m venv --clear "$environment"
  pip=("$environment/bin/pip" install --quiet --disable-pip-version-check --constraint requirements.lock)
  "${pip[@]}" setuptools
  "${pip[@]}" --requirement requirements-docs.lock
  "${pip[@]}" --no-build-isolation --editable .
  echo "$digest" > "$environment/.ready"
fi
export NO_MKDOCS_2_WARNING=1
PYTHONPATH=. "$environment/bin/mkdocs" build --quiet
echo "docs: build/site/index.html"

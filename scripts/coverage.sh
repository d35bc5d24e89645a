#!/usr/bin/env bash
# All tests, measured: processes that they start count too. Fails when a test fails, or when coverage is below the floor
# that pyproject.toml sets. Nothing is run a second time.
#
# Python 3.12 and newer tell which lines run at next to no cost; with 3.11 tests take twice as long. So the newest Python
# of this machine is taken, in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

newest_python() {
  local minor candidate
  for minor in 14 13 12; do
    for candidate in "python3.$minor" "$HOME"/.pyenv/versions/3."$minor".*/bin/python3; do
      if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        command -v "$candidate"
        return
      fi
    done
  done
}

environment=.venv
if python=$(newest_python) && [ -n "$python" ]; then
  environment=.venv-coverage
  export COVERAGE_CORE=sysmon
  stamp=$environment/.ready
  digest=$(cat requirements.lock pyproject.toml scripts/coverage.sh scripts/clients.py | sha256sum)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$digest" ]; then
    echo "coverage: preparing $environment with $("$python" -V)"
    "$python" -m venv --clear "$environment"
    pip=("$environment/bin/pip" install --quiet --disable-pip-version-check --constraint requirements.lock)
    "${pip[@]}" setuptools
    "${pip[@]}" --requirement requirements.lock
    "${pip[@]}" --no-build-isolation --editable .
    "$environment/bin/python" scripts/clients.py tests
    echo "$digest" > "$stamp"
  fi
fi
python=$environment/bin/python
# Where every process finds the plugin that saves what it has measured, those that ignore PYTHONPATH too.
echo "$PWD" > "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/a0_checkout.pth"
if [ -x .venv/bin/kubectl ]; then export PATH=$PATH:$PWD/.venv/bin; fi

export COVERAGE_FILE
COVERAGE_FILE=$(mktemp -d /var/tmp/fairlead-coverage-XXXXXX)/data
folder=$(dirname "$COVERAGE_FILE")
trap 'rm -rf "$folder"' EXIT
chmod 1777 "$folder" # tests run labs as an ordinary user too

failed=0
"$python" -m coverage run -m pytest -q tests/unit -n 2 || failed=1
"$python" -m coverage run -m pytest -q tests/integration -n 4 --dist loadfile --no-loadscope-reorder || failed=1
"$python" -m coverage combine --quiet
"$python" -m coverage json --quiet -o "$folder/coverage.json" --fail-under=0
"$python" scripts/coverage_by_room.py "$folder/coverage.json"
[ "$failed" -eq 0 ]

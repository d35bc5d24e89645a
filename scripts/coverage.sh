#!/usr/bin/env bash
# All tests, measured: processes that they start count too. Fails when a test fails, or when coverage is below the floor
# that pyproject.toml sets. Nothing is run a second time.
set -euo pipefail
cd "$(dirname "$0")/.."
export COVERAGE_FILE
export PYTHONPATH=$PWD # where every process finds the plugin that saves what it has measured
COVERAGE_FILE=$(mktemp -d /var/tmp/fairlead-coverage-XXXXXX)/data
folder=$(dirname "$COVERAGE_FILE")
trap 'rm -rf "$folder"' EXIT
chmod 1777 "$folder" # tests run labs as an ordinary user too

failed=0
.venv/bin/coverage run -m pytest -q tests/unit -n 2 || failed=1
.venv/bin/coverage run -m pytest -q tests/integration -n 3 --dist loadfile --no-loadscope-reorder || failed=1
.venv/bin/coverage combine --quiet
.venv/bin/coverage json --quiet -o "$folder/coverage.json" --fail-under=0
.venv/bin/python scripts/coverage_by_room.py "$folder/coverage.json"
[ "$failed" -eq 0 ]

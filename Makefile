# Every target does its own set-up; nothing needs to be run before it.
PY := .venv/bin/python

.PHONY: up
up:                  ## run the headless-Service experiment and stay up; another one: make up EXAMPLE=stacking
	@scripts/setup.sh
	$(PY) -m examples.$(or $(EXAMPLE),headless)

.PHONY: setup
setup:               ## .venv/ and the system programs, those for tests included
	@scripts/setup.sh tests

# What is compiled for a test is kept for the other workers and the next run, even where Python is told to write no
# bytecode.
test unit: export PYTHONDONTWRITEBYTECODE =

.PHONY: test
test: setup          ## all tests, those in a real kernel and with a real kubectl included; nothing is run a second time
	$(PY) -m pytest -q tests/unit -n 2
	$(PY) -m pytest -q tests/integration -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: coverage
coverage: setup      ## all tests again, measured: lines that run by room, in all processes that tests start
	scripts/coverage.sh

.PHONY: unit
unit: setup          ## the pure core alone: seconds
	$(PY) -m pytest -q tests/unit -n 2

.PHONY: check
check: setup         ## lint, types, import contracts, words
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) scripts/check_words.py

.PHONY: docs
docs:                ## the site, in build/site
	scripts/docs.sh

.PHONY: release
release: setup       ## wheel, sdist and SBOM in dist/, checked; the same bytes for the same commit
	scripts/release.sh

.PHONY: bench
bench:               ## every benchmark; some of them: make bench BENCH=lab,dns
	@scripts/setup.sh bench
	$(PY) -m bench $(BENCH)

.PHONY: robustness
robustness: setup    ## kills, a failing disk, clock jumps and hostile clients against one API server and a lab: make robustness MINUTES=30
	$(PY) -m tests.robustness $(or $(MINUTES),2)

.PHONY: image
image: setup         ## an OCI image in dist/, without a container engine; another machine: make image ARCH=arm64
	$(PY) scripts/image --arch $(or $(ARCH),amd64)

.PHONY: lock
lock: setup          ## pin what is installed now
	.venv/bin/pip freeze --exclude-editable | grep -v '^fairlead' > requirements.lock

.PHONY: clean
clean:
	rm -rf .venv .venv-coverage .venv-docs .venv-release build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

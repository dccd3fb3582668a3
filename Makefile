# `make test` and `make demo` need python3 >= 3.11 with venv and pip, and do the rest themselves.

PYTHON ?= python3
WORKERS ?= logical
MUTATION ?= --sample 500
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Each worker goes through the tests in order from a place of its own, so that what a file makes
# once is mostly made once.
SPREAD := -n $(WORKERS) --maxprocesses 8 --dist worksteal
COVERAGE := COVERAGE_RCFILE=tools/coverage.ini $(BIN)/python -m coverage
INSTALL := $(BIN)/python -m pip install --quiet --require-hashes --requirement
# Downloads and compiles on all CPUs, which takes a third of the time, but knows none of the places
# that pip was told to take packages from.
INSTALL_FAST := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
	--require-hashes --requirement
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	--extra dev pyproject.toml --output-file requirements.lock

# Modules of a cluster or an IDE put packages of their own on the path, and would win over .venv.
unexport PYTHONPATH PYTHONHOME
export PIP_USER := no
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types layers check lock upgrade benchmark benchmark-test \
	fuzz soak mutation coverage docs matrix release-check clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: .venv/.installed ## make .venv with the locked packages and this one

demo: .venv/.installed ## make a small study with a planted effect and find it again
	@$(BIN)/boldstream demo

test: .venv/.installed ## run the tests
	@echo "Running the tests ..."
	@$(PYTEST) -q -rs $(SPREAD)

check: lint types layers ## lint, types and import layers

lint: .venv/.installed ## rules and format of the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: .venv/.installed ## write the code in the one format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: .venv/.installed ## mypy --strict
	@$(BIN)/mypy

layers: .venv/.installed ## imports go down only
	@$(BIN)/lint-imports

lock: .venv/.installed ## write requirements.lock after pyproject.toml changed
	@$(LOCK)

upgrade: .venv/.installed ## write requirements.lock with the newest versions
	@$(LOCK) --upgrade

docs: .venv/.installed ## the documentation, with its gallery, in docs/_build/html
	@$(BIN)/python -m sphinx -W --keep-going -n -q -j auto docs docs/_build/html
	@echo "The documentation is docs/_build/html/index.html"

benchmark: .venv/.installed ## every figure beside its peers: an hour and 16 GB; QUICK=1: minutes
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(BENCHMARK)

benchmark-test: .venv/.installed ## the small form of those groups of the benchmark that take long
	@$(PYTEST) -q -m benchmark $(SPREAD)

fuzz: .venv/.installed ## thousands of made-up and damaged images
	@$(PYTEST) -m fuzz --hypothesis-profile=fuzz --timeout=0 $(SPREAD)

soak: .venv/.installed ## minutes of work; memory, files and threads must not grow
	@$(PYTEST) -m soak --timeout=0

mutation: .venv/.installed ## break the code line by line; a test must notice (MUTATION="--only PATH")
	@$(BIN)/python -m tools.mutation $(MUTATION)

# What runs in Python is measured as it is used; kernels, whose lines only the interpreter tells, by
# their own tests (a few of which hold of compiled code alone; what they run counts all the same).
coverage: .venv/.installed ## share of lines and branches that the tests run, kernels not compiled
	@$(COVERAGE) erase
	@$(COVERAGE) run -m pytest -q --tb=short $(SPREAD) --ignore=tests/benchmarks
	-@NUMBA_DISABLE_JIT=1 $(COVERAGE) run -m pytest -q --tb=no $(SPREAD) \
		-W "ignore:.* encountered in:RuntimeWarning" --timeout=60 \
		tests/kernels tests/streaming
	@$(COVERAGE) combine -q
	@$(COVERAGE) report

matrix: .venv/.installed ## the tests on every Python, with the oldest and the newest packages, without extras
	@$(BIN)/python -m tools.matrix $(MATRIX)

release-check: .venv/.installed ## build it; install and try it on every Python that is found
	@$(BIN)/python tools/release_check.py

clean: ## remove .venv and all caches
	@rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
		.mutation_cache .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "boldstream needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making a virtual environment in .venv ..."
	@$(PYTHON) -m venv --clear .venv || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the locked packages (about a minute) ..."
	@awk '/^[^ ]/ {ours = /^uv==/} ours' requirements.lock > .venv/uv.txt
	@$(INSTALL) .venv/uv.txt
	@if $(BIN)/python -m pip config list | grep -E 'index-url|no-index|proxy' >/dev/null; then \
		$(INSTALL) requirements.lock; \
	else \
		$(INSTALL_FAST) requirements.lock || { echo "Installing with pip instead ..." >&2; \
			$(INSTALL) requirements.lock; }; \
	fi
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	@echo "Installing boldstream ..."
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# make dashboard, make test: each makes .venv, installs what it needs the first time, and runs.

PYTHON ?= python3
EXTRA ?= cpu# or gpu
BIN := .venv/bin

.PHONY: dashboard lab test lint benchmark words

dashboard: .venv/.$(EXTRA)
	@$(BIN)/explorer

lab: .venv/.$(EXTRA)
	@$(BIN)/jupyter lab notebooks

test: .venv/.test
	$(BIN)/python -m pytest

lint: .venv/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

benchmark: .venv/.test
	for one in benchmarks/bench_*.py; do $(BIN)/python $$one || exit 1; done

words: .venv/.test
	$(BIN)/pybabel --quiet extract --omit-header --no-location --sort-output -k _ -k counted:1,2 -o explorer/locale/explorer.pot explorer

.venv/.test: PACKAGES = .[$(EXTRA),test]
.venv/.cpu: PACKAGES = .[cpu]
.venv/.gpu: PACKAGES = .[gpu]
.venv/.%: pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "Installing explorer and what it needs into .venv; the first time this takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable "$(PACKAGES)"
	@touch $@

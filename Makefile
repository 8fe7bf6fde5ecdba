# make dashboard, make test: each makes .venv, installs what it needs the first time, in the versions of constraints.txt, and runs.

PYTHON ?= python3
EXTRA ?= cpu# or gpu
VENV := .venv
LOCK := constraints.txt
BIN := $(VENV)/bin
TESTS := not slow# the markers of the tests to run

.PHONY: dashboard lab test test-latest fuzz lint lint-javascript docs benchmark words upgrade

dashboard: $(VENV)/.$(EXTRA)
	@$(BIN)/explorer

lab: $(VENV)/.$(EXTRA)
	@$(BIN)/jupyter lab notebooks

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "$(TESTS)"

# with the newest versions that pyproject.toml allows
test-latest:
	rm -rf .venv-latest
	$(MAKE) test VENV=.venv-latest LOCK=

# hostile files by new seeds, for ten minutes: make fuzz FUZZ="--seconds 60 --kinds pictures"
fuzz: $(VENV)/.test
	PYTHONPATH=tests/support:tests/hostile $(BIN)/python tests/hostile/fuzz.py $(FUZZ)

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@if command -v npm >/dev/null; then $(MAKE) lint-javascript; else echo "The JavaScript is not checked: that needs Node.js 18 or newer."; fi

lint-javascript: node_modules/.explorer
	npm run --silent check
	npm test --silent

node_modules/.explorer: package-lock.json
	npm ci --silent
	@touch $@

# as a site in docs/_build, which needs no network to be read
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going docs docs/_build

benchmark: $(VENV)/.test
	for one in benchmarks/bench_*.py; do $(BIN)/python $$one || exit 1; done

words: $(VENV)/.test
	$(BIN)/pybabel --quiet extract --omit-header --no-location --sort-output -k _ -k counted:1,2 -o explorer/locale/explorer.pot explorer

# the newest versions into constraints.txt, for every system and Python that pyproject.toml allows
upgrade: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --all-extras --fork-strategy fewest --no-annotate \
		--custom-compile-command "make upgrade" --output-file constraints.txt pyproject.toml

$(VENV)/.test: PACKAGES = .[$(EXTRA),test]
$(VENV)/.docs: PACKAGES = .[$(EXTRA),docs]
$(VENV)/.cpu: PACKAGES = .[cpu]
$(VENV)/.gpu: PACKAGES = .[gpu]
$(VENV)/.%: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing explorer and what it needs into $(VENV): about 0.6 GB to download and 2.6 GB on disk (far more for a GPU); this takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(LOCK:%=--constraint %) --editable "$(PACKAGES)"
	@touch $@

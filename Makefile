.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PYTEST := CI=true $(BIN)/python -m pytest -q
QUICK := $(addprefix tests/,config analysis runs/test_run_store.py runs/test_eta.py genome/test_codec.py \
  genome/test_text.py genome/test_golden.py genome/test_difference.py evolution/test_noise.py \
  evolution/test_racing.py data/test_files.py data/test_tables.py engine/test_budget.py \
  test_errors.py test_evaluation.py test_formatting.py test_pareto.py test_pinned.py)
# A plain path to this folder, which a folder that is also called evoae cannot hide.
PIP := $(BIN)/pip install -q --disable-pip-version-check --config-settings editable_mode=compat

run: .venv/.ready ## set up, run a small real search on Fashion-MNIST, print its hall of fame
	$(BIN)/evoae search --config configs/quickstart.yaml

test: .venv/.dev ## set up, run every test but those of `make slow`
	$(PYTEST) -n 2 --dist loadfile -m "not slow"

slow: .venv/.dev ## the long tests and whole matrices: before a change is called finished
	$(PYTEST) -n 2 --dist loadfile -m slow

quick: .venv/.dev ## tests of the rooms that train nothing, in a minute: while writing code
	$(PYTEST) -n 2 -m "not slow" $(QUICK)

check: lint types test ## everything CI runs, cheapest first

lint: .venv/.dev ## format, lint and the layers of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: .venv/.dev ## mypy, strict
	$(BIN)/mypy

docs: .venv/.dev ## run what README and docs promise, without the other tests
	$(PYTEST) tests/docs

format: .venv/.dev ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: .venv/.dev ## rewrite the golden files; review the diff
	$(BIN)/python -m tests.golden_genome --write
	$(BIN)/python -m tests.golden_json --write

reference: .venv/.dev ## rewrite docs/reference from schema, gene table, commands and docstrings
	$(BIN)/python tools/write_reference.py

bench: .venv/.dev ## measure: the epoch loop against Keras' fit, memory against its estimate
	$(BIN)/python benchmarks/fit_loop.py
	$(BIN)/python benchmarks/memory.py

pictures: .venv/.dev ## draw the pictures of README and docs; RUN=runs/NAME takes a search that is there
	$(BIN)/python tools/pictures.py $(RUN)
	$(BIN)/python -m benchmarks.search_quality draw --on digits
	$(BIN)/python -m benchmarks.search_quality draw --on fashion_mnist

clean: ## remove the environment and caches; runs/ stays
	rm -rf .venv build dist .*_cache *.egg-info

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/pip:
	sh tools/make-venv.sh "$(PYTHON)" .venv

.venv/.ready: pyproject.toml | .venv/bin/pip
	$(PIP) -e .
	touch $@

.venv/.dev: pyproject.toml | .venv/bin/pip
	$(PIP) -e '.[dev]'
	touch $@ .venv/.ready

.PHONY: run test slow quick check lint types docs format golden reference bench pictures clean help

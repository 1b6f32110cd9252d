# `make train` sets up and runs the main job; `make test` sets up and passes the gate: format,
# lint, types, tests, docs. `make quick` is the part of the tests that is fast; `make slow` the
# part that the gate leaves out: many kills, full disks, every odd case at full length.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCES = pyproject.toml

.PHONY: train test quick slow format bench docs tutorials site clean

train: $(VENV)/.core
	$(BIN)/mnistlab train

test: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" sh tools/gate

quick: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto -m "not slow and not network"

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto -m slow

format: $(VENV)/.dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/python -m tools.cli_docs --write
	$(BIN)/python -m tools.functions_docs --write
	$(BIN)/python -m tools.model_card --write

# Executes both tutorials from top to bottom; `WRITE=--write` keeps their outputs.
tutorials: $(VENV)/.dev
	$(BIN)/python -m tools.tutorials $(WRITE)

site: $(VENV)/.dev
	$(BIN)/python -m tools.site

bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks.tutorial

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.core: $(VENV)/.venv $(SOURCES)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

clean:
	rm -rf $(VENV) .site dist .mypy_cache .pytest_cache .ruff_cache

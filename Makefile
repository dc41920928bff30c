# Everything a newcomer types. Each target does all of its set-up in .venv and is quick the second time.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export RAY_USAGE_STATS_ENABLED = 0
export MLFLOW_DISABLE_TELEMETRY = true

.PHONY: setup demo test lint types imports slow faults clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(shell command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/hpo submit search_spaces/digits.yaml

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

# Two files of tests at a time, each on one thread: torch with two in each takes three times as long on two cores.
# The tests of trainables run apart: torch alone, without Ray's threads in its process.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test: lint types imports
	$(PYTEST) -m "not slow and not faults" --ignore tests/trainables
	$(PYTEST) -m "not slow and not faults" tests/trainables

slow: setup
	$(PYTEST) -m "slow and not faults" --ignore tests/trainables
	$(PYTEST) --dist worksteal -m "slow and not faults" tests/trainables

faults: setup
	$(BIN)/python -m pytest -m faults

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

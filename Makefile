# Everything a newcomer types. Each target does all of its set-up in .venv and is quick the second time.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export RAY_USAGE_STATS_ENABLED = 0
export MLFLOW_DISABLE_TELEMETRY = true

.PHONY: setup demo test lint types imports slow faults bom lock clean

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
	$(BIN)/bandit --quiet --recursive --severity-level medium hpo trainables

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

# Ray with its job server, for the test of jobs alone: all others run without it, as most users do.
JOBS := $(VENV)/jobs
$(JOBS)/.ready: $(READY) tests/faults/requirements-jobs.txt
	$(BIN)/python -m venv $(JOBS)
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
		> $$($(JOBS)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/hpo.pth
	$(JOBS)/bin/python -m pip install --quiet --constraint constraints.txt -r tests/faults/requirements-jobs.txt
	touch $@

# Slow tests wait for processes most of their time, those of trainables do not.
slow: $(JOBS)/.ready
	$(PYTEST) --numprocesses 3 -m "slow and not faults" --ignore tests/trainables
	$(PYTEST) --dist worksteal -m "slow and not faults" tests/trainables

faults: setup
	$(BIN)/python -m pytest -m faults

# What an installation consists of, as CycloneDX. The tool has a place of its own, so that it does not list itself.
bom: setup
	test -x $(VENV)/bom/bin/cyclonedx-py || $(BIN)/python -m venv $(VENV)/bom
	$(VENV)/bom/bin/python -m pip install --quiet cyclonedx-bom==7.5.0
	$(VENV)/bom/bin/cyclonedx-py environment --pyproject pyproject.toml --of JSON --output-file bom.json $(BIN)/python

# Hashes of what PyPI serves for the versions in constraints.txt; the comment at its top is kept.
lock: setup
	test -x $(VENV)/lock/bin/uv || $(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet uv==0.13.9
	grep '^#' requirements.lock > requirements.lock.new
	$(VENV)/lock/bin/uv pip compile pyproject.toml --all-extras --constraint constraints.txt --generate-hashes \
		--no-header --no-annotate --quiet --python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
		>> requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

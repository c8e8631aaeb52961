# Two commands matter: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.PHONY: demo test check bench mutation lock clean

# A commune to look at, until Ctrl-C; ARGS=--check plays one bulletin on four devices, says how it went and ends.
demo: $(VENV)/.demo
	$(BIN)/loa demo $(ARGS)

test: $(VENV)/.dev
	tests/system_packages.sh
	$(BIN)/python -m tests $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# Faults put into the rules of the air, one by one: how many do the tests notice? ARGS="policy" takes one subject.
mutation: $(VENV)/.dev
	$(BIN)/python -m tests.mutation $(ARGS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

lock:
	$(UV) --extra build --extra controller --extra agent --extra speech -o requirements.lock pyproject.toml
	$(UV) --extra build --extra controller --extra agent --extra speech --extra dev -o requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

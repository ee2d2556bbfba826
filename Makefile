# make quickstart   search a small network's designs on this machine, from nothing but Python
# make test         install what the tests need and run them
# make test-long    the few tests that would make that long
# make check        format, lint, types (of the built wheel) and tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: quickstart test test-long check lint types clean

quickstart: $(VENV)/.installed-all
	$(BIN)/cosearch run experiments/quickstart.yaml

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

test-long: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m long

check: lint types test

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# An editable install hides the package from mypy; the wheel also proves that the package list is complete.
types: $(VENV)/.installed-dev
	rm -rf build
	$(PIP) --no-deps --target build/wheel .
	MYPYPATH=build/wheel $(BIN)/mypy -p cosearch

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(VENV)
	@echo "installing cosearch[$*] into $(VENV) (once; some minutes on a slow line) ..."
	$(PIP) --editable ".[$*]"
	@touch $@

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cosearch needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build *.egg-info

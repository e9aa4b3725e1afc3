# Loss Lab: `make run` and `make test` are all that a newcomer needs.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run stop test check audit stress verify bench screenshot example exhibits chromium postgres clean

run: $(VENV)/installed
	@echo "Loss Lab is at http://$(HOST):$(PORT)"
	@$(BIN)/streamlit run app.py --server.address $(HOST) --server.port $(PORT)

stop: $(VENV)/installed
	@$(BIN)/python -m core.serve stop

test: $(VENV)/installed-dev chromium postgres
	$(BIN)/pytest --numprocesses 3 --dist worksteal -m "not thorough" tests/core tests/pages
	$(BIN)/pytest tests/browser -m "not thorough"

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive core pages app.py

# Faults that are known of the packages that are installed; it asks PyPI.
audit: $(VENV)/installed-dev
	@$(BIN)/python -m tests.audit

verify: $(VENV)/installed-dev chromium
	$(BIN)/pytest -s tests/verify
	$(BIN)/pytest --numprocesses 2 -m hypothesis --hypothesis-profile many tests/core tests/pages
	$(BIN)/pytest -m thorough tests/core tests/pages tests/browser
	LOSSLAB_START=spawn $(BIN)/pytest -m "not thorough" tests/core/engine tests/browser

stress: $(VENV)/installed-dev
	$(BIN)/python -m tests.stress

# Without JAX, which not every machine can have, the lines against it are left out.
bench: $(VENV)/installed-dev chromium
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt \
		|| echo "What requirements-bench.txt asks for can't be installed here."
	$(BIN)/python -m tests.benchmarks

screenshot: $(VENV)/installed-dev chromium
	$(BIN)/python -m tests.browser.screenshot

example: $(VENV)/installed
	$(BIN)/python -m core.example

exhibits: $(VENV)/installed
	$(BIN)/python -m core.exhibits

chromium: $(VENV)/installed-dev
	@$(BIN)/python -m tests.browser.chromium

# After Chromium, as Debian installs one thing at a time.
postgres: chromium
	@$(BIN)/python -m tests.core.store.postgres

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Loss Lab needs Python 3.11 or later; set PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/installed

# Loss Lab: `make run` and `make test` are all that a newcomer needs.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check verify bench screenshot example chromium clean

run: $(VENV)/installed
	@echo "Loss Lab is at http://$(HOST):$(PORT)"
	@$(BIN)/streamlit run app.py --server.address $(HOST) --server.port $(PORT)

test: $(VENV)/installed-dev chromium
	$(BIN)/pytest --numprocesses 2 tests/core tests/pages
	$(BIN)/pytest tests/browser -m "not thorough"

check: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

verify: $(VENV)/installed-dev chromium
	$(BIN)/pytest -s tests/verify
	$(BIN)/pytest --numprocesses 2 -m hypothesis --hypothesis-profile many tests/core tests/pages
	$(BIN)/pytest tests/browser -m thorough

bench: $(VENV)/installed-dev chromium
	$(BIN)/python -m tests.benchmarks

screenshot: $(VENV)/installed-dev chromium
	$(BIN)/python -m tests.browser.screenshot

example: $(VENV)/installed
	$(BIN)/python -m core.example

chromium: $(VENV)/installed-dev
	@$(BIN)/python -m tests.browser.chromium

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

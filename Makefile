# Everything runs in .venv, made on first use; a machine needs only Python >= 3.11 and the registries.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# A folder of wheels on disk, where the machine names one; uv stops on a missing folder, so ask first.
LINKS  := $(shell [ -d "$$PIP_FIND_LINKS" ] && echo --find-links "$$PIP_FIND_LINKS")

.PHONY: demo test lint bench clean

$(BIN)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(LINKS) -c constraints.txt -e '.[test,lint,bench]'
	touch $@

demo: $(BIN)/.ready
	$(BIN)/python -m eomap.demo

test: $(BIN)/.ready
	$(BIN)/python -m pytest

lint: $(BIN)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BIN)/.ready
	$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) build dist demo

# opacimeter: `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
# Two processes, each file in one of them: services and browsers are started once a file or session, and the long files come first.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
DEMO := work/demo

# Services and tests start many processes: without bytecode each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-train demo test test-train test-all check lint types fmt serve train folds export evaluate bench sample requirements clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

$(BIN)/opacimeter: requirements/service.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/service.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev: $(BIN)/opacimeter requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# torch first and by itself: its CPU build has no hash that holds everywhere.
$(VENV)/train: $(VENV)/dev
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[train]'
	@touch $@

setup: $(BIN)/opacimeter  ## the service and the command line, without torch

setup-train: $(VENV)/train  ## what training needs besides: torch, monai

demo: $(BIN)/opacimeter  ## assess the sample study and compare with its truth
	@rm -rf $(DEMO)
	@$(BIN)/opacimeter assess dicom_samples/phantom-001 --out $(DEMO) --json \
	  | $(BIN)/python -m training.phantom.compare dicom_samples/phantom-001.json
	@echo "Pictures and documents: $(DEMO)"

test: $(VENV)/dev  ## all tests that run without torch
	$(PYTEST)

test-train: $(VENV)/train  ## the tests that need torch
	$(PYTEST) -m train

test-all: $(VENV)/train  ## all tests
	$(PYTEST)

check: lint types  ## what must be clean before a commit

lint: $(VENV)/train
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/train
	$(BIN)/mypy

fmt: $(VENV)/dev  ## format and mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: $(BIN)/opacimeter  ## the service on http://127.0.0.1:8000
	$(BIN)/opacimeter serve

train: $(VENV)/train  ## train the model that ships; goes on where it was interrupted
	$(BIN)/python -m training.train

folds: $(VENV)/train  ## train the folds of the cross-validation
	for fold in a b c d; do $(BIN)/python -m training.train --fold $$fold || exit 1; done

export: $(VENV)/train  ## write the trained model into the bundle
	$(BIN)/python -m training.export

evaluate: $(VENV)/train  ## judge the bundle on patients it never saw; ARGS="--only studies …"
	$(BIN)/python -m training.evaluate $(ARGS)

bench: $(VENV)/dev  ## speed and memory, as a table
	$(BIN)/python -m tests.benchmarks.bench

sample: $(VENV)/dev  ## make dicom_samples/ again
	$(BIN)/python -m training.phantom --sample

requirements: $(VENV)/dev  ## pin the run-time and test requirements with hashes
	$(BIN)/pip install --quiet uv
	cd requirements && ../$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 ../pyproject.toml -o service.txt
	cd requirements && ../$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --extra dev -c service.txt ../pyproject.toml -o dev.txt

clean:  ## remove what was built
	rm -rf $(VENV) build dist work .pytest_cache .mypy_cache .ruff_cache

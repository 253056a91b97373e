# Everything a contributor runs. Needs make and Python 3.11 or newer; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Many tests wait for a process or for a clock, so a machine of two cores has room for a third one.
TESTERS ?= $(shell nproc 2>/dev/null | awk '{ print ($$1 < 3 ? 3 : $$1) }' || echo 3)
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs docs-check selftest bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.installed-dev ## install imageproof and all that tests and lint need into .venv
	@:

demo: $(VENV)/.installed-demo ## an image of each provider, gateways and clients verified, a short load run, reports to open
	@$(BIN)/python examples/demo.py

test: setup ## run the tests; skipped ones are listed with their reason
	@$(BIN)/python -m pytest --numprocesses=$(TESTERS) --dist=loadgroup --quiet $(ARGS)

lint: setup ## check style, format, types and import directions
	@$(BIN)/ruff check --quiet --output-format=concise .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo) || { echo "$$report"; exit 1; }
	@echo "lint: nothing to complain about"

docs: setup ## write the generated pages of docs/reference again
	@$(BIN)/python -m imageproof.cli.docs

docs-check: setup ## fail if a generated page of docs/reference is out of date
	@$(BIN)/python -m imageproof.cli.docs --check

selftest: setup ## run the gateway suite against mocks that break one rule each; writes docs/selftest.md
	@$(BIN)/python -m imageproof selftest --seeds 20 --table docs/selftest.md $(ARGS)

bench: setup ## measure the mock against its references (needs wrk; node, npm and Java for the peers)
	@command -v npm >/dev/null && npm install --prefix benchmarks/peers --silent --no-audit --no-fund || echo "bench: without npm the peers are left out"
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean: ## remove .venv, caches and everything that was built
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		imageproof-runs test-results tests/node/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per set of extras: installed again only when pyproject.toml changed.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@echo "installing imageproof[$*] into $(VENV) ..."
	@$(PIP) --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "imageproof needs Python 3.11 or newer, but there is no $(PYTHON)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and \
		"imageproof needs Python 3.11 or newer, but $(PYTHON) is " + v + "; name another: make PYTHON=/path/to/python")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# heavylift. Everything here needs python3 and make; each target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LIGHT := .venv-demo
PIP_OPTIONS := --progress-bar off --disable-pip-version-check -c constraints.txt
FETCHED := sed -n -u 's/^Collecting \([A-Za-z0-9._-]*\).*/  \1/p; s/^Installing collected.*/  unpacking .../p'

SHELL := bash
.SHELLFLAGS := -eo pipefail -c

.PHONY: help demo serve check test newest fuzz bench docs clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(LIGHT)/.ready ## run the main job once, on the embedded default
	PYTHONPATH=src $(LIGHT)/bin/python -m bench.demo

serve: $(LIGHT)/.ready ## run the service on http://127.0.0.1:8321/v1
	PYTHONPATH=src $(LIGHT)/bin/python -m heavylift.cli serve

check: $(READY) ## format, lint, types, import rules, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.engines
	$(BIN)/python -m pytest tests/house -q

test: $(READY) ## run every test; they wait more than they compute: four at a time (WORKERS=)
	$(BIN)/python -m tests.engines
	$(BIN)/python -m compileall -q src tests # thousands of processes start out of them, even where nobody keeps bytecode
	$(BIN)/python -m pytest -n $(or $(WORKERS),4) --dist loadgroup

fuzz: $(READY) ## a million nearly valid byte streams, ours against h11 (COUNT=, SEED=)
	$(BIN)/python -m tests.api.fuzz --count $(or $(COUNT),1000000) $(if $(SEED),--seed $(SEED))

newest: $(READY) ## run the tests that need no engine on the newest Python there is
	$(BIN)/python -m tests.newest

bench: $(READY) ## measure side by side
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench

docs: $(READY) ## write what is generated in docs/
	$(BIN)/python -m tests.house.reference

clean: ## forget what was set up
	rm -rf $(VENV) $(VENV)-newest $(LIGHT)

# uv fetches in seconds what takes pip half a minute. Where it cannot, since only pip is told of a mirror, pip does.
$(LIGHT)/.ready: pyproject.toml constraints.txt
	@echo 'Making $(LIGHT) for the service and the OpenAI client: 170 MB, once.'
	@$(PYTHON) -m venv $(LIGHT)
	@$(LIGHT)/bin/python -m bench.requirements demo > $(LIGHT)/requirements.txt
	@echo 'Fetching uv, which fetches the rest ...'
	@$(LIGHT)/bin/python -m pip install $(PIP_OPTIONS) --quiet --no-compile uv
	@$(LIGHT)/bin/uv pip install --python $(LIGHT)/bin/python -c constraints.txt -r $(LIGHT)/requirements.txt \
	  || $(LIGHT)/bin/python -m pip install $(PIP_OPTIONS) -r $(LIGHT)/requirements.txt | $(FETCHED)
	@touch $@

$(READY): pyproject.toml constraints.txt
	@echo 'Making $(VENV) with everything that the tests need, a PostgreSQL and two object stores among it (once; 700 MB):'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(PIP_OPTIONS) -e '.[dev]' | $(FETCHED)
	@touch $@

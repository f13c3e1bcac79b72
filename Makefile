# heavylift. Everything here needs python3 and make; each target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo serve check test newest fuzz bench docs clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(READY) ## run the main job once, on the embedded default
	$(BIN)/python -m bench.demo

serve: $(READY) ## run the service on http://127.0.0.1:8321/v1
	$(BIN)/heavylift serve

check: $(READY) ## format, lint, types, import rules, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.engines
	$(BIN)/python -m pytest tests/house -q

test: $(READY) ## run every test
	$(BIN)/python -m tests.engines
	$(BIN)/python -m pytest -n 2 --dist loadgroup

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
	rm -rf $(VENV) $(VENV)-newest

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

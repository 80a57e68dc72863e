# Each target works alone on a machine with Python 3.11+, git and make.
PY := .venv/bin/python
PYTEST_ARGS ?=
# Two workers, each with servers of its own; the tests of one file stay together.
pytest = $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# Runs a module of this repository, or says that it is missing.
module = @$(PY) scripts/run_module.py

.PHONY: help run test check fmt bench eval docs lock prove prove-data prove-quant prove-orders prove-ask
.DEFAULT_GOAL := help

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup setup-dev
setup:
	@PYTHON='$(PYTHON)' sh scripts/setup.sh run
setup-dev:
	@PYTHON='$(PYTHON)' sh scripts/setup.sh dev

run: setup ## Start the desk and print its address and login
	@exec .venv/bin/quantdesk run

test: setup-dev ## Run every test
	$(pytest) $(PYTEST_ARGS)

check: setup-dev ## Check format, lint, types, layers and the fast tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(pytest) -m "not slow and not browser" $(PYTEST_ARGS)

fmt: setup-dev ## Format the code and apply safe fixes
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: setup-dev ## Measure every claimed speed beside its peer
	$(module) benchmarks.bench

eval: setup-dev ## Evaluate the answers offline and write docs/evals.md
	$(PY) tests/evals/evaluate.py

docs: setup-dev ## Write the generated pages under docs/
	$(module) app.reference

lock: setup-dev ## Resolve the dependencies anew into the hashed locks
	@sh scripts/lock.sh

prove: setup-dev ## Show the product's claims on this machine, all parts
	$(module) benchmarks.prove all

prove-data: setup-dev ## ... the data claims
	$(module) benchmarks.prove data

prove-quant: setup-dev ## ... the quant claims
	$(module) benchmarks.prove quant

prove-orders: setup-dev ## ... the money path
	$(module) benchmarks.prove orders

prove-ask: setup-dev ## ... the answers
	$(module) benchmarks.prove ask

# Everything that a person or CI does here. `make` alone lists it.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# What the caller has set for another environment must not reach this one.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HERE := $(CURDIR)

BIN := .venv/bin
# Says that .venv is complete, and for which folder: the programs in it know where they were installed.
READY := .venv/ready-for
# The same of what `make bench` compares with.
PEERS_READY := .venv-bench/ready-for
SECONDS ?= 120
SEED ?= 1
MINUTES ?= 5
ROUNDS ?= 3
ROWS ?= 1000
OUT ?= sample.csv
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

.PHONY: help run test bench lint format unit integration e2e browser screenshots faults fuzz load requirements sample identity reprocess clean

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

run: $(READY) ## start everything here (PORT=8000), until Ctrl-C
	@$(BIN)/python -m local

test: lint ## lint, then every test, against real services; what CI runs
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

bench: $(READY) $(PEERS_READY) ## measure it beside other ways to do the same (ONLY=ingest,reads ROUNDS=3 LARGE=1)
	@$(BIN)/python -m bench --only "$(ONLY)" --rounds "$(ROUNDS)" $(if $(LARGE),--large)

lint: $(READY) ## ruff, mypy --strict, the import contracts, the deployment files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --quiet --schemafile deploy/schemas/heroku.json app.json
	$(BIN)/check-jsonschema --quiet --schemafile deploy/schemas/render.json render.yaml
	$(BIN)/check-jsonschema --quiet --schemafile deploy/schemas/railway.json railway.json railway.worker.json
	$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))

format: $(READY) ## let ruff lay out the code and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: $(READY) ## the tests that start nothing (ARGS=... goes to pytest)
	$(BIN)/python -m pytest tests/unit $(ARGS)

integration: $(READY) ## the tests against Postgres and Valkey
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/integration $(ARGS)

e2e: $(READY) ## the tests against the running program
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/e2e $(ARGS)

browser: $(READY) ## the tests of the pages, in Chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/browser $(ARGS)

screenshots: $(READY) ## a picture of each page, light and dark, into docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots docs/screenshots

faults: $(READY) ## kill, stop and cut off parts of the running program, and judge what it did (SECONDS=120 SEED=1)
	@$(BIN)/python -m tests.faults --seconds "$(SECONDS)" --seed "$(SEED)"

fuzz: $(READY) ## ask the running program everything its OpenAPI document allows and forbids (SECONDS=120 SEED=1)
	@$(BIN)/python -m tests.fuzz --seconds "$(SECONDS)" --seed "$(SEED)"

load: $(READY) ## mixed traffic for some minutes: errors, latencies, memory (MINUTES=5)
	@$(BIN)/python -m tests.load --minutes "$(MINUTES)"

requirements: $(READY) ## pin requirements*.in into requirements*.txt (UPGRADE=1 takes newer versions)
	$(BIN)/python -m pip install --quiet uv
	@for name in requirements requirements-dev bench/requirements; do \
		echo "$$name.in -> $$name.txt"; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			$(if $(UPGRADE),--upgrade) --output-file $$name.txt $$name.in || exit 1; \
	done

configuration: $(READY) ## write docs/CONFIGURATION.md and .env.example from the settings
	@$(BIN)/python -m scripts.configuration

image: $(READY) ## follow the Dockerfile without a container engine, and run what comes of it (as root, on Linux)
	@$(BIN)/python -m scripts.image

matrix: $(READY) ## the integration tests over each Postgres and Redis that pip has (ARGS=... goes to pytest)
	@$(BIN)/python -m scripts.matrix $(ARGS)

sample: $(READY) ## write a CSV file of any size (ROWS=1000 OUT=sample.csv)
	$(BIN)/python -m cli sample --rows "$(ROWS)" --out "$(OUT)"

identity: $(READY) ## how well coins are told apart: DIR=folder of coin lists and known pairs
	@$(BIN)/python -m scripts.identity "$(or $(DIR),tests/lists)"

reprocess: $(READY) ## rebuild identity and records from the kept quotes
	@$(BIN)/python -m cli reprocess

clean: ## remove .venv, .venv-bench and all caches; the data in .local stay
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew when this folder was moved or copied, for .venv can't be.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
ifneq ($(shell cat $(PEERS_READY) 2>/dev/null),$(CURDIR))
.PHONY: $(PEERS_READY)
endif

$(READY): requirements-dev.txt
	@if [ "$$(cat $@ 2>/dev/null || echo "$$HERE")" != "$$HERE" ] || ! $(BIN)/python $(NEW_ENOUGH); then \
		found=; \
		for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
			if "$$python" $(NEW_ENOUGH); then found=$$python; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "No Python 3.11 or newer was found: install one, or name it as in 'make run PYTHON=/opt/python/bin/python3'." >&2; \
			exit 1; \
		fi; \
		echo "Making .venv with $$("$$found" --version)..."; \
		"$$found" -m venv --clear .venv || { \
			echo "This Python can't make virtual environments: install its venv module (Debian: python3-venv)." >&2; exit 1; \
		}; \
	fi
	@echo "Installing the pinned requirements into .venv; the first time takes a minute or two..."
	@$(BIN)/python -m pip install --require-hashes -r requirements-dev.txt
	@echo "$$HERE" > $@

$(PEERS_READY): bench/requirements.txt | $(READY)
	@echo "Installing what the bench compares with into .venv-bench; the first time takes a minute or two..."
	@$(BIN)/python -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --require-hashes -r bench/requirements.txt
	@echo "$$HERE" > $@

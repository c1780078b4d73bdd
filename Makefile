# Needs Python 3.11 or newer and make; everything else goes into .venv. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
TYPED := posture inventory findings invariants sandbox deploy tests manage.py
# In the order of the folders, the longest test first (tests/conftest.py): by default the files with one
# test come last, and it is one of them.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
MAKEFLAGS += --no-print-directory

# What is installed is known by the lock's content, so that a checkout that only touches times costs nothing.
lock_sum = $(firstword $(shell cksum < $(1)))
LOCAL := .venv/.local-$(call lock_sum,requirements-local.lock)
DEV := .venv/.dev-$(call lock_sum,requirements-dev.lock)-$(call lock_sum,requirements-local.lock)

.DEFAULT_GOAL := help
.PHONY: help run reset test bench screenshots lint format types contracts templates migrations policy \
        dockerfile compose cloudformation licence-list licences sbom audit proofs security-docs tests lock secrets

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: $(LOCAL) ## Start Parapet with a sandbox AWS organisation (or your own: see .env.example)
	@$(PY) -m deploy.local.run

reset: $(LOCAL) ## Throw the local database, settings and logs away
	@$(PY) -m deploy.local.reset

test: lint types contracts templates dockerfile compose cloudformation licence-list proofs ## Everything that CI checks
	@$(PY) -m deploy.local.services --run -- $(MAKE) migrations policy tests

bench: $(DEV) ## Run every script of bench/ and publish docs/performance.md (an hour or more)
	@$(PY) -m deploy.local.services --run -- $(PY) -m bench

lint: $(DEV) ## Lint and check the format of the code
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== ruff format"
	@$(BIN)/ruff format --check .

format: $(DEV) ## Format the code and the templates
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .
	@find templates -name '*.html' -exec $(BIN)/djade {} +

types: $(DEV) ## Check the types
	@echo "== mypy"
	@POSTURE_IGNORE_ENV_FILES=1 $(BIN)/mypy $(TYPED)

contracts: $(DEV)
	@echo "== import contracts"
	@POSTURE_IGNORE_ENV_FILES=1 $(BIN)/lint-imports

templates: $(DEV)
	@echo "== template format"
	@find templates -name '*.html' -exec $(BIN)/djade --check {} +

dockerfile: $(DEV)
	@echo "== Dockerfile"
	@$(BIN)/hadolint Dockerfile

compose: $(DEV)
	@echo "== docker-compose.yml"
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

cloudformation: $(DEV)
	@echo "== CloudFormation templates"
	@$(BIN)/cfn-lint deploy/aws/*.yaml

licence-list: $(DEV)
	@echo "== docs/licences.md in step with requirements.lock"
	@$(PY) -m deploy.supply_chain licences --check

licences: $(DEV) ## Check the licences of all packages and write docs/licences.md
	@$(PY) -m deploy.supply_chain licences

sbom: $(DEV) ## Write the bill of materials (CycloneDX) to var/sbom.cdx.json
	@$(PY) -m deploy.supply_chain sbom

audit: $(DEV) ## Look up known vulnerabilities of every locked package (needs a service that knows them)
	@$(PY) -m deploy.supply_chain audit

proofs: $(DEV)
	@echo "== SECURITY.md and docs/security.md in step with the tests"
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m tests.guards.security_docs --check

security-docs: $(DEV) ## Write SECURITY.md's threats and docs/security.md from docs/threats.yaml and the tests
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m tests.guards.security_docs

# The three below need the servers: `make test` starts them.
migrations: $(DEV)
	@echo "== migrations in step with the models"
	@$(PY) manage.py makemigrations --check --dry-run

policy: $(DEV)
	@echo "== docs/iam-policy.json in step with the sources"
	@$(PY) manage.py iam_policy --check

tests: $(DEV)
	@echo "== tests"
	@$(BIN)/pytest $(PYTEST_ARGS)

screenshots: $(DEV) ## Take pictures of the pages of a running demo
	@$(PY) -m deploy.screenshots

lock: .venv/bin/uv ## Write the lock files anew from pyproject.toml
	@set -e; compile="$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet"; \
	echo uv | $$compile - -o requirements-uv.lock; \
	$$compile pyproject.toml -o requirements.lock; \
	$$compile pyproject.toml --group local -c requirements.lock -o requirements-local.lock; \
	$$compile pyproject.toml --group local --group dev -c requirements-local.lock -o requirements-dev.lock

secrets: ## Write the secret files that docker-compose.yml mounts, where they are not there yet
	@$(PYTHON) deploy/compose_secrets.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Parapet needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make run PYTHON=python3.12"; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv || { \
	  echo "Python's venv module is missing (on Debian and Ubuntu: apt-get install python3-venv)."; \
	  rm -rf .venv; exit 1; }

# uv is quick; where it cannot be had, pip does the same from the same lock.
.venv/bin/uv: | .venv/bin/python
	@$(PIP) -r requirements-uv.lock

# Exact versions and hashes. `uv pip install`, not `sync`: `make run` leaves the test tools alone.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
UV := $(BIN)/uv pip install --quiet --python $(PY) --require-hashes
install = test -x $(BIN)/uv || $(PIP) -r requirements-uv.lock || echo "uv cannot be installed; using pip."; \
	{ test -x $(BIN)/uv && $(UV) -r $(1); } || $(PIP) -r $(1)

$(LOCAL): | .venv/bin/python
	@echo "Installing requirements-local.lock ..."
	@$(call install,requirements-local.lock)
	@rm -f .venv/.local-*; touch $@

$(DEV): | .venv/bin/python
	@echo "Installing requirements-dev.lock ..."
	@$(call install,requirements-dev.lock)
	@rm -f .venv/.dev-* .venv/.local-*; touch $(LOCAL) $@

# Every target installs what it needs by itself; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
VENV := .venv/.ready

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}'

$(VENV): requirements-dev.lock scripts/venv.sh
	@scripts/venv.sh

.PHONY: venv
venv: $(VENV) ## the Python environment, from the locked requirements

.PHONY: lock
lock: $(VENV) ## lock the requirements anew, with hashes
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group dev -o requirements-dev.lock

.PHONY: lint
lint: $(VENV) ## ruff and import-linter
	ruff format --check --diff .
	ruff check .
	PYTHONPATH=operator lint-imports --no-cache

.PHONY: type
type: $(VENV) ## mypy --strict
	mypy -p offheap

.PHONY: test-unit
test-unit: $(VENV) ## fast tests of the pure core, in parallel, with coverage
	pytest tests/unit -n 2 --cov --cov-report=term:skip-covered

-include cluster/cluster.mk
-include images/images.mk

# Every target installs what it needs by itself; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.cluster/bin:$(PATH)
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
	mypy -p offheap -p cluster -p images.build -p demo

.PHONY: test-unit
test-unit: $(VENV) ## fast tests of the pure core, in parallel, with coverage
	pytest tests/unit -n 2 --cov --cov-report=term:skip-covered

.PHONY: crds
crds: $(VENV) ## generate crds/ from the models
	cd $(CURDIR) && PYTHONPATH=operator python -m offheap.api.crd

include cluster/cluster.mk
include images/images.mk
include demo/demo.mk
include tests/matrix/matrix.mk
include docs/docs.mk
include benchmarks/benchmarks.mk

.PHONY: operator-images
operator-images: $(VENV)
	@$(BUILD_IMAGE) operator
	@$(BUILD_IMAGE) collector

.PHONY: deploy
deploy: cluster-up operator-images ## install the operator into the cluster
	@$(CLUSTERCTL) load offheap/operator:dev offheap/collector:dev
	@scripts/deploy.sh

.PHONY: undeploy
undeploy: ## take the operator out of the cluster, in the order that leaves nothing behind
	@scripts/undeploy.sh

.PHONY: test-api
test-api: cluster-up ## accept and reject tests of the API against a real apiserver
	pytest tests/api -n 2

.PHONY: test-operator
test-operator: cluster-up ## the operator's loop in this process against a real apiserver
	pytest tests/operator

.PHONY: test-artifacts
test-artifacts: $(VENV) ## the store of artifacts against a real S3 server, full and read-only volumes
	pytest tests/artifacts

.PHONY: test
test: lint type test-unit test-artifacts test-api test-operator test-e2e ## every test there is

.PHONY: clean
clean: ## remove the environment and caches of this checkout (the cluster: make cluster-down)
	rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov

# The test cluster. CLUSTER_NAME=other is a second one beside it; CLUSTER=kind and CLUSTER=existing (with KUBECONFIG) use another kind.
CLUSTERCTL := $(CURDIR)/.venv/bin/python -m cluster
CLUSTER_FOLDER := $(CURDIR)/.cluster$(addprefix /,$(filter-out offheap,$(CLUSTER_NAME)))

# Whatever KUBECONFIG the shell has: only the cluster that cluster-up has seen to is ever changed. CLUSTER=existing copies it there.
GIVEN_KUBECONFIG := $(KUBECONFIG)
export KUBECONFIG := $(CLUSTER_FOLDER)/kubeconfig
export PATH := $(CLUSTER_FOLDER)/bin:$(PATH)

.PHONY: cluster-up
cluster-up: $(VENV) ## bring the test cluster up; its kubeconfig is .cluster/kubeconfig
	@KUBECONFIG='$(GIVEN_KUBECONFIG)' $(CLUSTERCTL) up

.PHONY: cluster-down
cluster-down: $(VENV) ## remove the test cluster without a trace
	@$(CLUSTERCTL) down

.PHONY: cluster-status
cluster-status: $(VENV) ## say which parts of the test cluster run
	@$(CLUSTERCTL) status

.PHONY: image-load
image-load: $(VENV) ## put built images into the cluster's node: make image-load IMAGE=offheap/operator:dev
	@$(CLUSTERCTL) load $(or $(IMAGE),$(error IMAGE=… says which images))

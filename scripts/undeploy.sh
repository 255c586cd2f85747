#!/usr/bin/env bash
# Takes the operator out: first the investigations (the operator puts their targets back), then the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
cluster=$PWD/.cluster; [ "${CLUSTER_NAME:-offheap}" = offheap ] || cluster=$cluster/$CLUSTER_NAME
export KUBECONFIG=$cluster/kubeconfig PATH=$cluster/bin:$PATH
echo "· deleting the investigations; their targets are put back"
kubectl delete memoryinvestigations --all --all-namespaces --timeout=300s
echo "· removing the operator"
kubectl delete -k manifests --ignore-not-found --timeout=120s

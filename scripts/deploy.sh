#!/usr/bin/env bash
# Installs the operator into the cluster that CLUSTER_NAME says, from images that are built already, and waits until it serves.
# The keys of the images' content go into the template, so that a rebuilt image under the same tag is rolled out.
set -euo pipefail
cd "$(dirname "$0")/.."
cluster=$PWD/.cluster; [ "${CLUSTER_NAME:-offheap}" = offheap ] || cluster=$cluster/$CLUSTER_NAME
export KUBECONFIG=$cluster/kubeconfig PATH=$cluster/bin:$PATH
namespace=offheap-system
ids=$(.venv/bin/python -m images.build --keys operator collector)

echo "· installing the operator (kubectl apply -k manifests)"
kubectl apply --server-side --force-conflicts --field-manager=offheap-install -k manifests >/dev/null
kubectl wait --for=condition=Established --timeout=60s crd/memoryinvestigations.offheap.dev >/dev/null
patch=$(printf '{"spec":{"template":{"metadata":{"annotations":{"offheap.dev/image-ids":"%s"}}}}}' "$ids")
kubectl -n "$namespace" patch deployment offheap-operator --field-manager=offheap-image-ids -p "$patch" >/dev/null
if ! kubectl -n "$namespace" rollout status deployment/offheap-operator --timeout=180s; then
    kubectl -n "$namespace" describe pods | tail -40 >&2
    kubectl -n "$namespace" logs deployment/offheap-operator --tail=40 >&2 || true
    exit 1
fi

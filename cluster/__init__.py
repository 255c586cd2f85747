"""The test cluster: a whole Kubernetes node, control plane included, as plain processes in one network namespace.

It exists because the tests and the demo need a real cluster where there is neither a kubeconfig nor a container engine.
`python -m cluster up|down|status|load` is its command line; README.md beside this file says how it works.
"""

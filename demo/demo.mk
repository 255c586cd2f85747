# The demo, and the end-to-end tests on the same ground: the cluster, the operator in it, the images of the lab.
LAB_IMAGES := $(addprefix lab-jdk,8 11 17 21 25)

.PHONY: demo
demo: deploy ## from nothing to a verdict: cluster, operator, a leaking service, one resource, the answer
	@$(BUILD_IMAGE) lab-jdk21
	@$(CLUSTERCTL) load offheap/lab-jdk21:dev
	@PYTHONPATH=operator python -m demo

.PHONY: lab-images
lab-images: cluster-up
	@$(BUILD_IMAGE) $(LAB_IMAGES)
	@$(CLUSTERCTL) load $(LAB_IMAGES:%=offheap/%:dev)

.PHONY: test-e2e
test-e2e: deploy lab-images ## the promise on the real cluster: verdicts, restoring, bad input, rest
	pytest tests/e2e --ignore tests/e2e/alone -n 6
	pytest tests/e2e/alone

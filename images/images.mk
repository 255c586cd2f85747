# The images: `make images` builds all of them, `make image-NAME` one (operator, collector, lab-jdk8 … lab-jdk25).
BUILD_IMAGE := $(CURDIR)/.venv/bin/python -m images.build

.PHONY: images
images: $(VENV) ## build all images that have changed
	@$(BUILD_IMAGE)

image-%: $(VENV)
	@$(BUILD_IMAGE) $*

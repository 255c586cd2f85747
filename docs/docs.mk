# docs/reference is made from the models, the probes and the NMT categories; tests/unit/docs fails when it drifts.
.PHONY: docs
docs: $(VENV) ## generate docs/reference from the code
	@PYTHONPATH=operator python -m docs.generate

# The probe matrix takes a quarter of an hour: it is made by hand when probes have changed, and its page is committed.
.PHONY: probe-matrix
probe-matrix: deploy lab-images ## try every probe on JDK 8 to 25, root and not, read-only and not: docs/reference/probe-matrix.md
	@PYTHONPATH=operator python -m tests.matrix

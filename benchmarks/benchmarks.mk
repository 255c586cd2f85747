# Benchmarks: each prints what it compares; none of them is a test.
.PHONY: bench-heap
bench-heap: $(VENV) ## our reader of heap profiles against jeprof
	@PYTHONPATH=$(CURDIR) python benchmarks/heap_v2.py

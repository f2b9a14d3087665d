# Benchmarks print figures; they are not tests and nothing depends on them.
.PHONY: bench
bench: all $(BENCHES)

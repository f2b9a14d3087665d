# Benchmarks print figures, as ratios measured in one run; they are no tests,
# and nothing depends on them. The login needs root and a running gateway with
# an account and its key: `./demo bench` runs all of it on the demo's gateway.
BENCH_ACCOUNT = 25880
BENCH_KEY =

EXTRA_PROGRAMS += %D%/bench_keys
EXTRA_DIST += %D%/bench_login

bench_bench_keys_SOURCES = %D%/bench_keys.c %D%/bench_spawn.c %D%/bench_spawn.h
bench_bench_keys_LDADD = libviewwriter.la libfingerprint.la

.PHONY: bench bench-keys bench-login
bench: bench-keys bench-login

bench-keys: %D%/bench_keys enscale_keys/enscale-keys
	%D%/bench_keys $(abs_builddir)/enscale_keys/enscale-keys

bench-login:
	@if test -z '$(BENCH_KEY)'; then \
		echo 'bench-login: no BENCH_KEY=FILE given: left out'; \
	else \
		$(srcdir)/%D%/bench_login --account $(BENCH_ACCOUNT) \
			--key $(BENCH_KEY); \
	fi

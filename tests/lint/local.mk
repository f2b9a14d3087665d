# What tools say about the sources. `make lint' takes seconds, and what it needs
# is on tests/hosts/packages; `make lint-deep' takes a minute, and needs what is
# on tests/hosts/packages-lint, too. `make format' writes C as lint wants it. How
# clang-format does so differs between its versions: the tree is in the form of
# CLANG_FORMAT's, Debian 12's.
CLANG_FORMAT = clang-format
CLANG_TIDY = clang-tidy
CPPCHECK = cppcheck
MANDOC = mandoc
SHELLCHECK = shellcheck
LINT_JOBS = $$(nproc)

# All of C; of that, what is installed; and what a shell reads.
lint_c = $(filter %.c %.h,$(sort $(DIST_SOURCES))) \
	$$(ls tests/system/*.c)
lint_programs = $(addprefix $(srcdir)/,$(filter-out bench/% fuzz/% tests/%, \
	$(filter %.c,$(sort $(DIST_SOURCES)))))
lint_shell = $$(grep -lErI '^\#!/bin/(ba)?sh' .ci check demo contrib debian \
	directory gateway node tests)

lint: lint-format lint-habits lint-shell lint-pages
lint-deep: lint-cppcheck lint-tidy lint-analyzer
.PHONY: lint lint-deep lint-format lint-habits lint-shell lint-pages \
	lint-cppcheck lint-tidy lint-analyzer format

lint-format:
	cd $(srcdir) && $(CLANG_FORMAT) --dry-run -Werror $(lint_c)

format:
	cd $(srcdir) && $(CLANG_FORMAT) -i $(lint_c)

lint-habits:
	cd $(srcdir) && tests/lint/habits $(lint_c)

lint-shell:
	cd $(srcdir) && $(SHELLCHECK) --severity=warning $(lint_shell)

# Which pages of others are installed, and indexed, differs from host to host.
lint-pages:
	command -v $(MANDOC)
	cd $(srcdir) && ! $(MANDOC) -T lint man/*.[1-8] 2>/dev/null | \
		grep -v 'referenced manual not found'

# It follows neither the cleanup attribute nor an array that a loop ends in.
lint-cppcheck:
	$(CPPCHECK) --quiet --std=c11 --error-exitcode=1 \
		--enable=warning,performance,portability \
		--suppress=memleak --suppress=resourceLeak \
		--suppress=uninitvar --suppress=missingIncludeSystem \
		--suppress=returnDanglingLifetime \
		--suppress=arrayIndexThenCheck \
		--include=$$(echo '#include <sys/queue.h>' | \
			$(CPP) -M - | grep -o '/[^ ]*/sys/queue\.h') \
		-I. $(AM_CPPFLAGS) $(lint_programs)

lint_flags = $(DEFS) -I. $(AM_CPPFLAGS) -std=gnu11 -O2 \
	$(CRYPTO_CFLAGS) $(INIH_CFLAGS) $(JANSSON_CFLAGS) $(LBER_CFLAGS) \
	$(LDAP_CFLAGS) $(SYSTEMD_CFLAGS)

lint-tidy:
	printf '%s\n' $(lint_programs) | xargs -P $(LINT_JOBS) -I @@ \
		$(CLANG_TIDY) --quiet @@ -- $(lint_flags)

# What it takes for a fault is a list of sys/queue.h, or a struct that a
# function returns.
lint-analyzer:
	printf '%s\n' $(lint_programs) | xargs -P $(LINT_JOBS) -n 1 \
		$(CC) $(lint_flags) -fanalyzer -Werror \
		-Wno-analyzer-double-free -Wno-analyzer-malloc-leak \
		-Wno-analyzer-use-of-uninitialized-value -c -o /dev/null

# Which lines the unit tests run: a build of its own, below the folder coverage,
# with what they say in coverage/check.log.
# (What system tests run, too: ./check --coverage.)
coverage:
	$(MKDIR_P) coverage
	cd coverage && $(abs_srcdir)/configure CC='$(CC)' \
		CFLAGS='-O0 -g --coverage' >configure.log
	-$(MAKE) -C coverage -k check >coverage/check.log 2>&1
	$(srcdir)/tests/lint/coverage coverage $(srcdir)
.PHONY: coverage
EXTRA_DIST += %D%/coverage %D%/habits

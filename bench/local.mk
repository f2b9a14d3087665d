# Benchmarks print figures, as ratios measured in one run; they are no tests,
# and nothing depends on them. The login needs root and a running gateway with
# an account and its key: `./demo bench` runs all of it on the demo's gateway.
BENCH_ACCOUNT = 25880
BENCH_NODE = 124718
BENCH_KEY =

EXTRA_PROGRAMS += %D%/bench_keys
EXTRA_DIST += %D%/bench_login %D%/bench_peers %D%/peers %D%/FIGURES %D%/bench_hop
EXTRA_DIST += %D%/bench_user.py %D%/bench_ending %D%/bench_limits
EXTRA_DIST += %D%/bench_sync %D%/make_accounts
EXTRA_DIST += %D%/bench_import %D%/bench_directory.py

bench_bench_keys_SOURCES = %D%/bench_keys.c %D%/bench_spawn.c %D%/bench_spawn.h
bench_bench_keys_LDADD = libviewwriter.la libfingerprint.la

# Modules with a folder and a map of their own; -rpath, because libtool makes
# no shared object of what is not installed.
EXTRA_LTLIBRARIES = %D%/libnss_constant.la %D%/libnss_enscale.la
EXTRA_PROGRAMS += %D%/bench_nss
BENCH_NSS_MAP = -DENS_NSS_MAP_FILE='"bench_nss.map"'
BENCH_MODULE_LDFLAGS = $(AM_LDFLAGS) $(ENS_MODULE_LDFLAGS) -module \
	-version-info 2:0:0 -rpath /nonexistent

bench_libnss_constant_la_SOURCES = %D%/nss_constant.c
bench_libnss_constant_la_LDFLAGS = $(BENCH_MODULE_LDFLAGS)
bench_libnss_enscale_la_SOURCES = $(libnss_enscale_la_SOURCES)
bench_libnss_enscale_la_CPPFLAGS = $(AM_CPPFLAGS) $(BENCH_NSS_MAP)
bench_libnss_enscale_la_LDFLAGS = $(BENCH_MODULE_LDFLAGS) \
	-Wl,-z,nodelete
bench_bench_nss_SOURCES = %D%/bench_nss.c %D%/bench_spawn.c %D%/bench_spawn.h
bench_bench_nss_CPPFLAGS = $(AM_CPPFLAGS) $(BENCH_NSS_MAP)
bench_bench_nss_LDADD = libcommon.la

EXTRA_PROGRAMS += %D%/bench_commands
bench_bench_commands_SOURCES = %D%/bench_commands.c %D%/bench_spawn.c \
	%D%/bench_spawn.h
bench_bench_commands_LDADD = libcommon.la

.PHONY: bench bench-hop bench-keys bench-login bench-nss bench-peers
bench: bench-nss bench-keys bench-login bench-hop
# The follower: needs Debian's slapd and room in /var/tmp, no gateway.
# BENCH_ACCOUNTS=1000,100000,1000000 takes 6 GB and some minutes.
BENCH_ACCOUNTS = 1000,100000
EXTRA_PROGRAMS += %D%/bench_sync_client
bench_bench_sync_client_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
bench_bench_sync_client_SOURCES = %D%/bench_sync_client.c
bench_bench_sync_client_LDADD = libview.la $(LDAP_LIBS)

.PHONY: bench-import bench-sync

bench-nss: %D%/bench_nss %D%/libnss_constant.la %D%/libnss_enscale.la
	LD_LIBRARY_PATH=$(abs_builddir)/%D%/.libs %D%/bench_nss

bench-keys: %D%/bench_keys enscale_keys/enscale-keys
	%D%/bench_keys $(abs_builddir)/enscale_keys/enscale-keys

bench-login:
	@if test -z '$(BENCH_KEY)'; then \
		echo 'bench-login: no BENCH_KEY=FILE given: left out'; \
	else \
		$(srcdir)/%D%/bench_login --account $(BENCH_ACCOUNT) \
			--key $(BENCH_KEY); \
	fi

# Against SSSD, nslcd and libnss-cache, on a host that may be thrown away:
# `./demo bench peers` makes one.
bench-peers: %D%/bench_nss %D%/bench_commands %D%/libnss_constant.la
	$(srcdir)/%D%/bench_peers --build $(abs_builddir) $(BENCH_PEERS_FLAGS)

bench-sync: %D%/bench_sync_client enscale_sync/enscale-sync
	$(srcdir)/%D%/bench_sync --build $(abs_builddir) \
		--accounts $(BENCH_ACCOUNTS)

# enscalectl import against ldapadd; needs the same.
BENCH_IMPORT_ACCOUNTS = 10000
bench-import: enscalectl/enscalectl
	$(srcdir)/%D%/bench_import --build $(abs_builddir) \
		--accounts $(BENCH_IMPORT_ACCOUNTS)

bench-hop:
	@if test -z '$(BENCH_KEY)'; then \
		echo 'bench-hop: no BENCH_KEY=FILE given: left out'; \
	else \
		$(srcdir)/%D%/bench_hop --key $(BENCH_KEY) \
			--login $(BENCH_NODE)-$(BENCH_ACCOUNT); \
	fi

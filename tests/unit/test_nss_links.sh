#!/bin/sh
# The NSS module exports what glibc looks for and nothing else, links libc
# and nothing else, and is hardened.
so=$ENS_BUILDDIR/.libs/libnss_enscale.so.2
failed=0

fail() {
	echo "$so: $*" >&2
	failed=1
}

exports=$(nm -D --defined-only "$so" | sed 's/.* //' |
	grep -v '^_nss_enscale_')
test -z "$exports" || fail "exports $exports"

readelf -d "$so" | grep -q 'SONAME.*\[libnss_enscale\.so\.2\]' ||
	fail "has another soname"

# What a sanitizer adds is not ours.
if ! nm -D "$so" | grep -q '__asan_\|__ubsan_\|__tsan_'; then
	needed=$(readelf -d "$so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
	test "$needed" = libc.so.6 || fail "links $needed"
	for call in malloc calloc getenv getpwnam getpwnam_r syslog \
	    pthread_mutex_lock; do
		nm -D --undefined-only "$so" | grep -q " U $call@" &&
			fail "calls $call"
	done
fi
readelf -d "$so" | grep -q TEXTREL && fail "has text relocations"
readelf -d "$so" | grep -q 'FLAGS_1.*NOW.*NODELETE' ||
	fail "is not linked with now and nodelete"
readelf -lW "$so" | grep -q GNU_RELRO || fail "has no relro"

exit $failed

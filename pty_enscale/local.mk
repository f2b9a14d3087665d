# Preloaded into enscale-sshd by enscale-sshd-start: one function, libc only.
enscalelibexec_LTLIBRARIES += pty_enscale.la
pty_enscale_la_SOURCES = %D%/openpty.c
pty_enscale_la_CFLAGS = $(AM_CFLAGS)
pty_enscale_la_LDFLAGS = $(AM_LDFLAGS) $(ENS_MODULE_LDFLAGS) \
	-module -shared -avoid-version -export-symbols-regex '^openpty$$'

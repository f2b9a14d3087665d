# The login shell of every account. Links libc and libjansson, no more.
bin_PROGRAMS += enscale-shell
noinst_LTLIBRARIES += libshell.la

# What its unit tests link.
libshell_la_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/child_env.c %D%/child_env.h \
	%D%/commands.c %D%/commands.h \
	%D%/connect_lines.c %D%/connect_lines.h \
	%D%/forwarded_agent.c %D%/forwarded_agent.h \
	%D%/guard_client.c %D%/guard_client.h \
	%D%/hop.c %D%/hop.h \
	%D%/hop_confinement.c %D%/hop_confinement.h \
	%D%/keys.c %D%/keys.h \
	%D%/listing.c %D%/listing.h \
	%D%/menu.c %D%/menu.h \
	%D%/menu_find.c \
	%D%/menu_input.c %D%/menu_input.h \
	%D%/menu_line.c %D%/menu_line.h \
	%D%/menu_text.c \
	%D%/monitor.c %D%/monitor.h \
	%D%/nodes.c %D%/nodes.h \
	%D%/output.c %D%/output.h \
	%D%/programs.c %D%/programs.h \
	%D%/say.c %D%/say.h \
	%D%/sessions.c %D%/sessions.h \
	%D%/settings.c %D%/settings.h \
	%D%/shell.c %D%/shell.h \
	%D%/shell_confinement.c %D%/shell_confinement.h \
	%D%/ssh_log.c %D%/ssh_log.h \
	%D%/ssh_options.c %D%/ssh_options.h \
	%D%/syscall_filter.c %D%/syscall_filter.h \
	%D%/table.c %D%/table.h \
	%D%/terminal.c %D%/terminal.h \
	%D%/visits.c %D%/visits.h
libshell_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libshell_la_LIBADD = libfieldsjson.la libprogram.la $(JANSSON_LIBS)

enscale_shell_SOURCES = %D%/enscale_shell.c
enscale_shell_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
enscale_shell_LDADD = libshell.la

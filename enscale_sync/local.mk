# In the order of the data: source, follow, state, derive, publish. The library is for
# the tests: enscale-sync is main.c and this.
noinst_LTLIBRARIES += libsync.la libviewwriter.la

# The writer's side of the view.
libviewwriter_la_SOURCES = \
	%D%/segment_writer.c %D%/segment_writer.h \
	%D%/view_merge.c \
	%D%/view_writer.c %D%/view_writer.h
libviewwriter_la_LIBADD = libview.la

libsync_la_SOURCES = \
	%D%/comparison.c %D%/comparison.h \
	%D%/control.c %D%/control.h \
	%D%/derive.c %D%/derive.h \
	%D%/entry_codec.c %D%/entry_codec.h \
	%D%/excess.c %D%/excess.h \
	%D%/follow.c %D%/follow.h %D%/follow_private.h \
	%D%/follow_compare.c \
	%D%/follow_done.c \
	%D%/follow_guard.c \
	%D%/follow_hold.c \
	%D%/follow_judge.c %D%/follow_judge.h \
	%D%/follow_messages.c \
	%D%/follow_names.c \
	%D%/follow_publish.c \
	%D%/follow_take.c \
	%D%/follow_write.c \
	%D%/metrics.c %D%/metrics.h \
	%D%/orphans.c %D%/orphans.h \
	%D%/publish.c %D%/publish.h \
	%D%/report.c %D%/report.h \
	%D%/rights.c %D%/rights.h \
	%D%/shrink.c %D%/shrink.h \
	%D%/source.c %D%/source.h %D%/source_type.h \
	%D%/source_compare.c %D%/source_compare.h \
	%D%/source_file.c \
	%D%/source_ldap.c \
	%D%/source_poll.c %D%/source_poll_private.h %D%/poll_round.c \
	%D%/poll_queue.c %D%/poll_queue.h \
	%D%/source_session.c %D%/source_session.h \
	%D%/state.c %D%/state.h %D%/state_private.h \
	%D%/state_build.c \
	%D%/state_changes.c \
	%D%/state_check.c \
	%D%/state_entry.c \
	%D%/state_excess.c \
	%D%/state_info.c \
	%D%/state_kept.c \
	%D%/state_lessen.c \
	%D%/state_marks.c \
	%D%/state_read.c \
	%D%/state_names.c \
	%D%/state_stash.c \
	%D%/state_warned.c \
	%D%/status.c %D%/status.h \
	%D%/subject_map.c %D%/subject_map.h \
	%D%/uuid_list.c %D%/uuid_list.h \
	%D%/uuid_set.c %D%/uuid_set.h
libsync_la_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(SYSTEMD_CFLAGS)
libsync_la_LIBADD = libldapside.la libviewwriter.la libconfig.la \
	libfingerprint.la libdaemon.la $(LMDB_LIBS) $(SYSTEMD_LIBS)

enscalelibexec_PROGRAMS += %D%/enscale-sync
%C%_enscale_sync_SOURCES = %D%/main.c
%C%_enscale_sync_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_enscale_sync_LDADD = libsync.la

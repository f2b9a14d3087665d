# What an administrator asks of a gateway. The program has its folder's name,
# so it is built in there.
bin_PROGRAMS += %D%/enscalectl
noinst_LTLIBRARIES += libcakey.la

# What its unit tests link.
libcakey_la_SOURCES = \
	%D%/ca_key.c %D%/ca_key.h \
	%D%/ca_list.c %D%/ca_list.h \
	%D%/ca_slot.c %D%/ca_slot.h \
	%D%/new_file.c %D%/new_file.h
libcakey_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
libcakey_la_LIBADD = libfingerprint.la libcommon.la $(CRYPTO_LIBS)

noinst_LTLIBRARIES += libviewcheck.la
libviewcheck_la_SOURCES = %D%/view_check.c %D%/view_check.h
libviewcheck_la_LIBADD = libview.la libfingerprint.la

noinst_LTLIBRARIES += libconftext.la
libconftext_la_SOURCES = %D%/conf_text.c %D%/conf_text.h

noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	%D%/as_user.c %D%/as_user.h \
	%D%/doctor_report.c %D%/doctor_report.h \
	%D%/listeners.c %D%/listeners.h \
	%D%/options.c %D%/options.h \
	%D%/output.c %D%/output.h \
	%D%/terminal.c %D%/terminal.h
libctl_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libctl_la_LIBADD = libcommon.la $(JANSSON_LIBS)

noinst_LTLIBRARIES += libchanges.la
libchanges_la_SOURCES = %D%/changes.c %D%/changes.h
libchanges_la_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)

noinst_LTLIBRARIES += libauditlog.la
libauditlog_la_SOURCES = \
	%D%/audit.c \
	%D%/audit_files.c %D%/audit_files.h
libauditlog_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libauditlog_la_LIBADD = libdirectory.la

noinst_LTLIBRARIES += libcsv.la
libcsv_la_SOURCES = %D%/csv.c %D%/csv.h
libcsv_la_LIBADD = libcommon.la

noinst_LTLIBRARIES += libdirectory.la
libdirectory_la_SOURCES = \
	%D%/columns.c %D%/columns.h \
	%D%/directory.c %D%/directory.h %D%/directory_private.h \
	%D%/directory_read.c \
	%D%/directory_write.c \
	%D%/import_items.c \
	%D%/key_pem.c %D%/key_pem.h \
	%D%/key_read.c %D%/key_read.h \
	%D%/pool.c %D%/pool.h \
	%D%/records.c %D%/records.h \
	%D%/request.c %D%/request.h \
	%D%/tree.c %D%/tree.h
libdirectory_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(LDAP_CFLAGS)
libdirectory_la_LIBADD = libchanges.la libctl.la libldapside.la libview.la libconfig.la \
	libfingerprint.la $(CRYPTO_LIBS)

%C%_enscalectl_SOURCES = \
	%D%/account.c \
	%D%/account_show.c \
	%D%/act.c %D%/act.h \
	%D%/ca.c %D%/ca.h \
	%D%/ca_revoke.c \
	%D%/ca_rotate.c \
	%D%/command.c %D%/command.h \
	%D%/completion.c \
	%D%/config_check.c \
	%D%/config_files.c %D%/config_files.h \
	%D%/directory_look.c %D%/directory_look.h \
	%D%/doctor.c %D%/doctor.h \
	%D%/doctor_checks.c \
	%D%/doctor_config.c \
	%D%/doctor_daemons.c \
	%D%/doctor_host.c \
	%D%/doctor_keys.c \
	%D%/doctor_local.c \
	%D%/doctor_login.c \
	%D%/doctor_names.c \
	%D%/doctor_sshd.c \
	%D%/enrol.h \
	%D%/enrol_here.c \
	%D%/enrol_host.c \
	%D%/enrol_stage.c \
	%D%/enscalectl.c \
	%D%/environment.c \
	%D%/export.c \
	%D%/gate.c %D%/gate.h \
	%D%/host_keys.c %D%/host_keys.h \
	%D%/history.c %D%/history.h \
	%D%/import.c %D%/import.h \
	%D%/import_keys.c \
	%D%/import_look.c \
	%D%/import_progress.c %D%/import_progress.h \
	%D%/import_read.c \
	%D%/import_write.c \
	%D%/key.c \
	%D%/key_add.c \
	%D%/key_list.c %D%/key_list.h \
	%D%/login_here.c %D%/login_here.h \
	%D%/name.c \
	%D%/node.c \
	%D%/node_directory.c %D%/node_directory.h \
	%D%/node_enrol.c \
	%D%/node_entry.c %D%/node_entry.h \
	%D%/node_host.c %D%/node_host.h \
	%D%/operator.c %D%/operator.h \
	%D%/probe.c %D%/probe.h \
	%D%/probe_key.c \
	%D%/published.c %D%/published.h \
	%D%/refusal.c %D%/refusal.h \
	%D%/session.c \
	%D%/settings.c \
	%D%/setup.c %D%/setup.h \
	%D%/setup_answers.c \
	%D%/setup_kept.c \
	%D%/setup_look.c \
	%D%/setup_steps.c \
	%D%/setup_terminal.c \
	%D%/setup_units.c \
	%D%/sshd_settings.c %D%/sshd_settings.h \
	%D%/status.c %D%/status.h \
	%D%/survey.c %D%/survey.h \
	%D%/survey_389.c \
	%D%/survey_eyes.c \
	%D%/survey_rows.c \
	%D%/survey_settings.c \
	%D%/survey_slapd.c \
	%D%/survey_tls.c \
	%D%/sync.c \
	%D%/task.c %D%/task.h \
	%D%/verb.h \
	%D%/view.c \
	%D%/view_json.c %D%/view_json.h \
	%D%/view_verify.h \
	%D%/who.c \
	nss_enscale/entry.c nss_enscale/entry.h \
	pam_enscale/name_service.c pam_enscale/name_service.h
%C%_enscalectl_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(LDAP_CFLAGS) \
	-DENS_PREFIX_LIB='"$(prefix)/lib"'
%C%_enscalectl_LDADD = libprogram.la libauditlog.la libcakey.la libchanges.la libconftext.la libcsv.la libctl.la libdirectory.la libldapside.la libshell.la libviewcheck.la libview.la libconfig.la \
	libfingerprint.la

# Where shells look for them: both ask the program.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completions/enscalectl
zshcompletiondir = $(datadir)/zsh/vendor-completions
dist_zshcompletion_DATA = %D%/completions/_enscalectl

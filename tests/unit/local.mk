# Unit tests: one program per unit, cmocka, TAP-less: the exit code counts.
# A test adds its name to UNIT_TESTS and says what it links.
UNIT_TESTS =

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
AM_TESTS_ENVIRONMENT = ENS_SRCDIR='$(abs_top_srcdir)'; \
	ENS_BUILDDIR='$(abs_top_builddir)'; \
	export ENS_SRCDIR ENS_BUILDDIR;

# The pattern, per test:
#   tests_unit_test_last_use_SOURCES = %D%/test_last_use.c
tests_unit_test_last_use_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_last_use_LDADD = $(GUARD_LDADD)
UNIT_TESTS += tests/unit/test_login_refusal
tests_unit_test_login_refusal_SOURCES = %D%/test_login_refusal.c
tests_unit_test_login_refusal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_login_refusal_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_login_name
#   tests_unit_test_login_name_SOURCES = %D%/test_login_name.c
#   tests_unit_test_login_name_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
#   tests_unit_test_login_name_LDADD = libcommon.la $(CMOCKA_LIBS)

# enscale_shell
SHELL_TESTS = \
	tests/unit/test_shell_child_env \
	tests/unit/test_shell_forwarded_agent \
	tests/unit/test_shell_guard_client \
	tests/unit/test_shell_hop_confinement \
	tests/unit/test_shell_menu \
	tests/unit/test_shell_menu_line \
	tests/unit/test_shell_programs \
	tests/unit/test_shell_say \
	tests/unit/test_shell_ssh_log \
	tests/unit/test_shell_ssh_options \
	tests/unit/test_shell_terminal
UNIT_TESTS += $(SHELL_TESTS)
tests_unit_test_shell_child_env_SOURCES = %D%/test_shell_child_env.c
tests_unit_test_shell_child_env_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_child_env_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_forwarded_agent_SOURCES = %D%/test_shell_forwarded_agent.c
tests_unit_test_shell_forwarded_agent_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_forwarded_agent_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_guard_client_SOURCES = %D%/test_shell_guard_client.c
tests_unit_test_shell_guard_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_test_shell_guard_client_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_hop_confinement_SOURCES = %D%/test_shell_hop_confinement.c
tests_unit_test_shell_hop_confinement_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_hop_confinement_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_menu_SOURCES = %D%/test_shell_menu.c
tests_unit_test_shell_menu_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_test_shell_menu_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_menu_line_SOURCES = %D%/test_shell_menu_line.c
tests_unit_test_shell_menu_line_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_menu_line_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_programs_SOURCES = %D%/test_shell_programs.c
tests_unit_test_shell_programs_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_programs_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_say_SOURCES = %D%/test_shell_say.c
tests_unit_test_shell_say_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_say_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_ssh_log_SOURCES = %D%/test_shell_ssh_log.c
tests_unit_test_shell_ssh_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_ssh_log_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_ssh_options_SOURCES = %D%/test_shell_ssh_options.c
tests_unit_test_shell_ssh_options_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_ssh_options_LDADD = libshell.la $(CMOCKA_LIBS)
tests_unit_test_shell_terminal_SOURCES = %D%/test_shell_terminal.c
tests_unit_test_shell_terminal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_terminal_LDADD = libshell.la $(CMOCKA_LIBS)

# The view and the account map
UNIT_TESTS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = %D%/test_wire.c
tests_unit_test_wire_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_wire_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_fields
tests_unit_test_fields_SOURCES = %D%/test_fields.c
tests_unit_test_fields_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_fields_LDADD = libfieldsjson.la libcommon.la $(JANSSON_LIBS) \
	$(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_record
tests_unit_test_record_SOURCES = %D%/test_record.c
tests_unit_test_record_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_record_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_manifest
tests_unit_test_manifest_SOURCES = %D%/test_manifest.c
tests_unit_test_manifest_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_manifest_LDADD = libview.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_view
tests_unit_test_view_SOURCES = %D%/test_view.c %D%/older_view.h %D%/surroundings.h
tests_unit_test_view_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_view_LDADD = libviewwriter.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_account_map
tests_unit_test_account_map_SOURCES = %D%/test_account_map.c
tests_unit_test_account_map_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_account_map_LDADD = libcommon.la $(CMOCKA_LIBS)
# enscalectl
UNIT_TESTS += tests/unit/test_ca_key
tests_unit_test_ca_key_SOURCES = %D%/test_ca_key.c
tests_unit_test_ca_key_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ca_key_LDADD = libcakey.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ca_list
tests_unit_test_ca_list_SOURCES = %D%/test_ca_list.c
tests_unit_test_ca_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ca_list_LDADD = libcakey.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_changes
tests_unit_test_changes_SOURCES = %D%/test_changes.c
tests_unit_test_changes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDAP_CFLAGS)
tests_unit_test_changes_LDADD = libchanges.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_import
tests_unit_test_import_SOURCES = %D%/test_import.c
tests_unit_test_import_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS) \
	$(LDAP_CFLAGS)
tests_unit_test_import_LDADD = libdirectory.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_csv
tests_unit_test_csv_SOURCES = %D%/test_csv.c
tests_unit_test_csv_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_csv_LDADD = libcsv.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_conf_text
tests_unit_test_conf_text_SOURCES = %D%/test_conf_text.c
tests_unit_test_conf_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_conf_text_LDADD = libconftext.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_audit_show
tests_unit_test_audit_show_SOURCES = %D%/test_audit_show.c
tests_unit_test_audit_show_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_audit_show_LDADD = libauditlog.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_as_user
tests_unit_test_as_user_SOURCES = %D%/test_as_user.c
tests_unit_test_as_user_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_as_user_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_doctor_report
tests_unit_test_doctor_report_SOURCES = %D%/test_doctor_report.c
tests_unit_test_doctor_report_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_doctor_report_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_output
tests_unit_test_output_SOURCES = %D%/test_output.c
tests_unit_test_output_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_output_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_listeners
tests_unit_test_listeners_SOURCES = %D%/test_listeners.c
tests_unit_test_listeners_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_listeners_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_options
tests_unit_test_options_SOURCES = %D%/test_options.c
tests_unit_test_options_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_options_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_terminal
tests_unit_test_terminal_SOURCES = %D%/test_terminal.c
tests_unit_test_terminal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_terminal_LDADD = libctl.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ca_slot
tests_unit_test_ca_slot_SOURCES = %D%/test_ca_slot.c
tests_unit_test_ca_slot_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ca_slot_LDADD = libcakey.la $(CMOCKA_LIBS)

# The NSS module: its objects with a map of the test's own, and as built.
NSS_OBJECTS = nss_enscale/entry.c nss_enscale/group.c nss_enscale/map.c \
	nss_enscale/passwd.c
NSS_FIXTURE = %D%/nss_fixture.c %D%/nss_fixture.h
NSS_CPPFLAGS = $(AM_CPPFLAGS) -DENS_NSS_MAP_FILE='"accounts.map"'
UNIT_TESTS += tests/unit/test_nss
tests_unit_test_nss_SOURCES = %D%/test_nss.c $(NSS_FIXTURE) $(NSS_OBJECTS)
tests_unit_test_nss_CPPFLAGS = $(NSS_CPPFLAGS)
tests_unit_test_nss_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_nss_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nss_life
tests_unit_test_nss_life_SOURCES = %D%/test_nss_life.c $(NSS_FIXTURE) \
	$(NSS_OBJECTS)
tests_unit_test_nss_life_CPPFLAGS = $(NSS_CPPFLAGS)
tests_unit_test_nss_life_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_nss_life_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=account_map_open
tests_unit_test_nss_life_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_nss_module
tests_unit_test_nss_module_SOURCES = %D%/test_nss_module.c
tests_unit_test_nss_module_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_nss_module_LDADD = $(CMOCKA_LIBS)

TESTS += %D%/test_layers.sh %D%/test_nss_links.sh
EXTRA_DIST += %D%/test_layers.sh %D%/test_nss_links.sh

# gateway
TESTS += %D%/test_nsswitch.sh
EXTRA_DIST += %D%/test_nsswitch.sh

# enscale_guard
GUARD_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) \
	$(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
GUARD_LDADD = libguard.la libviewwriter.la $(CRYPTO_LIBS) $(SYSTEMD_LIBS) \
	$(JANSSON_LIBS) $(CMOCKA_LIBS)
GUARD_FIXTURE = %D%/guard_fixture.c %D%/guard_fixture.h
UNIT_TESTS += \
	tests/unit/test_admission \
	tests/unit/test_agent \
	tests/unit/test_audit \
	tests/unit/test_cert \
	tests/unit/test_confinement \
	tests/unit/test_guard_protocol \
	tests/unit/test_guard_sessions \
	tests/unit/test_guard_stream \
	tests/unit/test_last_use \
	tests/unit/test_listener \
	tests/unit/test_operator \
	tests/unit/test_turns \
	tests/unit/test_visits
tests_unit_test_admission_SOURCES = %D%/test_admission.c
tests_unit_test_admission_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_admission_LDADD = $(GUARD_LDADD)
tests_unit_test_agent_SOURCES = %D%/test_agent.c $(GUARD_FIXTURE)
tests_unit_test_agent_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_agent_LDADD = $(GUARD_LDADD)
tests_unit_test_audit_SOURCES = %D%/test_audit.c $(GUARD_FIXTURE)
tests_unit_test_audit_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_audit_LDADD = $(GUARD_LDADD)
tests_unit_test_cert_SOURCES = %D%/test_cert.c
tests_unit_test_cert_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_cert_LDADD = $(GUARD_LDADD)
tests_unit_test_confinement_SOURCES = %D%/test_confinement.c
tests_unit_test_confinement_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_confinement_LDADD = libguard.la $(CMOCKA_LIBS)
tests_unit_test_guard_protocol_SOURCES = %D%/test_guard_protocol.c \
	$(GUARD_FIXTURE)
tests_unit_test_guard_protocol_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_guard_protocol_LDADD = $(GUARD_LDADD)
tests_unit_test_guard_sessions_SOURCES = %D%/test_guard_sessions.c \
	$(GUARD_FIXTURE)
tests_unit_test_guard_sessions_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_guard_sessions_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync
tests_unit_test_guard_sessions_LDADD = $(GUARD_LDADD)
tests_unit_test_operator_SOURCES = %D%/test_operator.c
tests_unit_test_operator_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_operator_LDADD = libguard.la $(CMOCKA_LIBS)
tests_unit_test_guard_stream_SOURCES = %D%/test_guard_stream.c
tests_unit_test_guard_stream_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_guard_stream_LDADD = $(GUARD_LDADD)
tests_unit_test_listener_SOURCES = %D%/test_listener.c
tests_unit_test_listener_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_listener_LDADD = $(GUARD_LDADD)
tests_unit_test_turns_SOURCES = %D%/test_turns.c
tests_unit_test_turns_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_turns_LDADD = $(GUARD_LDADD)
tests_unit_test_visits_SOURCES = %D%/test_visits.c $(GUARD_FIXTURE)
tests_unit_test_visits_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_visits_LDADD = $(GUARD_LDADD)
UNIT_TESTS += tests/unit/test_login_name
tests_unit_test_login_name_SOURCES = %D%/test_login_name.c
tests_unit_test_login_name_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_login_name_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_notice
tests_unit_test_notice_SOURCES = %D%/test_notice.c
tests_unit_test_notice_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_notice_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_text
tests_unit_test_text_SOURCES = %D%/test_text.c
tests_unit_test_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_text_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_host_address
tests_unit_test_host_address_SOURCES = %D%/test_host_address.c
tests_unit_test_host_address_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_host_address_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_base64
tests_unit_test_base64_SOURCES = %D%/test_base64.c
tests_unit_test_base64_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_base64_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ssh_key
tests_unit_test_ssh_key_SOURCES = %D%/test_ssh_key.c %D%/sample_keys.h
tests_unit_test_ssh_key_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ssh_key_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ssh_key_text
tests_unit_test_ssh_key_text_SOURCES = %D%/test_ssh_key_text.c \
	%D%/sample_keys.h
tests_unit_test_ssh_key_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ssh_key_text_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_arguments
tests_unit_test_arguments_SOURCES = %D%/test_arguments.c
tests_unit_test_arguments_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_arguments_LDADD = libprogram.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_apart
tests_unit_test_apart_SOURCES = %D%/test_apart.c
tests_unit_test_apart_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_apart_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_lock_file
tests_unit_test_lock_file_SOURCES = %D%/test_lock_file.c
tests_unit_test_lock_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lock_file_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_local_socket
tests_unit_test_local_socket_SOURCES = %D%/test_local_socket.c
tests_unit_test_local_socket_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_local_socket_LDADD = libprogram.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_log
tests_unit_test_log_SOURCES = %D%/test_log.c
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_LDADD = libprogram.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_daemon
tests_unit_test_daemon_SOURCES = %D%/test_daemon.c
tests_unit_test_daemon_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_daemon_LDADD = libdaemon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_journal
tests_unit_test_journal_SOURCES = %D%/test_journal.c
tests_unit_test_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_journal_LDADD = libdaemon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_segment_key
tests_unit_test_segment_key_SOURCES = %D%/test_segment_key.c
tests_unit_test_segment_key_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_segment_key_LDADD = libview.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_fingerprint
tests_unit_test_fingerprint_SOURCES = %D%/test_fingerprint.c %D%/sample_keys.h
tests_unit_test_fingerprint_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fingerprint_LDADD = libfingerprint.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_session_registry
tests_unit_test_session_registry_SOURCES = %D%/test_session_registry.c
tests_unit_test_session_registry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_session_registry_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_changeable
tests_unit_test_changeable_SOURCES = %D%/test_changeable.c
tests_unit_test_changeable_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_changeable_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_config
tests_unit_test_config_SOURCES = %D%/test_config.c
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_config_LDADD = libconfig.la $(CMOCKA_LIBS)

# A published view with the demo's data.
VIEW_FIXTURE = %D%/view_fixture.c %D%/view_fixture.h
VIEW_FIXTURE_LIBS = libviewwriter.la libfingerprint.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_policy
tests_unit_test_policy_SOURCES = %D%/test_policy.c $(VIEW_FIXTURE)
tests_unit_test_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_LDADD = $(VIEW_FIXTURE_LIBS)

UNIT_TESTS += tests/unit/test_keys
tests_unit_test_keys_SOURCES = %D%/test_keys.c $(VIEW_FIXTURE)
tests_unit_test_keys_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keys_LDADD = $(VIEW_FIXTURE_LIBS)
EXTRA_tests_unit_test_keys_DEPENDENCIES = enscale_keys/enscale-keys

# What the name service says is the test's own word, see other_service.h.
OTHER_SERVICE = %D%/other_service.c %D%/other_service.h
OTHER_SERVICE_LINKED = -Wl,--export-dynamic-symbol=other_service_passwd \
	-Wl,--export-dynamic-symbol=other_group
tests_unit_libnss_other_la_SOURCES = %D%/nss_other.c
tests_unit_libnss_other_la_LDFLAGS = $(AM_LDFLAGS) \
	-module -shared -version-info 2:0:0 -rpath /nonexistent \
	-export-symbols-regex '^_nss_other_'

UNIT_TESTS += tests/unit/test_name_service
tests_unit_test_name_service_SOURCES = %D%/test_name_service.c \
	pam_enscale/name_service.c nss_enscale/entry.c $(OTHER_SERVICE)
tests_unit_test_name_service_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_name_service_LDFLAGS = $(AM_LDFLAGS) $(OTHER_SERVICE_LINKED)
tests_unit_test_name_service_LDADD = libcommon.la $(CMOCKA_LIBS)
EXTRA_tests_unit_test_name_service_DEPENDENCIES = tests/unit/libnss_other.la

# The PAM module in libpam, and a copy of it that the test interrupts.
UNIT_TESTS += tests/unit/test_pam
tests_unit_test_pam_SOURCES = %D%/test_pam.c $(VIEW_FIXTURE) \
	pam_enscale/login_rate.c \
	nss_enscale/entry.c $(OTHER_SERVICE)
tests_unit_test_pam_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pam_LDFLAGS = $(AM_LDFLAGS) $(OTHER_SERVICE_LINKED) \
	-Wl,--export-dynamic-symbol=pam_race_after_publish
tests_unit_test_pam_LDADD = $(VIEW_FIXTURE_LIBS) $(PAM_LIBS)
EXTRA_tests_unit_test_pam_DEPENDENCIES = tests/unit/libnss_other.la \
	pam_enscale.la tests/unit/pam_enscale_raced.la
if HAVE_CMOCKA
check_LTLIBRARIES += tests/unit/libnss_other.la tests/unit/pam_enscale_raced.la
endif
tests_unit_pam_enscale_raced_la_SOURCES = %D%/pam_race.c
tests_unit_pam_enscale_raced_la_LIBADD = $(pam_enscale_la_LIBADD)
tests_unit_pam_enscale_raced_la_LDFLAGS = $(AM_LDFLAGS) \
	-module -shared -avoid-version -rpath /nonexistent \
	-export-symbols-regex '^pam_sm_' -Wl,--wrap=session_publish

# Entries of a directory, and a state that they are filed in.
SYNC_FIXTURE = %D%/sync_fixture.c %D%/sync_fixture.h
SYNC_FIXTURE_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(CMOCKA_CFLAGS)

UNIT_TESTS += tests/unit/test_ldap_entry
tests_unit_test_ldap_entry_SOURCES = %D%/test_ldap_entry.c \
	%D%/sample_keys.h $(SYNC_FIXTURE)
tests_unit_test_ldap_entry_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_ldap_entry_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_state
tests_unit_test_state_SOURCES = %D%/test_state.c $(SYNC_FIXTURE)
tests_unit_test_state_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_state_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_comparison
tests_unit_test_comparison_SOURCES = %D%/test_comparison.c $(SYNC_FIXTURE)
tests_unit_test_comparison_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_comparison_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_rights
tests_unit_test_rights_SOURCES = %D%/test_rights.c $(SYNC_FIXTURE)
tests_unit_test_rights_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_rights_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_shrink
tests_unit_test_shrink_SOURCES = %D%/test_shrink.c $(SYNC_FIXTURE)
tests_unit_test_shrink_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_shrink_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_state_build
tests_unit_test_state_build_SOURCES = %D%/test_state_build.c $(SYNC_FIXTURE)
tests_unit_test_state_build_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_state_build_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_state_kept
tests_unit_test_state_kept_SOURCES = %D%/test_state_kept.c $(SYNC_FIXTURE)
tests_unit_test_state_kept_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_state_kept_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_state_stash
tests_unit_test_state_stash_SOURCES = %D%/test_state_stash.c $(SYNC_FIXTURE)
tests_unit_test_state_stash_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_state_stash_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_uuid_list
tests_unit_test_uuid_list_SOURCES = %D%/test_uuid_list.c
tests_unit_test_uuid_list_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_uuid_list_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_derive
tests_unit_test_derive_SOURCES = %D%/test_derive.c $(SYNC_FIXTURE)
tests_unit_test_derive_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_derive_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_derive_names
tests_unit_test_derive_names_SOURCES = %D%/test_derive_names.c $(SYNC_FIXTURE)
tests_unit_test_derive_names_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_derive_names_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_entry_codec
tests_unit_test_entry_codec_SOURCES = %D%/test_entry_codec.c $(SYNC_FIXTURE)
tests_unit_test_entry_codec_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_entry_codec_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_publish
tests_unit_test_publish_SOURCES = %D%/test_publish.c %D%/older_view.h %D%/surroundings.h $(SYNC_FIXTURE)
tests_unit_test_publish_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_publish_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=cdb_make_finish
tests_unit_test_publish_LDADD = libsync.la $(CMOCKA_LIBS)

# A follower that is handed what a server sends.
FOLLOW_FIXTURE = %D%/follow_fixture.c %D%/follow_fixture.h $(SYNC_FIXTURE)

UNIT_TESTS += tests/unit/test_follow
tests_unit_test_follow_SOURCES = %D%/test_follow.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_compare
tests_unit_test_follow_compare_SOURCES = %D%/test_follow_compare.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_compare_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_compare_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_entries
tests_unit_test_follow_entries_SOURCES = %D%/test_follow_entries.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_entries_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_entries_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_wishes
tests_unit_test_follow_wishes_SOURCES = %D%/test_follow_wishes.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_wishes_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_wishes_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_names
tests_unit_test_follow_names_SOURCES = %D%/test_follow_names.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_names_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_names_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_judge
tests_unit_test_follow_judge_SOURCES = %D%/test_follow_judge.c
tests_unit_test_follow_judge_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_judge_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_follow_write
tests_unit_test_follow_write_SOURCES = %D%/test_follow_write.c $(FOLLOW_FIXTURE)
tests_unit_test_follow_write_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_follow_write_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_view_check
tests_unit_test_view_check_SOURCES = %D%/test_view_check.c $(SYNC_FIXTURE)
tests_unit_test_view_check_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_view_check_LDADD = libsync.la libviewcheck.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_source_file
tests_unit_test_source_file_SOURCES = %D%/test_source_file.c \
	%D%/sample_keys.h $(SYNC_FIXTURE)
tests_unit_test_source_file_CFLAGS = $(SYNC_FIXTURE_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_source_file_LDADD = libsync.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_supervisor
tests_unit_test_supervisor_SOURCES = %D%/test_supervisor.c %D%/surroundings.h
tests_unit_test_supervisor_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_supervisor_LDADD = libdaemon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ldap_backlog
tests_unit_test_ldap_backlog_SOURCES = %D%/test_ldap_backlog.c %D%/surroundings.h
tests_unit_test_ldap_backlog_CFLAGS = $(SYNC_FIXTURE_CFLAGS) $(LBER_CFLAGS)
tests_unit_test_ldap_backlog_LDADD = libldapside.la $(CMOCKA_LIBS) \
	$(LDAP_LIBS) $(LBER_LIBS)

UNIT_TESTS += tests/unit/test_ldap_connection
tests_unit_test_ldap_connection_SOURCES = %D%/test_ldap_connection.c
tests_unit_test_ldap_connection_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_ldap_connection_LDADD = libldapside.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ldap_csn
tests_unit_test_ldap_csn_SOURCES = %D%/test_ldap_csn.c
tests_unit_test_ldap_csn_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_ldap_csn_LDADD = libldapside.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_ldap_uuid
tests_unit_test_ldap_uuid_SOURCES = %D%/test_ldap_uuid.c
tests_unit_test_ldap_uuid_CFLAGS = $(SYNC_FIXTURE_CFLAGS)
tests_unit_test_ldap_uuid_LDADD = libldapside.la $(CMOCKA_LIBS)

# enscale_keyd
UNIT_TESTS += tests/unit/test_keyd_protocol
tests_unit_test_keyd_protocol_SOURCES = %D%/test_keyd_protocol.c
tests_unit_test_keyd_protocol_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keyd_protocol_LDADD = libcommon.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_keyd_entry
tests_unit_test_keyd_entry_SOURCES = %D%/test_keyd_entry.c %D%/sample_keys.h
tests_unit_test_keyd_entry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keyd_entry_LDADD = libkeyd.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_keyd_service
tests_unit_test_keyd_service_SOURCES = %D%/test_keyd_service.c
tests_unit_test_keyd_service_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keyd_service_LDADD = libkeyd.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_key_rate
tests_unit_test_key_rate_SOURCES = %D%/test_key_rate.c
tests_unit_test_key_rate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_key_rate_LDADD = libkeyd.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_guard_keys
tests_unit_test_guard_keys_SOURCES = %D%/test_guard_keys.c $(VIEW_FIXTURE)
tests_unit_test_guard_keys_CFLAGS = $(GUARD_CFLAGS)
tests_unit_test_guard_keys_LDADD = $(GUARD_LDADD) libfingerprint.la

UNIT_TESTS += tests/unit/test_shell_keys
tests_unit_test_shell_keys_SOURCES = %D%/test_shell_keys.c
tests_unit_test_shell_keys_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_test_shell_keys_LDADD = libshell.la $(CMOCKA_LIBS)

UNIT_TESTS += tests/unit/test_shell_confinement
tests_unit_test_shell_confinement_SOURCES = %D%/test_shell_confinement.c
tests_unit_test_shell_confinement_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shell_confinement_LDADD = libshell.la $(CMOCKA_LIBS)

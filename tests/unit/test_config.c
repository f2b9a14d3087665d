#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/config/config.h"

static char path[] = "/tmp/test_config.XXXXXX";
static struct config config;
static char error[CONFIG_ERROR_MAX];

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int
load_bytes(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return config_load(path, &config, error);
}

static int
load(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* The file is refused at this line, with these words. */
static void
refused(const char *text, unsigned int line, const char *words)
{
	char where[64];

	memset(&config, 0x5a, sizeof(config));
	assert_int_equal(load(text), ENS_E_CONFIG);
	snprintf(where, sizeof(where), "%s:%u: ", path, line);
	if (strncmp(error, where, strlen(where)) != 0 ||
	    strstr(error, words) == NULL)
		fail_msg("%s: %s", text, error);
	for (size_t i = 0; i < sizeof(config); i++)
		assert_int_equal(((unsigned char *)&config)[i], 0x5a);
}

static void
an_empty_file_gives_the_defaults(void **state)
{
	static struct config defaults;
	char host[256];

	(void)state;
	config_init(&defaults);
	assert_int_equal(load(""), 0);
	assert_string_equal(error, "");
	assert_memory_equal(&config, &defaults, sizeof(config));
	assert_string_equal(config.uri, "ldapi:///");
	assert_string_equal(config.base, "");
	assert_true(config.start_tls);
	assert_false(config.enumerate);
	assert_int_equal(config.timeout, 30);
	assert_int_equal(config.uid_base, UID_BASE_DEFAULT);
	assert_int_equal(config.max_sessions, SESSION_LIMIT_DEFAULT);
	assert_true(config.offline_max_age == 0);
	assert_int_equal(config.port, 3022);
	assert_int_equal(config.cert_lifetime, CERT_SECONDS_MAX);
	assert_int_equal(config.connect_timeout, 10);
	assert_false(config.native);
	assert_false(config.manage);
	assert_false(config.schema.no_touch);
	assert_string_equal(config.state_dir, ENS_STATE_DIR);
	assert_string_equal(config.run_dir, ENS_RUN_DIR);
	assert_string_equal(config.ca_key, ENS_SYSCONFDIR "/enscale/ca/ca");
	assert_string_equal(config.audit_log, ENS_LOG_DIR "/audit.log");
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(config.host, host);
}

static void
every_key_is_read(void **state)
{
	(void)state;
	assert_int_equal(load("# a comment\n"
	                      "; another\n"
	                      "\n"
	                      "[directory]\n"
	                      "uri = ldaps://a.example ldap://b.example:389\n"
	                      "base=dc=enscale,dc=example\n"
	                      "bind_dn = cn=gateway,dc=enscale,dc=example\r\n"
	                      "password_file = /etc/enscale/password ; inline\n"
	                      "start_tls = no\n"
	                      "tls_ca = /etc/ca.pem\n"
	                      "filter = (objectClass=*)\n"
	                      "timeout = 7\n"
	                      "[names]\n"
	                      "uid_base = 1048576\n"
	                      "enumerate = yes\n"
	                      "[policy]\n"
	                      "max_sessions = 3\n"
	                      "offline_max_age = 24h\n"
	                      "support = Zo\xc3\xab <help@enscale.example>\n"
	                      "[gateway]\n"
	                      "host = ssh.enscale.com\n"
	                      "port = 22\n"
	                      "host_keys = /a.pub /b.pub\n"
	                      "announcement = Moving on Sunday.\n"
	                      "[hop]\n"
	                      "source_addresses = 198.19.0.1/32,2001:db8::/32\n"
	                      "cert_lifetime = 60\n"
	                      "connect_timeout = 5\n"
	                      "native = yes\n"
	                      "[keys]\n"
	                      "no_touch = yes\n"
	                      "manage = yes\n"
	                      "keyd_bind_dn = cn=keyd,dc=enscale,dc=example\n"
	                      "keyd_password_file = /etc/enscale/keyd\n"
	                      "[paths]\n"
	                      "state_dir = /s\n"
	                      "run_dir = /r\n"
	                      "ca_key = /c\n"
	                      "audit_log = /l"),
	    0);
	assert_string_equal(config.uri,
	    "ldaps://a.example ldap://b.example:389");
	assert_string_equal(config.base, "dc=enscale,dc=example");
	assert_string_equal(config.bind_dn, "cn=gateway,dc=enscale,dc=example");
	assert_string_equal(config.password_file, "/etc/enscale/password");
	assert_false(config.start_tls);
	assert_string_equal(config.tls_ca, "/etc/ca.pem");
	assert_string_equal(config.filter, "(objectClass=*)");
	assert_int_equal(config.timeout, 7);
	assert_int_equal(config.uid_base, 1048576);
	assert_true(config.enumerate);
	assert_int_equal(config.max_sessions, 3);
	assert_true(config.offline_max_age == 86400);
	assert_string_equal(config.support,
	    "Zo\xc3\xab <help@enscale.example>");
	assert_string_equal(config.host, "ssh.enscale.com");
	assert_int_equal(config.port, 22);
	assert_string_equal(config.host_keys, "/a.pub /b.pub");
	assert_string_equal(config.announcement, "Moving on Sunday.");
	assert_string_equal(config.source_addresses,
	    "198.19.0.1/32,2001:db8::/32");
	assert_int_equal(config.cert_lifetime, 60);
	assert_int_equal(config.connect_timeout, 5);
	assert_true(config.native);
	assert_true(config.manage);
	assert_true(config.no_touch && config.schema.no_touch);
	assert_string_equal(config.keyd_bind_dn,
	    "cn=keyd,dc=enscale,dc=example");
	assert_string_equal(config.keyd_password_file, "/etc/enscale/keyd");
	assert_string_equal(config.state_dir, "/s");
	assert_string_equal(config.run_dir, "/r");
	assert_string_equal(config.ca_key, "/c");
	assert_string_equal(config.audit_log, "/l");
}

static void
unknown_names_are_errors_that_name_the_known_ones(void **state)
{
	(void)state;
	refused("[policy]\nmax_session = 3\n", 2,
	    "unknown key \"max_session\" in [policy]; the keys there are max_sessions, max_logins, max_hops, max_session_hops, max_processes, menu_idle, hop_idle, offline_max_age, drain_allow, support");
	refused("\n[polici]\nmax_sessions = 3\n", 2,
	    "unknown section [polici]; the sections are [directory], [names], [policy], [gateway], [hop], [keys], [paths]");
	refused("[polici]\n", 1, "unknown section [polici]");
	refused("max_sessions = 3\n", 1, "is before the first section");
	refused("[]\n", 1, "section");
	refused("[policy\n", 1, "one word in brackets");
	refused("[policy]\nport = 22\n", 2, "unknown key \"port\" in [policy]");
}

static void
a_key_is_given_once(void **state)
{
	(void)state;
	refused("[policy]\nmax_sessions = 3\n\nmax_sessions = 3\n", 4,
	    "\"max_sessions\" is given twice");
	refused("[names]\nenumerate = no\n[policy]\n[names]\nenumerate = no\n",
	    5, "given twice");
}

static void
bad_values_are_errors_that_say_what_is_right(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[policy]\nmax_sessions = 0", "from 1 to 10000" },
		{ "[policy]\nmax_sessions = 10001", "from 1 to 10000" },
		{ "[policy]\nmax_sessions = 010", "from 1 to 10000" },
		{ "[policy]\nmax_sessions = many", "from 1 to 10000" },
		{ "[policy]\nmax_sessions =", "from 1 to 10000" },
		{ "[policy]\noffline_max_age = 24 h", "s, m, h or d" },
		{ "[policy]\noffline_max_age = h", "s, m, h or d" },
		{ "[policy]\noffline_max_age = -1", "s, m, h or d" },
		{ "[policy]\noffline_max_age = 3651d", "s, m, h or d" },
		{ "[policy]\noffline_max_age = 99999999999999999999",
		    "s, m, h or d" },
		{ "[policy]\noffline_max_age = 119s", "at least 120s" },
		{ "[policy]\noffline_max_age = 1m", "at least 120s" },
		{ "[policy]\nsupport = a\x1b[2J", "not printable" },
		{ "[policy]\nsupport = \xff", "not printable" },
		{ "[names]\nuid_base = 0", "from 1048576 to" },
		{ "[names]\nuid_base = 1879048193", "to 1879048192" },
		{ "[names]\nuid_base = 0x70000000", "number" },
		{ "[names]\nenumerate = true", "yes or no" },
		{ "[names]\nenumerate = Yes", "yes or no" },
		{ "[directory]\nuri =", "must be URIs" },
		{ "[directory]\nuri = ldap.example", "must be URIs" },
		{ "[directory]\nuri = ldap://a http://b", "must be URIs" },
		{ "[directory]\nbase =", "is empty" },
		{ "[directory]\npassword_file = secret", "absolute path" },
		{ "[directory]\ntls_ca = ca.pem", "absolute path" },
		{ "[directory]\nfilter = objectClass=*", "in parentheses" },
		{ "[directory]\ntimeout = 0", "from 1 to 3600" },
		{ "[gateway]\nhost =", "host name" },
		{ "[gateway]\nhost = a b", "host name" },
		{ "[gateway]\nhost = -oProxyCommand", "host name" },
		{ "[gateway]\nport = 0", "from 1 to 65535" },
		{ "[gateway]\nport = 65536", "from 1 to 65535" },
		{ "[gateway]\nhost_keys = /a.pub b.pub", "absolute paths" },
		{ "[hop]\nsource_addresses = any", "addresses or networks" },
		{ "[hop]\ncert_lifetime = 181", "from 10 to 180" },
		{ "[hop]\ncert_lifetime = 9", "from 10 to 180" },
		{ "[hop]\nconnect_timeout = 301", "from 1 to 300" },
		{ "[paths]\nstate_dir = var", "absolute path" },
		{ "[paths]\nrun_dir =", "absolute path" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(cases[i].text, 2, cases[i].words);
}

static void
lines_that_are_nothing_are_errors(void **state)
{
	char text[4096];

	(void)state;
	refused("[policy]\n\nsupport\n", 3, "neither a [section]");
	refused("[policy]\nsupport = a\n and b\n", 3, "begin with a space");
	assert_int_equal(load("[policy]\n   \n\t\n"), 0);
	assert_int_equal(load_bytes("[policy]\nsupport = a\0b\n", 23),
	    ENS_E_CONFIG);
	assert_non_null(strstr(error, ":2: a NUL byte"));
	memset(text, 'a', sizeof(text));
	memcpy(text, "[policy]\nsupport = ", 19);
	text[19 + CONFIG_VALUE_MAX - 1] = '\0';
	assert_int_equal(load(text), 0);
	assert_int_equal(strlen(config.support), CONFIG_VALUE_MAX - 1);
	text[19 + CONFIG_VALUE_MAX - 1] = 'a';
	text[19 + CONFIG_VALUE_MAX] = '\0';
	refused(text, 2, "is too long");
	memset(text + 19 + CONFIG_VALUE_MAX, 'a', 1024);
	text[4095] = '\0';
	refused(text, 2, "line is longer than");
}

static void
the_first_error_counts_and_is_printable(void **state)
{
	(void)state;
	refused("[names]\nuid_base = 1\nenumerate = x\n[nope]\n", 2,
	    "uid_base");
	refused("[names]\n\x1b]0;x\x07 = 1\n", 2, "?]0;x?");
}

static void
an_existing_tree_is_mapped_by_our_names(void **state)
{
	(void)state;
	assert_int_equal(load("[mapping]\n"
	                      "enscaleAccount = posixAccount\n"
	                      "enscaleAccountAux = posixAccount\n"
	                      "enscaleAccountId = uid\n"
	                      "entryUUID = nsUniqueId\n"
	                      "[directory]\n"
	                      "scope = one\n"
	                      "method = poll\n"
	                      "poll_interval = 2m\n"),
	    0);
	assert_string_equal(config.schema.names[SCHEMA_ACCOUNT],
	    "posixAccount");
	assert_string_equal(config.schema.names[SCHEMA_ACCOUNT_ID], "uid");
	assert_string_equal(config.schema.names[SCHEMA_UUID], "nsUniqueId");
	assert_string_equal(config.schema.names[SCHEMA_MAIL], "mail");
	assert_int_equal(config.scope, CONFIG_SCOPE_ONE);
	assert_int_equal(config.method, CONFIG_METHOD_POLL);
	assert_int_equal(config.poll_interval, 120);
	refused("[mapping]\nmail = mail\nmail = m\n", 3, "given twice");
	refused("[mapping]\nmail =\n", 2, "the name of");
	refused("[mapping]\nmail = a)(b=*\n", 2, "the name of");
	refused("[mapping]\nmail = 1..2\n", 2, "the name of");
	refused("[mapping]\nmail = 0.9.2342.19200300.100.1.3\n", 2,
	    "an OID is not accepted");
	refused("[mapping]\nentryCSN = x\n", 2, "enscaleAccountId");
	refused("[directory]\nscope = base\n", 2, "subtree or one");
	refused("[directory]\npoll_interval = 0\n", 2, "a second to a day");
}

/* What no single line is wrong about. */
static void
refused_as_a_whole(const char *text, const char *words)
{
	assert_int_equal(load(text), ENS_E_CONFIG);
	if (strstr(error, words) == NULL)
		fail_msg("%s: %s", text, error);
}

static void
what_does_not_go_together_is_refused(void **state)
{
	(void)state;
	assert_int_equal(load("[directory]\nuri = file:///etc/a.ldif\n"), 0);
	refused_as_a_whole("[directory]\nuri = file:///etc/a.ldif ldapi:///\n",
	    "must be the only URI");
	refused_as_a_whole("[directory]\nuri = file:///etc/a.ldif\n"
	                   "filter = (a=b)\n",
	    "filters are for servers");
	refused_as_a_whole("[directory]\nuri = file:///etc/a.ldif\n"
	                   "method = poll\n",
	    "whenever it changes");
	refused_as_a_whole("[mapping]\nenscaleNode = ENSCALEKEY\n",
	    "an entry is only one of them");
	refused_as_a_whole("[mapping]\nenscaleAccountId = uidNumber\n"
	                   "enscaleLimitedAccess = memberuid\n",
	    "memberUid lists values of uid");
	assert_int_equal(load("[mapping]\nenscaleAccountId = UID\n"
	                      "enscaleFullAccess = memberUid\n"),
	    0);
}

static void
a_missing_file_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(
	    config_load("/nonexistent/enscale.conf", &config, error), -ENOENT);
	assert_string_equal(error,
	    "/nonexistent/enscale.conf: No such file or directory; see enscale.conf(5)");
	assert_int_equal(config_load("/tmp", &config, error), -EIO);
}

/* The shipped file, with every key that is commented out taken in. */
static void
the_shipped_file_is_right_in_every_line(void **state)
{
	const char *top = getenv("ENS_SRCDIR");
	char line[1024], text[8192], name[256];
	size_t used = 0;
	FILE *file;

	(void)state;
	if (top == NULL)
		skip();
	snprintf(name, sizeof(name), "%s/gateway/enscale.conf.in", top);
	file = fopen(name, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *at = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z'
		    ? line + 1
		    : line;
		char *macro;

		while ((macro = strstr(at, " @")) != NULL)
			macro[1] = '/';
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
		    at);
		assert_true(used < sizeof(text));
	}
	fclose(file);
	if (load(text) != 0)
		fail_msg("%s", error);
}

static void
paths_are_joined_or_refused(void **state)
{
	char buf[CONFIG_PATH_MAX], longest[CONFIG_PATH_MAX];

	(void)state;
	assert_int_equal(config_path("/var/lib/enscale", CONFIG_MAP_FILE, buf),
	    0);
	assert_string_equal(buf, "/var/lib/enscale/map/accounts.map");
	memset(longest, 'a', sizeof(longest));
	longest[CONFIG_PATH_MAX - 3] = '\0';
	assert_int_equal(config_path(longest, "b", buf), 0);
	assert_int_equal(config_path(longest, "bc", buf), ENS_E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(
		    unknown_names_are_errors_that_name_the_known_ones),
		cmocka_unit_test(a_key_is_given_once),
		cmocka_unit_test(bad_values_are_errors_that_say_what_is_right),
		cmocka_unit_test(lines_that_are_nothing_are_errors),
		cmocka_unit_test(the_first_error_counts_and_is_printable),
		cmocka_unit_test(an_existing_tree_is_mapped_by_our_names),
		cmocka_unit_test(what_does_not_go_together_is_refused),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(the_shipped_file_is_right_in_every_line),
		cmocka_unit_test(paths_are_joined_or_refused),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

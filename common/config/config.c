/*
 * Reading enscale.conf with libinih. The library splits lines into section,
 * key and value; what it would let pass (unknown sections, lines that go on
 * with a space, lines cut at its buffer's end) the reader below refuses.
 */
#include <config.h>

#include "common/config/config_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <ini.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"

#define TIMEOUT_MAX       3600
#define CERT_LIFETIME_MIN 10
#define CONNECT_MAX       300
#define POLL_MIN          1
#define POLL_MAX          86400U
/* enscale-sync notes once a minute that the view is in step. */
#define OFFLINE_MIN_AGE    120U
#define OFFLINE_MAX_AGE    (3650U * 86400U)
#define LINE_MAX_OF_A_FILE (CONFIG_VALUE_MAX + 256)

/* One row per key: the file's names are the fields' names. */
static const struct key keys[] = {
#define KEY(section, field, kind, min, max)                                 \
	{                                                                   \
		section, #field, kind, offsetof(struct config, field), min, \
		    max,                                                    \
		{                                                           \
			NULL, NULL                                          \
		}                                                           \
	}
#define WORDS(section, field, first, second)                                   \
	{                                                                      \
		section, #field, KIND_WORD, offsetof(struct config, field), 0, \
		    1,                                                         \
		{                                                              \
			first, second                                          \
		}                                                              \
	}
	KEY("directory", uri, KIND_URI_LIST, 0, 0),
	KEY("directory", base, KIND_REQUIRED, 0, 0),
	KEY("directory", bind_dn, KIND_TEXT, 0, 0),
	KEY("directory", password_file, KIND_PATH_OR_NONE, 0, 0),
	KEY("directory", start_tls, KIND_BOOL, 0, 0),
	KEY("directory", tls_ca, KIND_PATH_OR_NONE, 0, 0),
	KEY("directory", filter, KIND_FILTER, 0, 0),
	WORDS("directory", scope, "subtree", "one"),
	WORDS("directory", method, "sync", "poll"),
	KEY("directory", poll_interval, KIND_PERIOD, POLL_MIN, POLL_MAX),
	KEY("directory", poll_listing, KIND_PERIOD, POLL_MIN, POLL_MAX),
	KEY("directory", timeout, KIND_U32, 1, TIMEOUT_MAX),
	KEY("names", uid_base, KIND_U32, UID_BASE_MIN, UID_BASE_MAX),
	KEY("names", enumerate, KIND_BOOL, 0, 0),
	KEY("policy", max_sessions, KIND_U32, 1, SESSION_LIMIT_MAX),
	KEY("policy", max_logins, KIND_U32, 1, LOGINS_LIMIT_MAX),
	KEY("policy", max_hops, KIND_U32, 1, HOPS_LIMIT_MAX),
	KEY("policy", max_session_hops, KIND_U32, 1, HOPS_LIMIT_MAX),
	KEY("policy", max_processes, KIND_U32, PROCESSES_LIMIT_MIN,
	    PROCESSES_LIMIT_MAX),
	KEY("policy", menu_idle, KIND_SECONDS, IDLE_MIN, IDLE_MAX),
	KEY("policy", hop_idle, KIND_SECONDS, IDLE_MIN, IDLE_MAX),
	KEY("policy", offline_max_age, KIND_SECONDS, OFFLINE_MIN_AGE,
	    OFFLINE_MAX_AGE),
	KEY("policy", drain_allow, KIND_ACCOUNT_LIST, 0, 0),
	KEY("policy", support, KIND_TEXT, 0, 0),
	KEY("gateway", host, KIND_HOST, 0, 0),
	KEY("gateway", port, KIND_U16, 1, UINT16_MAX),
	KEY("gateway", host_keys, KIND_PATH_LIST, 0, 0),
	KEY("gateway", announcement, KIND_TEXT, 0, 0),
	KEY("hop", source_addresses, KIND_CIDR_LIST, 0, 0),
	KEY("hop", cert_lifetime, KIND_U32, CERT_LIFETIME_MIN,
	    CERT_SECONDS_MAX),
	KEY("hop", connect_timeout, KIND_U32, 1, CONNECT_MAX),
	KEY("hop", native, KIND_BOOL, 0, 0),
	KEY("keys", no_touch, KIND_BOOL, 0, 0),
	KEY("keys", manage, KIND_BOOL, 0, 0),
	KEY("keys", keyd_bind_dn, KIND_TEXT, 0, 0),
	KEY("keys", keyd_password_file, KIND_PATH_OR_NONE, 0, 0),
	KEY("paths", state_dir, KIND_PATH, 0, 0),
	KEY("paths", run_dir, KIND_PATH, 0, 0),
	KEY("paths", ca_key, KIND_PATH, 0, 0),
	KEY("paths", audit_log, KIND_PATH, 0, 0),
	KEY("audit", audit_syslog, KIND_BOOL, 0, 0),
#undef KEY
#undef WORDS
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEYS <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX is too small");

/* Its keys are the names of our schema. */
#define SECTION_MAPPING "mapping"

/* ---- names that could be meant ---------------------------------------- */

static void
add_name(char *buf, size_t size, const char *name, bool section)
{
	size_t used = strlen(buf);

	if (used < size)
		snprintf(buf + used, size - used, section ? "%s[%s]" : "%s%s",
		    used > 0 ? ", " : "", name);
}

static void
list_sections(char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < KEYS; i++) {
		if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0)
			add_name(buf, size, keys[i].section, true);
	}
	add_name(buf, size, SECTION_MAPPING, true);
}

static void
list_keys(const char *section, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0)
			add_name(buf, size, keys[i].name, false);
	}
	if (strcmp(section, SECTION_MAPPING) != 0)
		return;
	for (size_t i = 0; i < SCHEMA_MAPPABLE; i++)
		add_name(buf, size, schema_names[i], false);
}

static bool
section_is_known(const char *section)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return true;
	}
	return strcmp(section, SECTION_MAPPING) == 0;
}

static void
fail_unknown(struct load *load, const char *section, const char *name)
{
	char names[1024];

	if (!section_is_known(section)) {
		list_sections(names, sizeof(names));
		if (section[0] == '\0')
			config_fail(load,
			    "\"%s\" is before the first section; begin with one of %s",
			    name, names);
		else
			config_fail(load,
			    "unknown section [%s]; the sections are %s",
			    section, names);
		return;
	}
	list_keys(section, names, sizeof(names));
	config_fail(load, "unknown key \"%s\" in [%s]; the keys there are %s",
	    name, section, names);
}

/* ---- mapping -------------------------------------------------------- */

static void
set_mapping(struct load *load, const char *name, const char *value)
{
	int i = 0;

	while (i < SCHEMA_MAPPABLE && strcmp(schema_names[i], name) != 0)
		i++;
	if (i == SCHEMA_MAPPABLE)
		fail_unknown(load, SECTION_MAPPING, name);
	else if (load->mapped[i])
		config_fail(load, "\"%s\" is given twice; remove one", name);
	else if (!schema_is_name(value))
		config_fail(load,
		    "%s = %s: must be the name of an object class or an attribute, as the server names it; an OID is not accepted",
		    name, value);
	else
		memcpy(load->config.schema.names[i], value, strlen(value) + 1);
	if (i < SCHEMA_MAPPABLE)
		load->mapped[i] = true;
}

/* ---- lines ---------------------------------------------------------- */

/* libinih's handler: non-zero goes on. */
static int
take_value(void *arg, const char *section, const char *name, const char *value)
{
	struct load *load = arg;

	if (load->error[0] != '\0')
		return 0;
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) != 0 ||
		    strcmp(keys[i].name, name) != 0)
			continue;
		if (load->seen[i])
			config_fail(load, "\"%s\" is given twice; remove one",
			    name);
		load->seen[i] = true;
		config_set(load, &keys[i], value);
		return load->error[0] == '\0';
	}
	if (strcmp(section, SECTION_MAPPING) == 0)
		set_mapping(load, name, value);
	else
		fail_unknown(load, section, name);
	return load->error[0] == '\0';
}

static void
check_section(struct load *load, const char *line)
{
	char section[64];
	size_t n = strcspn(line + 1, "]");

	if (line[1 + n] != ']' || n >= sizeof(section)) {
		config_fail(load, "a section is one word in brackets");
		return;
	}
	memcpy(section, line + 1, n);
	section[n] = '\0';
	if (n == 0 || !section_is_known(section))
		fail_unknown(load, section, "");
}

/* libinih's reader, fgets(3) but strict; the end of the file after the
 * first error. */
static char *
read_line(char *buf, int size, void *arg)
{
	struct load *load = arg;
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (load->error[0] != '\0')
		return NULL;
	load->line++;
	n = getline(&line, &room, load->file);
	if (n < 0)
		return NULL;
	if (strlen(line) != (size_t)n)
		config_fail(load, "a NUL byte; is this a text file?");
	else if (n >= size)
		config_fail(load, "the line is longer than %d bytes", size - 2);
	else if (strchr(" \t", line[0]) != NULL &&
	    strspn(line, " \t\r\n") != (size_t)n)
		config_fail(load, "a line may not begin with a space");
	else if (line[0] == '[')
		check_section(load, line);
	if (load->error[0] != '\0')
		return NULL;
	memcpy(buf, line, (size_t)n + 1);
	return buf;
}

static int
parse(struct load *load)
{
	int saved = ini_max_line, r;

	ini_max_line = LINE_MAX_OF_A_FILE;
	r = ini_parse_stream(read_line, load, take_value, load);
	ini_max_line = saved;
	if (ferror(load->file) && load->error[0] == '\0') {
		config_fail(load, "the file cannot be read");
		return -EIO;
	}
	if (r != 0 && load->error[0] == '\0') {
		load->line = r > 0 ? (unsigned int)r : load->line;
		config_fail(load,
		    "neither a [section], nor key = value, nor a comment");
	}
	return load->error[0] == '\0' ? 0 : ENS_E_CONFIG;
}

/* ---- the whole ------------------------------------------------------ */

static void
check_file_source(struct load *load)
{
	const struct config *config = &load->config;

	if (strstr(config->uri, "file:///") == NULL)
		return;
	if (strchr(config->uri, ' ') != NULL)
		config_fail(load,
		    "uri = %s: a file:/// must be the only URI; there is no falling back from it or to it",
		    config->uri);
	else if (config->filter[0] != '\0')
		config_fail(load,
		    "filter = %s: filters are for servers; leave it out with file:///",
		    config->filter);
	else if (config->method != CONFIG_METHOD_SYNC)
		config_fail(load,
		    "method = poll: a file:/// is read whenever it changes; leave it out");
}

/* The two classes of accounts may be one. */
static void
check_classes(struct load *load)
{
	const struct schema *schema = &load->config.schema;

	for (int i = 0; i < SCHEMA_CLASSES; i++) {
		for (int k = i + 1; k < SCHEMA_CLASSES; k++) {
			if (k == SCHEMA_ACCOUNT_AUX ||
			    strcasecmp(schema->names[i], schema->names[k]) != 0)
				continue;
			config_fail(load,
			    "[mapping] has \"%s\" for %s and for %s: an entry is only one of them",
			    schema->names[i], schema_names[i], schema_names[k]);
		}
	}
}

/* Digits in memberUid are a name like any other in uid, and another person's
 * number if numbers are elsewhere. */
static void
check_members(struct load *load)
{
	static const enum schema_name lists[] = { SCHEMA_FULL_ACCESS,
		SCHEMA_LIMITED_ACCESS };
	const struct schema *schema = &load->config.schema;
	const char *number = schema->names[SCHEMA_ACCOUNT_ID];

	if (strcasecmp(number, "uid") == 0)
		return;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcasecmp(schema->names[lists[i]], "memberUid") == 0)
			config_fail(load,
			    "[mapping] has memberUid for %s and \"%s\" for %s: memberUid lists values of uid, so that has to be uid, too; or use groups that list DNs",
			    schema_names[lists[i]], number,
			    schema_names[SCHEMA_ACCOUNT_ID]);
	}
}

static int
check_whole(struct load *load)
{
	load->line = 0;
	check_file_source(load);
	check_classes(load);
	check_members(load);
	load->config.schema.no_touch = load->config.no_touch;
	return load->error[0] == '\0' ? 0 : ENS_E_CONFIG;
}

/* ---- entry ---------------------------------------------------------- */

void
config_init(struct config *ret_config)
{
	struct config *config = ret_config;

	*config = (struct config){ .start_tls = true,
		.uri = "ldapi:///",
		.timeout = 30,
		.poll_interval = 10,
		.poll_listing = 300,
		.uid_base = UID_BASE_DEFAULT,
		.max_sessions = SESSION_LIMIT_DEFAULT,
		.max_logins = LOGINS_LIMIT_DEFAULT,
		.max_hops = HOPS_LIMIT_DEFAULT,
		.max_session_hops = SESSION_HOPS_LIMIT_DEFAULT,
		.max_processes = PROCESSES_LIMIT_DEFAULT,
		.menu_idle = MENU_IDLE_DEFAULT,
		.port = 3022,
		.cert_lifetime = CERT_SECONDS_MAX,
		.connect_timeout = 10,
		.state_dir = ENS_STATE_DIR,
		.run_dir = ENS_RUN_DIR,
		.ca_key = ENS_SYSCONFDIR "/enscale/ca/ca",
		.audit_log = ENS_LOG_DIR "/audit.log" };
	schema_init(&config->schema);
	if (gethostname(config->host, sizeof(config->host) - 1) < 0 ||
	    config->host[0] == '\0')
		memcpy(config->host, "localhost", sizeof("localhost"));
	config->host[sizeof(config->host) - 1] = '\0';
}

int
config_load(const char *path, struct config *ret_config,
    char ret_error[CONFIG_ERROR_MAX])
{
	AUTO_FREE struct load *load = calloc(1, sizeof(*load));
	AUTO_FILE FILE *file = NULL;
	int r;

	ret_error[0] = '\0';
	if (load == NULL) {
		r = -ENOMEM;
		snprintf(ret_error, CONFIG_ERROR_MAX, "%.512s: %s", path,
		    error_text(r));
		return r;
	}
	file = fopen(path, "re");
	if (file == NULL) {
		r = -errno;
		snprintf(ret_error, CONFIG_ERROR_MAX,
		    "%.512s: %s; see enscale.conf(5)", path, error_text(r));
		return r;
	}
	load->file = file;
	load->path = path;
	config_init(&load->config);
	r = parse(load);
	if (r == 0)
		r = check_whole(load);
	if (r < 0)
		memcpy(ret_error, load->error, CONFIG_ERROR_MAX);
	else
		*ret_config = load->config;
	return r;
}

int
config_path(const char *folder, const char *name, char buf[CONFIG_PATH_MAX])
{
	size_t n = strlen(folder), m = strlen(name);

	if (n + 1 + m >= CONFIG_PATH_MAX)
		return ENS_E_LIMIT;
	memcpy(buf, folder, n);
	buf[n] = '/';
	memcpy(buf + n + 1, name, m + 1);
	return 0;
}

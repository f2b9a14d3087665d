/*
 * Reading enscale.conf with libinih. The library splits lines into section,
 * key and value; what it would let pass (unknown sections, lines that go on
 * with a space, lines cut at its buffer's end) the reader below refuses.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <ini.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/errors.h"
#include "common/login_name.h"
#include "common/text.h"

#define TIMEOUT_MAX       3600
#define CERT_LIFETIME_MIN 10
#define CONNECT_MAX       300
#define POLL_MIN          1
#define POLL_MAX          86400U
/* enscale-sync notes once a minute that the view is in step. */
#define OFFLINE_MIN_AGE    120U
#define OFFLINE_MAX_AGE    (3650U * 86400U)
#define LINE_MAX_OF_A_FILE (CONFIG_VALUE_MAX + 256)

enum kind {
	KIND_TEXT,      /* printable, may be empty */
	KIND_REQUIRED,  /* printable, not empty */
	KIND_PATH,      /* begins with "/" */
	KIND_PATH_LIST, /* several, with spaces; may be empty */
	KIND_PATH_OR_NONE,
	KIND_URI_LIST,
	KIND_FILTER,
	KIND_HOST,
	KIND_CIDR_LIST,
	KIND_BOOL,
	KIND_U32,
	KIND_U16,
	KIND_SECONDS, /* int64_t: a number and s, m, h or d */
	KIND_PERIOD,  /* the same, and never 0 */
	KIND_WORD,    /* an enum, by its place among words */
};

/* One row per key: the file's names are the fields' names. */
static const struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;
	uint32_t min, max; /* of numbers */
	const char *words[2];
} keys[] = {
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
	KEY("policy", offline_max_age, KIND_SECONDS, OFFLINE_MIN_AGE,
	    OFFLINE_MAX_AGE),
	KEY("policy", support, KIND_TEXT, 0, 0),
	KEY("gateway", host, KIND_HOST, 0, 0),
	KEY("gateway", port, KIND_U16, 1, UINT16_MAX),
	KEY("gateway", host_keys, KIND_PATH_LIST, 0, 0),
	KEY("gateway", announcement, KIND_TEXT, 0, 0),
	KEY("hop", source_addresses, KIND_CIDR_LIST, 0, 0),
	KEY("hop", cert_lifetime, KIND_U32, CERT_LIFETIME_MIN,
	    CERT_SECONDS_MAX),
	KEY("hop", connect_timeout, KIND_U32, 1, CONNECT_MAX),
	KEY("keys", manage, KIND_BOOL, 0, 0),
	KEY("keys", keyd_bind_dn, KIND_TEXT, 0, 0),
	KEY("keys", keyd_password_file, KIND_PATH_OR_NONE, 0, 0),
	KEY("paths", state_dir, KIND_PATH, 0, 0),
	KEY("paths", run_dir, KIND_PATH, 0, 0),
	KEY("paths", ca_key, KIND_PATH, 0, 0),
	KEY("paths", audit_log, KIND_PATH, 0, 0),
#undef KEY
#undef WORDS
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* Its keys are the names of our schema. */
#define SECTION_MAPPING "mapping"

struct load {
	FILE *file;
	const char *path;
	unsigned int line;
	bool seen[KEYS];
	bool mapped[SCHEMA_MAPPABLE];
	struct config config;
	char error[CONFIG_ERROR_MAX];
};

/* ---- errors --------------------------------------------------------- */

/* Keeps the first error; the reader stops at it. */
__attribute__((format(printf, 2, 3))) static void
fail(struct load *load, const char *format, ...)
{
	char reason[CONFIG_ERROR_MAX], text[CONFIG_ERROR_MAX + 600];
	va_list args;

	if (load->error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (load->line == 0)
		snprintf(text, sizeof(text), "%.512s: %s", load->path, reason);
	else
		snprintf(text, sizeof(text), "%.512s:%u: %s", load->path,
		    load->line, reason);
	text_printable(text, load->error, sizeof(load->error));
}

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
			fail(load,
			    "\"%s\" stands before any section; begin with one of %s",
			    name, names);
		else
			fail(load, "unknown section [%s]; the sections are %s",
			    section, names);
		return;
	}
	list_keys(section, names, sizeof(names));
	fail(load, "unknown key \"%s\" in [%s]; the keys there are %s", name,
	    section, names);
}

/* ---- values --------------------------------------------------------- */

static bool
check_words(const char *value, const char *separators,
    bool (*check)(const char *word))
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", value);
	while ((word = strsep(&rest, separators)) != NULL) {
		if (*word != '\0' && !check(word))
			return false;
	}
	return true;
}

static bool
is_path(const char *word)
{
	return word[0] == '/';
}

static bool
is_uri(const char *word)
{
	static const char *const schemes[] = { "ldap://", "ldaps://",
		"ldapi://", "file:///" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncmp(word, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}

/* The address is checked by who uses it; here only its form is. */
static bool
is_cidr(const char *word)
{
	return strspn(word, "0123456789abcdefABCDEF.:/") == strlen(word) &&
	    strpbrk(word, ".:") != NULL;
}

static bool
is_host(const char *word)
{
	return word[0] != '-' &&
	    strspn(word,
	        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-") ==
	    strlen(word);
}

/* What is wrong with a text, or NULL. */
static const char *
check_text(enum kind kind, const char *value)
{
	bool empty = value[0] == '\0';

	if (!text_is_printable(value))
		return "is not printable UTF-8";
	switch (kind) {
	case KIND_REQUIRED:
		return empty ? "is empty; leave the line out for the default"
		             : NULL;
	case KIND_PATH:
		return is_path(value) ? NULL : "must be an absolute path";
	case KIND_PATH_OR_NONE:
		return empty || is_path(value) ? NULL
		                               : "must be an absolute path";
	case KIND_PATH_LIST:
		return check_words(value, " ", is_path)
		    ? NULL
		    : "must be absolute paths, with spaces between them";
	case KIND_URI_LIST:
		return !empty && check_words(value, " ", is_uri)
		    ? NULL
		    : "must be URIs (ldapi://, ldaps://, ldap:// or file:///), with spaces between them";
	case KIND_FILTER:
		return empty || value[0] == '('
		    ? NULL
		    : "must be an LDAP filter in parentheses";
	case KIND_HOST:
		return !empty && is_host(value)
		    ? NULL
		    : "must be a host name or an address";
	case KIND_CIDR_LIST:
		return check_words(value, ", ", is_cidr)
		    ? NULL
		    : "must be addresses or networks (198.18.0.2/32), with commas between them";
	case KIND_TEXT:
	case KIND_BOOL:
	case KIND_U32:
	case KIND_U16:
	case KIND_SECONDS:
	case KIND_PERIOD:
	case KIND_WORD:
		break;
	}
	return NULL;
}

/* "90s", "15m", "24h", "7d", "90"; "0": none. */
static int
parse_seconds(const char *value, uint32_t max, int64_t *ret_seconds)
{
	static const char units[] = "smhd";
	static const uint32_t factors[] = { 1, 60, 3600, 86400 };
	size_t len = strlen(value);
	uint32_t factor = 1, number;
	const char *unit = NULL;
	char copy[16];
	int r;

	if (len == 0 || len >= sizeof(copy))
		return ENS_E_SYNTAX;
	memcpy(copy, value, len + 1);
	unit = strchr(units, copy[len - 1]);
	if (unit != NULL) {
		factor = factors[unit - units];
		copy[len - 1] = '\0';
	}
	r = parse_u32(copy, max / factor, &number);
	if (r == 0)
		*ret_seconds = (int64_t)number * factor;
	return r;
}

static void
set_number(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	uint32_t number;

	if (parse_u32(value, key->max, &number) != 0 || number < key->min) {
		fail(load, "%s = %s: must be a number from %u to %u", key->name,
		    value, key->min, key->max);
		return;
	}
	if (key->kind == KIND_U16)
		*(uint16_t *)(void *)at = (uint16_t)number;
	else
		*(uint32_t *)(void *)at = number;
}

static void
set_bool(struct load *load, const struct key *key, const char *value)
{
	bool *at = (bool *)((char *)&load->config + key->offset);

	if (strcmp(value, "yes") == 0)
		*at = true;
	else if (strcmp(value, "no") == 0)
		*at = false;
	else
		fail(load, "%s = %s: must be yes or no", key->name, value);
}

static void
set_seconds(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	bool period = key->kind == KIND_PERIOD;
	int64_t seconds;

	if (parse_seconds(value, key->max, &seconds) != 0 ||
	    (period && seconds < key->min))
		fail(load,
		    "%s = %s: must be a number with s, m, h or d behind it, %s",
		    key->name, value,
		    period ? "a second to a day" : "or 0 for none");
	else if (seconds != 0 && seconds < key->min)
		fail(load, "%s = %s: must be at least %us, or 0 for none",
		    key->name, value, key->min);
	else
		memcpy(at, &seconds, sizeof(seconds));
}

static void
set_word(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;

	for (int i = 0; i < 2; i++) {
		if (strcmp(value, key->words[i]) != 0)
			continue;
		memcpy(at, &i, sizeof(i));
		return;
	}
	fail(load, "%s = %s: must be %s or %s", key->name, value, key->words[0],
	    key->words[1]);
}

static void
set_text(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	const char *wrong = check_text(key->kind, value);
	size_t len = strlen(value);

	if (wrong == NULL && len >= CONFIG_VALUE_MAX)
		wrong = "is too long";
	if (wrong != NULL)
		fail(load, "%s = %s: %s", key->name, value, wrong);
	else
		memcpy(at, value, len + 1);
}

static void
set(struct load *load, const struct key *key, const char *value)
{
	switch (key->kind) {
	case KIND_BOOL:
		set_bool(load, key, value);
		return;
	case KIND_U32:
	case KIND_U16:
		set_number(load, key, value);
		return;
	case KIND_SECONDS:
	case KIND_PERIOD:
		set_seconds(load, key, value);
		return;
	case KIND_WORD:
		set_word(load, key, value);
		return;
	case KIND_TEXT:
	case KIND_REQUIRED:
	case KIND_PATH:
	case KIND_PATH_LIST:
	case KIND_PATH_OR_NONE:
	case KIND_URI_LIST:
	case KIND_FILTER:
	case KIND_HOST:
	case KIND_CIDR_LIST:
		set_text(load, key, value);
		return;
	}
}

static void
set_mapping(struct load *load, const char *name, const char *value)
{
	int i = 0;

	while (i < SCHEMA_MAPPABLE && strcmp(schema_names[i], name) != 0)
		i++;
	if (i == SCHEMA_MAPPABLE)
		fail_unknown(load, SECTION_MAPPING, name);
	else if (load->mapped[i])
		fail(load, "\"%s\" is given twice; remove one", name);
	else if (!schema_is_name(value))
		fail(load,
		    "%s = %s: must be the name of an object class or an attribute",
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
			fail(load, "\"%s\" is given twice; remove one", name);
		load->seen[i] = true;
		set(load, &keys[i], value);
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
		fail(load, "a section is one word in brackets");
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
		fail(load, "a NUL byte; is this a text file?");
	else if (n >= size)
		fail(load, "the line is longer than %d bytes", size - 2);
	else if (strchr(" \t", line[0]) != NULL &&
	    strspn(line, " \t\r\n") != (size_t)n)
		fail(load, "a line may not begin with a space");
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
		fail(load, "the file cannot be read");
		return -EIO;
	}
	if (r != 0 && load->error[0] == '\0') {
		load->line = r > 0 ? (unsigned int)r : load->line;
		fail(load,
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
		fail(load,
		    "uri = %s: a file:/// stands alone; it has no others to fall back on",
		    config->uri);
	else if (config->filter[0] != '\0')
		fail(load,
		    "filter = %s: filters are for servers; leave it out with file:///",
		    config->filter);
	else if (config->method != CONFIG_METHOD_SYNC)
		fail(load,
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
			fail(load,
			    "[mapping] has \"%s\" for %s and for %s: an entry is of one kind",
			    schema->names[i], schema_names[i], schema_names[k]);
		}
	}
}

static int
check_whole(struct load *load)
{
	load->line = 0;
	check_file_source(load);
	check_classes(load);
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

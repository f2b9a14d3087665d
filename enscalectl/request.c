/* See request.h. It refuses what it does not know by its name. */
#include <config.h>

#include "enscalectl/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "enscalectl/options.h"
#include "enscalectl/terminal.h"
#include "ldap/ldap_time.h"

/* ---- names of fields ---------------------------------------------------- */

void
request_attribute_name(enum schema_name attribute, char buf[REQUEST_NAME_MAX])
{
	const char *at = schema_names[attribute];
	size_t used = 0;

	if (strncmp(at, "enscale", strlen("enscale")) == 0)
		at += strlen("enscale");
	for (; *at != '\0' && used < REQUEST_NAME_MAX - 2; at++) {
		bool large = *at >= 'A' && *at <= 'Z';

		if (large && used > 0)
			buf[used++] = '_';
		buf[used++] = (char)(large ? *at - 'A' + 'a' : *at);
	}
	buf[used] = '\0';
}

void
request_field_name(const struct field *field, char buf[REQUEST_NAME_MAX])
{
	/* Several fields are in the text of a key. */
	if (field->attribute == SCHEMA_SSH_PUBLIC_KEY)
		snprintf(buf, REQUEST_NAME_MAX, "%s", field->name);
	else
		request_attribute_name(field->attribute, buf);
}

/* A field is also known by its name here: "address", "title". */
static const struct field *
find_field(const struct field_table *table, const char *name, size_t len)
{
	char own[REQUEST_NAME_MAX];

	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->rows[i];

		request_field_name(field, own);
		if (field->attribute != SCHEMA_SSH_PUBLIC_KEY &&
		    ((strlen(own) == len && strncmp(own, name, len) == 0) ||
		        (strlen(field->name) == len &&
		            strncmp(field->name, name, len) == 0)))
			return field;
	}
	return NULL;
}

static int
complain_field(const struct field_table *table, const char *word)
{
	char known[512] = "", own[REQUEST_NAME_MAX];
	size_t used = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		request_field_name(&table->rows[i], own);
		if (table->rows[i].attribute != SCHEMA_SSH_PUBLIC_KEY &&
		    used < sizeof(known))
			used += (size_t)snprintf(known + used,
			    sizeof(known) - used, "%s%s", used > 0 ? ", " : "",
			    own);
	}
	complain("\"%s\": want FIELD=VALUE with one of %s", word, known);
	return EXIT_USAGE;
}

/* ---- the command line --------------------------------------------------- */

enum option_code {
	OPT_URI = 1,
	OPT_BIND_DN,
	OPT_PASSWORD_FILE,
	OPT_JSON,
	OPT_YES,
	OPT_BELOW,
	OPT_SCAN,
	OPT_DRY_RUN,
	OPT_STRICT,
	OPT_AUTHORIZED_KEYS,
};

static const struct option options[] = {
	{ "uri", required_argument, NULL, OPT_URI },
	{ "bind-dn", required_argument, NULL, OPT_BIND_DN },
	{ "password-file", required_argument, NULL, OPT_PASSWORD_FILE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "below", required_argument, NULL, OPT_BELOW },
	{ "scan", no_argument, NULL, OPT_SCAN },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "authorized-keys", required_argument, NULL, OPT_AUTHORIZED_KEYS },
	{ NULL, 0, NULL, 0 },
};

static bool
is_taken(const struct request_form *form, int option)
{
	switch (option) {
	case OPT_JSON:
		return true;
	case OPT_YES:
		return (form->options & REQUEST_YES) != 0;
	case OPT_BELOW:
		return (form->options & REQUEST_BELOW) != 0;
	case OPT_SCAN:
		return (form->options & REQUEST_SCAN) != 0;
	case OPT_DRY_RUN:
	case OPT_STRICT:
	case OPT_AUTHORIZED_KEYS:
		return (form->options & REQUEST_IMPORT) != 0;
	default:
		return (form->options & REQUEST_LOCAL) == 0;
	}
}

static bool
take_option(void *arg, int option, const char *value)
{
	struct request *request = arg;

	if (!is_taken(request->form, option))
		return false;
	if (option == OPT_URI)
		request->identity.uri = value;
	else if (option == OPT_BIND_DN)
		request->identity.bind_dn = value;
	else if (option == OPT_PASSWORD_FILE)
		request->identity.password_file = value;
	else if (option == OPT_BELOW)
		request->below = value;
	else if (option == OPT_AUTHORIZED_KEYS)
		request->keys_folder = value;
	request->json |= option == OPT_JSON;
	request->yes |= option == OPT_YES;
	request->scan |= option == OPT_SCAN;
	request->dry_run |= option == OPT_DRY_RUN;
	request->strict |= option == OPT_STRICT;
	return true;
}

/* Words first, as many as there may be; what is behind them is a field. */
static int
take_word(struct request *request, const char *word)
{
	const struct request_form *form = request->form;
	const char *value = strchr(word, '=');
	const struct field *field;

	if (request->word_count < form->least ||
	    (value == NULL && request->word_count < form->most)) {
		request->words[request->word_count++] = word;
		return EXIT_YES;
	}
	if (form->fields == NULL || request->field_count == REQUEST_FIELDS_MAX)
		return complain_usage(form->verb);
	field = value == NULL
	    ? NULL
	    : find_field(form->fields, word, (size_t)(value - word));
	if (field == NULL)
		return complain_field(form->fields, word);
	request->fields[request->field_count++] = (struct request_field){ field,
		value + 1 };
	return EXIT_YES;
}

int
request_read(const struct context *context, const struct request_form *form,
    int argc, char **argv, struct request *ret_request)
{
	struct request request = { .context = context, .form = form };
	int code = EXIT_YES, at;

	if (!options_read(options, argc, argv, take_option, &request, &at))
		return complain_usage(form->verb);
	for (; code == EXIT_YES && at < argc; at++)
		code = take_word(&request, argv[at]);
	if (code == EXIT_YES && request.word_count < form->least)
		code = complain_usage(form->verb);
	if (code == EXIT_YES)
		*ret_request = request;
	return code;
}

int
request_open(const struct request *request, struct directory **ret_directory)
{
	return directory_open(&request->context->config, &request->identity,
	    request->form->verb, ret_directory);
}

/* ---- values ------------------------------------------------------------- */

int
request_number(const char *text, uint32_t max, const char *what,
    uint32_t *ret_number)
{
	if (parse_u32(text, max, ret_number) == 0 && *ret_number > 0)
		return EXIT_YES;
	complain("\"%s\" is not the number of %s: want 1 to %u", text, what,
	    max);
	return EXIT_USAGE;
}

int
request_environment(const char *text)
{
	if (text[0] != '\0' && strlen(text) <= NAME_TEXT_MAX &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
	        strlen(text))
		return EXIT_YES;
	complain("\"%s\" is not an environment's name: want small letters, "
	         "digits and hyphens",
	    text);
	return EXIT_USAGE;
}

/* "+30d" from now. */
static bool
relative_time(const char *text, int64_t *ret_time)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 } };
	char digits[LOGIN_DIGITS_MAX + 1];
	size_t len = strlen(text), i;
	uint32_t count;

	if (text[0] != '+' || len < 3 || len - 2 > LOGIN_DIGITS_MAX)
		return false;
	memcpy(digits, text + 1, len - 2);
	digits[len - 2] = '\0';
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == text[len - 1] &&
		    parse_u32(digits, UINT32_MAX, &count) == 0) {
			*ret_time = time(NULL) +
			    (int64_t)count * units[i].seconds;
			return true;
		}
	return false;
}

/* RFC 3339 without its punctuation is what a directory has, but for the day
 * alone. */
static bool
absolute_time(const char *text, int64_t *ret_time)
{
	char digits[2 * REQUEST_TIME_SIZE];
	size_t used = 0, at, len = strlen(text);

	for (at = 0; at < len && used < REQUEST_TIME_SIZE; at++) {
		bool between = (at == 4 || at == 7) && text[at] == '-';

		if (at == 10 && text[at] == 'T')
			between = true;
		if (at > 10 && text[at] == ':')
			between = true;
		if ((at == 4 || at == 7 || at == 10) && !between)
			return false;
		if (!between)
			digits[used++] = text[at];
	}
	if (at < len || at < 10)
		return false;
	digits[used] = '\0';
	if (len == 10)
		memcpy(digits + used, "000000Z", sizeof("000000Z"));
	return ldap_time_parse(digits, strlen(digits), ret_time) == 0;
}

void
request_time_format(int64_t time, char ret_time[REQUEST_TIME_SIZE])
{
	const time_t second = (time_t)time;
	struct tm utc;

	if (time <= 0 || gmtime_r(&second, &utc) == NULL ||
	    strftime(ret_time, REQUEST_TIME_SIZE, "%Y%m%d%H%M%SZ", &utc) == 0)
		ret_time[0] = '\0';
}

int
request_time(const char *text, char ret_time[REQUEST_TIME_SIZE])
{
	int64_t found = 0;

	ret_time[0] = '\0';
	if (strcmp(text, "never") == 0 || text[0] == '\0')
		return EXIT_YES;
	if (relative_time(text, &found) || absolute_time(text, &found))
		request_time_format(found, ret_time);
	if (ret_time[0] != '\0')
		return EXIT_YES;
	complain("\"%s\" is not a time: want 2027-01-31, "
	         "2027-01-31T12:00:00Z, +30d, +12h or never",
	    text);
	return EXIT_USAGE;
}

/* "time" is the name of a text there. */
static int64_t
moment(void)
{
	return (int64_t)time(NULL);
}

void
request_time_words(const char *time, char *buf, size_t size)
{
	char now[REQUEST_TIME_SIZE];

	request_time_format(moment(), now);
	if (time[0] == '\0')
		snprintf(buf, size, "does not expire");
	else
		snprintf(buf, size, "%s %.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ",
		    strcmp(time, now) <= 0 ? "has expired, on" : "expires",
		    time, time + 4, time + 6, time + 8, time + 10, time + 12);
}

int
request_put_fields(const struct request *request, struct request_times *times,
    struct changes *changes)
{
	const struct schema *schema = &request->context->config.schema;

	for (uint32_t i = 0; i < request->field_count; i++) {
		const struct request_field *row = &request->fields[i];
		const char *value = row->value;

		if (row->field->type == FIELD_TIME) {
			if (request_time(value, times->each[i]) != EXIT_YES)
				return EXIT_USAGE;
			value = times->each[i];
		}
		if (value[0] != '\0')
			changes_put_text(changes, LDAP_MOD_ADD,
			    schema->names[row->field->attribute], value);
	}
	return EXIT_YES;
}

/* A word of a status or a state that the entry may leave out. */
static bool
is_default(const struct request_field *row)
{
	union {
		struct account_fields account;
		struct environment_fields environment;
		struct node_fields node;
		struct key_fields key;
	} fields;
	const char *word;

	if (!field_has_words(row->field))
		return false;
	for (size_t i = 0; i < FIELD_TABLES; i++) {
		const struct field_table *table = field_tables[i];

		if (row->field < table->rows ||
		    row->field >= table->rows + table->count)
			continue;
		fields_init(table, &fields);
		word = field_word(row->field, &fields);
		return word != NULL && strcmp(word, row->value) == 0;
	}
	return false;
}

/* "(mail=*@studio.example)"; of a default also what has none. */
static int
add_condition(const struct request_field *row, const char *name,
    char buf[DIRECTORY_FILTER_MAX])
{
	bool or_none = is_default(row);
	char time[REQUEST_TIME_SIZE];
	const char *value = row->value;

	if (row->field->type == FIELD_TIME && strcmp(value, "*") != 0) {
		if (request_time(value, time) != EXIT_YES)
			return EXIT_USAGE;
		value = time;
	}
	/* Never is what is not there. */
	if (value[0] == '\0') {
		directory_filter_add(buf, "(!(%s=*))", name);
		return EXIT_YES;
	}
	directory_filter_add(buf, "%s(%s=", or_none ? "(|" : "", name);
	if (!directory_filter_value(buf, value, true) ||
	    strlen(buf) + strlen(name) + 16 > DIRECTORY_FILTER_MAX) {
		complain("too many fields, or too long ones");
		return EXIT_USAGE;
	}
	if (or_none)
		directory_filter_add(buf, ")(!(%s=*)))", name);
	else
		directory_filter_add(buf, ")");
	return EXIT_YES;
}

int
request_filter(const struct request *request, enum entry_kind kind,
    char buf[DIRECTORY_FILTER_MAX])
{
	const struct schema *schema = &request->context->config.schema;
	char own[DIRECTORY_FILTER_MAX];
	int code = EXIT_YES;

	directory_filter(&request->context->config, kind, NULL, NULL, own);
	buf[0] = '\0';
	directory_filter_add(buf, "(&%s", own);
	for (uint32_t i = 0; code == EXIT_YES && i < request->field_count; i++)
		code = add_condition(&request->fields[i],
		    schema->names[request->fields[i].field->attribute], buf);
	directory_filter_add(buf, ")");
	return code;
}

int
request_confirm(const struct request *request, const char *question)
{
	int r = request->yes ? 1 : terminal_ask(question);

	if (r == 1)
		return EXIT_YES;
	complain(r == 0 ? "nothing was changed"
	                : "there is no terminal to ask at: say yes with --yes");
	return r == 0 ? EXIT_NO : EXIT_USAGE;
}

/* ---- entries ------------------------------------------------------------ */

static int
check_length(int n)
{
	if (n >= 0 && n <= ENTRY_DN_MAX)
		return EXIT_YES;
	complain("the DN would be too long");
	return EXIT_NO;
}

int
request_parent(const struct request *request, const char *usual,
    char ret_dn[ENTRY_DN_MAX + 1])
{
	const struct config *config = &request->context->config;
	const char *base = request->below != NULL ? request->below
	                                          : config->base;
	bool right_here = request->below != NULL ||
	    config->scope == CONFIG_SCOPE_ONE;

	return check_length(snprintf(ret_dn, ENTRY_DN_MAX + 1, "%s%s%s",
	    right_here ? "" : usual, right_here ? "" : ",", base));
}

int
request_dn(char ret_dn[ENTRY_DN_MAX + 1], const char *attribute,
    const char *value, const char *parent)
{
	return check_length(snprintf(ret_dn, ENTRY_DN_MAX + 1, "%s=%s,%s",
	    attribute, value, parent));
}

int
request_list(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, directory_visit *visit)
{
	AUTO(cleanup_directory) struct directory *directory = NULL;
	char filter[DIRECTORY_FILTER_MAX];
	struct request_listing listing = { .schema = &context->config.schema };
	struct request request;
	int code = request_read(context, form, argc, argv, &request);

	if (code == EXIT_YES)
		code = request_filter(&request, kind, filter);
	if (code == EXIT_YES)
		code = request_open(&request, &directory);
	if (code != EXIT_YES)
		return code;
	output_begin(&listing.output, request.json);
	code = directory_each(directory, NULL, 0, filter, visit, &listing);
	output_end(&listing.output);
	return code;
}

/* See request_fields.h. It refuses a field that the request does not take. */
#include <config.h>

#include "enscale_guard/request_fields.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/text.h"

#define NAME_SHOWN_MAX 32 /* of a field that nobody knows */

enum kind {
	KIND_TEXT,
	KIND_FLAG,
	KIND_NUMBER,
	KIND_STATUS,
};

#define AT(member) offsetof(struct request_fields, member)

static const struct row {
	unsigned bit;
	const char *name;
	enum kind kind;
	size_t at;
	uint32_t max; /* of a number */
} rows[] = {
	{ REQUEST_ACCOUNT, "account", KIND_NUMBER, AT(account),
	    ACCOUNT_ID_MAX },
	{ REQUEST_AFTER, "after", KIND_TEXT, AT(after), 0 },
	{ REQUEST_DENIED, "denied", KIND_FLAG, AT(denied), 0 },
	{ REQUEST_ENVIRONMENT, "environment", KIND_TEXT, AT(environment), 0 },
	{ REQUEST_FINGERPRINT, "fingerprint", KIND_TEXT, AT(fingerprint), 0 },
	{ REQUEST_FORWARD_AGENT, "forward_agent", KIND_FLAG, AT(forward_agent),
	    0 },
	{ REQUEST_HOST_KEYS, "host_keys", KIND_FLAG, AT(host_keys), 0 },
	{ REQUEST_KEY, "key", KIND_TEXT, AT(key), 0 },
	{ REQUEST_MORE, "more", KIND_FLAG, AT(more), 0 },
	{ REQUEST_NODE, "node", KIND_NUMBER, AT(node), NODE_ID_MAX },
	{ REQUEST_SESSION, "session", KIND_TEXT, AT(session), 0 },
	{ REQUEST_TEXT, "text", KIND_TEXT, AT(text), 0 },
	{ REQUEST_TITLE, "title", KIND_TEXT, AT(title), 0 },
	{ REQUEST_COMMAND, "command", KIND_TEXT, AT(command), 0 },
	{ REQUEST_EXIT, "exit", KIND_STATUS, AT(exit), UINT8_MAX },
	{ REQUEST_FAILED, "failed", KIND_TEXT, AT(failed), 0 },
	{ REQUEST_SUBSYSTEM, "subsystem", KIND_TEXT, AT(subsystem), 0 },
	{ REQUEST_TERMINAL, "terminal", KIND_FLAG, AT(terminal), 0 },
	{ REQUEST_WHY, "why", KIND_TEXT, AT(why), 0 },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static int
take_value(const struct row *row, const json_t *value,
    struct request_fields *fields)
{
	void *at = (char *)fields + row->at;

	switch (row->kind) {
	case KIND_TEXT:
		if (!json_is_string(value))
			return ENS_E_SYNTAX;
		*(const char **)at = json_string_value(value);
		return 0;
	case KIND_FLAG:
		if (!json_is_boolean(value))
			return ENS_E_SYNTAX;
		*(bool *)at = json_is_true(value);
		return 0;
	case KIND_NUMBER:
		if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		    json_integer_value(value) > (json_int_t)row->max)
			return ENS_E_SYNTAX;
		*(uint32_t *)at = (uint32_t)json_integer_value(value);
		return 0;
	case KIND_STATUS:
		if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		    json_integer_value(value) > (json_int_t)row->max)
			return ENS_E_SYNTAX;
		*(uint32_t *)at = (uint32_t)json_integer_value(value) + 1;
		return 0;
	}
	return ENS_E_SYNTAX;
}

/* The field of that name, if it is one of these. */
static const struct row *
find(const char *name, unsigned taken)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0 &&
		    (taken & rows[i].bit) != 0)
			return &rows[i];
	return NULL;
}

static int
say_wrong(const char *what, const char *name, char *sentence)
{
	char shown[NAME_SHOWN_MAX + 1];

	text_printable(name, shown, sizeof(shown));
	snprintf(sentence, REQUEST_FIELDS_SENTENCE_SIZE, "%s field: %s.", what,
	    shown);
	return ENS_E_SYNTAX;
}

int
request_fields_read(json_t *object, unsigned required, unsigned optional,
    struct request_fields *ret_fields,
    char ret_sentence[REQUEST_FIELDS_SENTENCE_SIZE])
{
	struct request_fields fields = { 0 };
	const struct row *row;
	unsigned seen = 0;
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		if (strcmp(name, "op") == 0)
			continue;
		row = find(name, required | optional);
		if (row == NULL)
			return say_wrong("Unknown", name, ret_sentence);
		if (take_value(row, value, &fields) < 0)
			return say_wrong("Wrong", name, ret_sentence);
		seen |= row->bit;
	}
	for (size_t i = 0; i < ROW_COUNT; i++)
		if ((required & ~seen & rows[i].bit) != 0)
			return say_wrong("Missing", rows[i].name, ret_sentence);
	*ret_fields = fields;
	return 0;
}

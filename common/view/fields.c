/*
 * Any field: its value in its struct and on the wire. See fields.h. It refuses
 * a number or a word that its type does not have, and a text that is too long,
 * or empty where it must not be; the content of a text is judged where it is
 * read.
 */
#include <config.h>

#include "common/view/fields.h"

#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- words -------------------------------------------------------------- */

struct word {
	unsigned value;
	const char *text;
};

static const struct word statuses[] = {
	{ ACCOUNT_ACTIVE, "active" },
	{ ACCOUNT_SUSPENDED, "suspended" },
	{ 0, NULL },
};

static const struct word states[] = {
	{ ENVIRONMENT_RUNNING, "running" },
	{ ENVIRONMENT_STOPPED, "stopped" },
	{ ENVIRONMENT_SLEEPING, "sleeping" },
	{ 0, NULL },
};

const struct access access_rows[ACCESS_ROWS] = {
	{ ROLE_OWNER, "owner", SCHEMA_OWNER },
	{ ROLE_FULL, "full", SCHEMA_FULL_ACCESS },
	{ ROLE_LIMITED, "limited", SCHEMA_LIMITED_ACCESS },
};

/* NULL: it is none of them. */
static const char *
text_of(const struct word *words, uint64_t value)
{
	while (words->text != NULL && words->value != value)
		words++;
	return words->text;
}

/* 0: it is none of them. */
static unsigned
value_of(const struct word *words, struct bytes text)
{
	while (words->text != NULL && !bytes_equal_text(text, words->text))
		words++;
	return words->value;
}

const char *
account_status_text(enum account_status status)
{
	const char *text = text_of(statuses, status);

	return text != NULL ? text : "unknown";
}

const char *
environment_state_text(enum environment_state state)
{
	const char *text = text_of(states, state);

	return text != NULL ? text : "unknown";
}

const char *
environment_role_text(enum environment_role role)
{
	for (int i = 0; i < ACCESS_ROWS; i++) {
		if (access_rows[i].role == role)
			return access_rows[i].word;
	}
	return "none";
}

/* ---- types -------------------------------------------------------------- */

struct type {
	uint8_t wire;     /* bytes of a number there; 0: it is a text */
	bool needs_value; /* a text not empty, a number not 0 */
	uint8_t first;    /* the default of a number */
	const struct word *words;
};

static const struct type types[FIELD_TYPES] = {
	[FIELD_TEXT] = { 0 },
	[FIELD_NAME] = { .needs_value = true },
	[FIELD_ADDRESS] = { .needs_value = true },
	[FIELD_USER] = { .needs_value = true },
	[FIELD_FROM] = { 0 },
	[FIELD_STATUS] = { 1, true, ACCOUNT_ACTIVE, statuses },
	[FIELD_STATE] = { 1, true, ENVIRONMENT_RUNNING, states },
	[FIELD_TIME] = { 8, false, 0, NULL },
	[FIELD_NUMBER] = { 4, false, 0, NULL },
	[FIELD_ID] = { 4, false, 0, NULL },
	[FIELD_PORT] = { 2, true, 22, NULL },
	[FIELD_OPTIONS] = { 1, false, 0, NULL },
};

#define ROW_OF(kind, m, t, l, a, s)                       \
	{                                                 \
		.name = #m,                               \
		.shown = (s),                             \
		.type = FIELD_##t,                        \
		.attribute = SCHEMA_##a,                  \
		.limit = (l),                             \
		.offset = offsetof(struct kind, m),       \
		.size = sizeof(((struct kind *)NULL)->m), \
	},
#define ACCOUNT_ROW(m, t, l, a, s)     ROW_OF(account_fields, m, t, l, a, s)
#define KEY_ROW(m, t, l, a, s)         ROW_OF(key_fields, m, t, l, a, s)
#define ENVIRONMENT_ROW(m, t, l, a, s) ROW_OF(environment_fields, m, t, l, a, s)
#define NODE_ROW(m, t, l, a, s)        ROW_OF(node_fields, m, t, l, a, s)

/* clang-format off */
static const struct field account_rows[] = { ACCOUNT_FIELDS(ACCOUNT_ROW) };
static const struct field key_rows[] = { KEY_FIELDS(KEY_ROW) };
static const struct field environment_rows[] = {
	ENVIRONMENT_FIELDS(ENVIRONMENT_ROW)
};
static const struct field node_rows[] = { NODE_FIELDS(NODE_ROW) };

const struct field_table account_fields = { account_rows, COUNT(account_rows),
	5 };
const struct field_table key_fields = { key_rows, COUNT(key_rows), 4 };
const struct field_table environment_fields = { environment_rows,
	COUNT(environment_rows), 3 };
const struct field_table node_fields = { node_rows, COUNT(node_rows), 5 };

const struct field_table *const field_tables[FIELD_TABLES] = { &account_fields,
	&key_fields, &environment_fields, &node_fields };

#define FITS(m, t, l, a, s)                                                    \
	_Static_assert(FIELD_##t != FIELD_TEXT || (l) <= FIELD_TEXT_MAX,       \
	    "a text for people that is too long");
ACCOUNT_FIELDS(FITS)
KEY_FIELDS(FITS)
ENVIRONMENT_FIELDS(FITS)
NODE_FIELDS(FITS)
/* clang-format on */

/* ---- one value ---------------------------------------------------------- */

bool
field_is_text(const struct field *field)
{
	return types[field->type].wire == 0;
}

bool
field_has_words(const struct field *field)
{
	return types[field->type].words != NULL;
}

const char *
field_text(const struct field *field, const void *fields)
{
	const char *text;

	memcpy(&text, (const char *)fields + field->offset, sizeof(text));
	return text != NULL ? text : "";
}

void
field_set_text(const struct field *field, void *fields, const char *text)
{
	memcpy((char *)fields + field->offset, &text, sizeof(text));
}

uint64_t
field_number(const struct field *field, const void *fields)
{
	const char *at = (const char *)fields + field->offset;
	uint16_t half;
	uint32_t word;
	uint64_t value;

	switch (field->size) {
	case sizeof(uint8_t):
		return *(const uint8_t *)at;
	case sizeof(half):
		memcpy(&half, at, sizeof(half));
		return half;
	case sizeof(word):
		memcpy(&word, at, sizeof(word));
		return word;
	default:
		memcpy(&value, at, sizeof(value));
		return value;
	}
}

void
field_set_number(const struct field *field, void *fields, uint64_t value)
{
	char *at = (char *)fields + field->offset;
	uint16_t half = (uint16_t)value;
	uint32_t word = (uint32_t)value;

	switch (field->size) {
	case sizeof(uint8_t):
		*(uint8_t *)at = (uint8_t)value;
		break;
	case sizeof(half):
		memcpy(at, &half, sizeof(half));
		break;
	case sizeof(word):
		memcpy(at, &word, sizeof(word));
		break;
	default:
		memcpy(at, &value, sizeof(value));
		break;
	}
}

const char *
field_word(const struct field *field, const void *fields)
{
	const char *text = text_of(types[field->type].words,
	    field_number(field, fields));

	return text != NULL ? text : "unknown";
}

int
field_set_word(const struct field *field, void *fields, struct bytes word)
{
	const struct word *words = types[field->type].words;
	unsigned value = words == NULL ? 0 : value_of(words, word);

	if (value == 0)
		return ENS_E_SYNTAX;
	field_set_number(field, fields, value);
	return 0;
}

static int
check_number(const struct field *field, uint64_t value)
{
	const struct type *type = &types[field->type];

	if (value == 0)
		return type->needs_value ? ENS_E_RANGE : 0;
	if (type->words != NULL)
		return text_of(type->words, value) != NULL ? 0 : ENS_E_RANGE;
	if (field->type == FIELD_TIME)
		return value <= INT64_MAX ? 0 : ENS_E_RANGE;
	if (field->type == FIELD_OPTIONS)
		return (value & ~(uint64_t)field->limit) == 0 ? 0 : ENS_E_RANGE;
	return value <= field->limit ? 0 : ENS_E_LIMIT;
}

int
field_check(const struct field *field, const void *fields)
{
	const char *text;

	if (!field_is_text(field))
		return check_number(field, field_number(field, fields));
	text = field_text(field, fields);
	if (*text == '\0')
		return types[field->type].needs_value ? ENS_E_RANGE : 0;
	return strlen(text) <= field->limit ? 0 : ENS_E_LIMIT;
}

/* ---- all of them -------------------------------------------------------- */

size_t
fields_text_size(const struct field_table *table, const void *fields)
{
	size_t size = 0;

	for (uint32_t i = 0; i < table->count; i++) {
		if (field_is_text(&table->rows[i]))
			size += strlen(field_text(&table->rows[i], fields));
	}
	return size;
}

static void
set_default(const struct field *field, void *fields)
{
	if (field_is_text(field))
		field_set_text(field, fields, "");
	else
		field_set_number(field, fields, types[field->type].first);
}

void
fields_init(const struct field_table *table, void *ret_fields)
{
	for (uint32_t i = 0; i < table->count; i++)
		set_default(&table->rows[i], ret_fields);
}

static void
write_number(struct wire_writer *writer, uint8_t size, uint64_t value)
{
	switch (size) {
	case sizeof(uint8_t):
		wire_write_u8(writer, (uint8_t)value);
		break;
	case sizeof(uint16_t):
		wire_write_u16(writer, (uint16_t)value);
		break;
	case sizeof(uint32_t):
		wire_write_u32(writer, (uint32_t)value);
		break;
	default:
		wire_write_u64(writer, value);
		break;
	}
}

void
fields_write(struct wire_writer *writer, const struct field_table *table,
    const void *fields)
{
	size_t place = wire_write_begin_string(writer);

	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->rows[i];

		if (writer->error == 0)
			writer->error = field_check(field, fields);
		if (field_is_text(field))
			wire_write_text(writer, field_text(field, fields));
		else
			write_number(writer, types[field->type].wire,
			    field_number(field, fields));
	}
	wire_write_end_string(writer, place);
}

static uint64_t
read_number(struct wire_reader *reader, uint8_t size)
{
	switch (size) {
	case sizeof(uint8_t):
		return wire_read_u8(reader);
	case sizeof(uint16_t):
		return wire_read_u16(reader);
	case sizeof(uint32_t):
		return wire_read_u32(reader);
	default:
		return wire_read_u64(reader);
	}
}

static void
read_field(struct wire_reader *reader, const struct field *field, void *fields)
{
	if (field_is_text(field))
		field_set_text(field, fields,
		    wire_read_text(reader, field->limit));
	else
		field_set_number(field, fields,
		    read_number(reader, types[field->type].wire));
	if (reader->error == 0 && field_check(field, fields) != 0)
		reader->error = ENS_E_CORRUPT;
}

void
fields_read_first(struct wire_reader *reader, const struct field_table *table,
    void *ret_fields)
{
	fields_init(table, ret_fields);
	for (uint32_t i = 0; i < table->first; i++)
		read_field(reader, &table->rows[i], ret_fields);
}

void
fields_read(struct wire_reader *reader, const struct field_table *table,
    void *ret_fields)
{
	struct bytes block = wire_read_string(reader);
	struct wire_reader in;

	wire_read_init(&in, block.data, block.len);
	fields_read_first(&in, table, ret_fields);
	for (uint32_t i = table->first; i < table->count && in.left > 0; i++)
		read_field(&in, &table->rows[i], ret_fields);
	if (in.error != 0)
		reader->error = in.error;
}

uint32_t
fields_checksum(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < FIELD_TABLES; i++) {
		for (uint32_t k = 0; k < field_tables[i]->count; k++) {
			const struct field *row = &field_tables[i]->rows[k];
			const uint32_t numbers[] = { row->type, row->attribute,
				row->limit };

			sum = crc32c(sum, row->name, strlen(row->name));
			sum = crc32c(sum, numbers, sizeof(numbers));
		}
	}
	return sum;
}

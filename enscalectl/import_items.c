/* Records of an import, one by one. See import.h. It refuses two records of one
 * thing: which of them was meant nobody knows. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/login_name.h"
#include "enscalectl/import.h"
#include "enscalectl/key_read.h"
#include "enscalectl/tree.h"
#include "ldap/ldap_time.h"

/* ---- complaints --------------------------------------------------------- */

void
import_about(struct import *import, const char *file, unsigned long line)
{
	int n;

	if (file == NULL) {
		complain_about(NULL);
		return;
	}
	n = snprintf(import->subject, sizeof(import->subject), "%s",
	    strcmp(file, "-") == 0 ? "standard input" : file);
	if (line > 0 && n > 0 && (size_t)n < sizeof(import->subject))
		(void)snprintf(import->subject + n,
		    sizeof(import->subject) - (size_t)n, ", line %lu", line);
	complain_about(import->subject);
}

int
import_refuse(struct import *import, struct import_item *item)
{
	item->state = IMPORT_REFUSED;
	import->refused++;
	return EXIT_NO;
}

int
import_refuse_line(struct import *import)
{
	import->unreadable++;
	import->refused++;
	return EXIT_NO;
}

bool
import_is_over(const struct import *import)
{
	return import->request->strict && import->refused > 0;
}

int
import_no_memory(void)
{
	complain("%s", error_text(-ENOMEM));
	return EXIT_CANNOT_TELL;
}

/* ---- which it is -------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const struct import_item *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind > y->kind ? 1 : -1;
	if (x->kind == ENTRY_KEY)
		return memcmp(x->fingerprint, y->fingerprint, SHA256_LEN);
	if (x->kind == ENTRY_ENVIRONMENT)
		return strcasecmp(x->name, y->name); /* as directories do */
	return (x->number > y->number) - (x->number < y->number);
}

struct import_item *
import_find(const struct import *import, const struct import_item *like)
{
	return tree_find(&import->index, like, compare);
}

void
import_name(const struct import_item *item, char buf[IMPORT_NAME_MAX])
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];

	if (item->kind == ENTRY_ENVIRONMENT) {
		(void)snprintf(buf, IMPORT_NAME_MAX, "environment %s",
		    item->name);
	} else if (item->kind == ENTRY_KEY) {
		fingerprint_format_sha256(item->fingerprint, fingerprint);
		(void)snprintf(buf, IMPORT_NAME_MAX, "key %s", fingerprint);
	} else {
		(void)snprintf(buf, IMPORT_NAME_MAX, "%s %u",
		    entry_kind_text(item->kind), item->number);
	}
}

/* ---- what it needs ------------------------------------------------------ */

static int
add_need(struct import *import, struct import_item *item,
    struct import_item *need)
{
	uint32_t room = item->need_room > 0 ? 2 * item->need_room : 4;
	struct import_item **needs = item->needs;

	if (item->need_count == item->need_room) {
		needs = pool_take(&import->pool, room * sizeof(*needs));
		if (needs == NULL)
			return import_no_memory();
		if (item->need_count > 0)
			memcpy(needs, item->needs,
			    item->need_count * sizeof(*needs));
		item->needs = needs;
		item->need_room = room;
	}
	needs[item->need_count++] = need;
	return EXIT_YES;
}

static int
mention(struct import *import, struct import_item *item,
    const struct import_item *like)
{
	struct import_item *need = import_find(import, like);

	if (need == NULL) {
		need = pool_take(&import->pool, sizeof(*need));
		if (need == NULL)
			return import_no_memory();
		*need = *like;
		need = tree_add(&import->index, need, compare);
	}
	return need != NULL ? add_need(import, item, need) : import_no_memory();
}

/* What is no number is refused with the entry. */
static int
mention_account(struct import *import, struct import_item *item,
    const char *text)
{
	struct import_item like = { .kind = ENTRY_ACCOUNT };

	return parse_u32(text, ACCOUNT_ID_MAX, &like.number) == 0
	    ? mention(import, item, &like)
	    : EXIT_YES;
}

int
import_say_parent(struct import *import, struct import_item *item,
    const char *text)
{
	struct import_item like = { .kind = ENTRY_ENVIRONMENT };

	if (item->kind == ENTRY_KEY)
		return request_number(text, ACCOUNT_ID_MAX, "an account",
		           &like.number) == EXIT_YES
		    ? mention_account(import, item, text)
		    : import_refuse(import, item);
	if (text[0] == '\0' || strlen(text) > NAME_TEXT_MAX) {
		complain("\"%s\" is no name of an environment", text);
		return import_refuse(import, item);
	}
	like.name = pool_copy(&import->pool, text, strlen(text));
	return like.name != NULL ? mention(import, item, &like)
	                         : import_no_memory();
}

/* ---- what it says ------------------------------------------------------- */

struct import_item *
import_begin(struct import *import, enum entry_kind kind, const char *file,
    unsigned long line)
{
	struct import_item *item = pool_take(&import->pool, sizeof(*item));
	uint32_t room = import->room > 0 ? 2 * import->room : 1024;
	struct import_item **items = import->items;

	if (item == NULL)
		return NULL;
	if (import->count == import->room) {
		items = realloc(import->items,
		    room * sizeof(struct import_item *));
		if (items == NULL)
			return NULL;
		import->items = items;
		import->room = room;
	}
	*item = (struct import_item){ .state = IMPORT_TO_ADD,
		.kind = kind,
		.file = file,
		.line = line };
	items[import->count++] = item;
	import_about(import, file, line);
	return item;
}

static struct import_said *
said_of(struct import_item *item, const struct column *column)
{
	return &item->said[column - columns_of(item->kind)->each];
}

/* A value without a byte is none. */
static int
keep(struct import *import, struct import_said *said,
    const struct berval *values, uint32_t count)
{
	struct berval *own = pool_take(&import->pool, count * sizeof(*own) + 1);

	said->named = true;
	said->count = 0;
	said->values = pool_take(&import->pool,
	    (count + 1) * sizeof(struct berval *));
	if (own == NULL || said->values == NULL)
		return import_no_memory();
	for (uint32_t i = 0; i < count; i++) {
		if (values[i].bv_len == 0)
			continue;
		own[i].bv_len = values[i].bv_len;
		own[i].bv_val = pool_copy(&import->pool, values[i].bv_val,
		    values[i].bv_len);
		if (own[i].bv_val == NULL)
			return import_no_memory();
		said->values[said->count++] = &own[i];
	}
	return EXIT_YES;
}

static int
keep_text(struct import *import, struct import_said *said, const char *text)
{
	struct berval value = { strlen(text), NULL };

	memcpy(&value.bv_val, &text, sizeof(text)); /* only read */
	return keep(import, said, &value, 1);
}

static int
say_id(struct import *import, struct import_item *item, const char *text)
{
	uint32_t max = item->kind == ENTRY_ACCOUNT ? ACCOUNT_ID_MAX
	                                           : NODE_ID_MAX;

	return request_number(text, max,
	           item->kind == ENTRY_ACCOUNT ? "an account" : "a node",
	           &item->number) == EXIT_YES
	    ? EXIT_YES
	    : import_refuse(import, item);
}

static int
say_field(struct import *import, struct import_item *item,
    const struct column *column, const char *text, bool raw)
{
	struct import_said *said = said_of(item, column);
	char time[REQUEST_TIME_SIZE];

	if (column->field->type == FIELD_TIME && !raw) {
		if (request_time(text, time) != EXIT_YES)
			return import_refuse(import, item);
		text = time;
	}
	if (column->field->type == FIELD_NAME) {
		if (text[0] == '\0' || strlen(text) > NAME_TEXT_MAX) {
			complain("it needs a name of up to %d bytes: %s",
			    NAME_TEXT_MAX, column->name);
			return import_refuse(import, item);
		}
		item->name = pool_copy(&import->pool, text, strlen(text));
		if (item->name == NULL)
			return import_no_memory();
	}
	if (column->attribute == SCHEMA_OWNER && text[0] != '\0' &&
	    mention_account(import, item, text) != EXIT_YES)
		return EXIT_CANNOT_TELL;
	return keep_text(import, said, text);
}

static int
say_list(struct import *import, struct import_item *item,
    const struct column *column, const struct berval *values, uint32_t count)
{
	int code = keep(import, said_of(item, column), values, count);

	for (uint32_t i = 0;
	     code == EXIT_YES && column->type == COLUMN_ACCESS && i < count;
	     i++)
		code = mention_account(import, item, values[i].bv_val);
	return code;
}

static int
say_key_text(struct import *import, struct import_item *item,
    struct berval value)
{
	static struct ssh_key key; /* it is large */
	uint8_t fingerprint[SHA256_LEN];
	char *text = pool_copy(&import->pool, value.bv_val, value.bv_len);
	int code;

	if (text == NULL)
		return import_no_memory();
	explicit_bzero(value.bv_val, value.bv_len);
	code = key_read_text(text, value.bv_len, import->config->no_touch, &key,
	    fingerprint);
	if (code == EXIT_YES)
		return import_say_key(import, item, &key, fingerprint);
	return code == EXIT_NO ? import_refuse(import, item) : code;
}

int
import_say_key(struct import *import, struct import_item *item,
    const struct ssh_key *key, const uint8_t fingerprint[SHA256_LEN])
{
	const struct column *column = columns_find(columns_of(ENTRY_KEY),
	    "ssh_public_key");
	char line[KEY_WRITTEN_MAX + 1], time[REQUEST_TIME_SIZE];

	memcpy(item->fingerprint, fingerprint, SHA256_LEN);
	item->plain = key->from[0] == '\0' && key->options == 0;
	item->comment = pool_copy(&import->pool, key->comment,
	    strlen(key->comment));
	if (item->comment == NULL)
		return import_no_memory();
	if (key->expires != 0) {
		/* 0 is never: what ended before that has ended. */
		request_time_format(key->expires > 0 ? key->expires : 1, time);
		item->expires = pool_copy(&import->pool, time, strlen(time));
		if (item->expires == NULL)
			return import_no_memory();
	}
	if (ssh_key_format_line(key, line, sizeof(line)) == 0) {
		(void)key_read_refuse(error_text(ENS_E_KEY_FORMAT));
		return import_refuse(import, item);
	}
	return keep_text(import, said_of(item, column), line);
}

static int
say_one(struct import *import, struct import_item *item,
    const struct column *column, struct berval value, bool raw)
{
	switch (column->type) {
	case COLUMN_ID:
		return say_id(import, item, value.bv_val);
	case COLUMN_PARENT:
		return import_say_parent(import, item, value.bv_val);
	case COLUMN_KEY:
		return say_key_text(import, item, value);
	case COLUMN_FIELD:
	case COLUMN_ACCESS:
	case COLUMN_HOST_KEYS:
	default:
		return say_field(import, item, column, value.bv_val, raw);
	}
}

int
import_say(struct import *import, struct import_item *item,
    const struct column *column, const struct berval *values, uint32_t count,
    bool raw)
{
	char none[] = "";
	struct berval empty = { 0, none };

	if (said_of(item, column)->named) {
		complain("it says %s twice", column->name);
		return import_refuse(import, item);
	}
	for (uint32_t i = 0; i < count; i++)
		if (memchr(values[i].bv_val, '\0', values[i].bv_len) != NULL) {
			complain("%s: a NUL byte", column->name);
			return import_refuse(import, item);
		}
	if (column->type == COLUMN_ACCESS || column->type == COLUMN_HOST_KEYS)
		return say_list(import, item, column, values, count);
	if (count > 1) {
		complain("%s: it has one value, not %u", column->name, count);
		return import_refuse(import, item);
	}
	return say_one(import, item, column, count == 0 ? empty : values[0],
	    raw);
}

/* ---- the end of it ------------------------------------------------------ */

/* A key opens nothing from the sooner of both moments on. */
static int
settle_expiry(struct import *import, struct import_item *item)
{
	struct import_said *said = said_of(item,
	    columns_find(columns_of(ENTRY_KEY), "expires"));
	int64_t own, other;

	if (item->expires == NULL ||
	    ldap_time_parse(item->expires, strlen(item->expires), &own) != 0)
		return EXIT_YES;
	if (said->count > 0 &&
	    (ldap_time_parse(said->values[0]->bv_val, said->values[0]->bv_len,
	         &other) != 0 ||
	        other <= own))
		return EXIT_YES;
	return keep_text(import, said, item->expires);
}

/* Who has access is said as a whole: a list that is not named is empty, when
 * another one is. */
static void
settle_access(struct import_item *item)
{
	const struct columns *columns = columns_of(item->kind);
	static struct berval *none[1];
	bool named = false;

	for (uint32_t i = 0; i < columns->count; i++)
		named |= columns->each[i].type == COLUMN_ACCESS &&
		    item->said[i].named;
	for (uint32_t i = 0; named && i < columns->count; i++)
		if (columns->each[i].type == COLUMN_ACCESS &&
		    !item->said[i].named)
			item->said[i] = (struct import_said){ true, 0, none };
}

static const char *
missing(const struct import_item *item)
{
	static const uint8_t no_fingerprint[SHA256_LEN];

	switch (item->kind) {
	case ENTRY_ACCOUNT:
		return item->number == 0 ? "account_id" : NULL;
	case ENTRY_KEY:
		if (item->need_count == 0)
			return "account_id";
		return memcmp(item->fingerprint, no_fingerprint, SHA256_LEN) ==
		        0
		    ? "ssh_public_key"
		    : NULL;
	case ENTRY_ENVIRONMENT:
		return item->name == NULL ? "cn" : NULL;
	case ENTRY_NODE:
		if (item->need_count == 0)
			return "environment";
		return item->number == 0 ? "node_id" : NULL;
	case ENTRY_OTHER:
	default:
		return "kind";
	}
}

static int
complain_twice(struct import *import, struct import_item *item,
    const struct import_item *first)
{
	char name[IMPORT_NAME_MAX];

	import_name(item, name);
	if (strcmp(item->file, first->file) == 0)
		complain("line %lu is about %s already", first->line, name);
	else
		complain("\"%s\", line %lu, is about %s already", first->file,
		    first->line, name);
	return import_refuse(import, item);
}

int
import_end(struct import *import, struct import_item *item)
{
	const char *needed = missing(item);
	struct import_item *known;

	if (item->state == IMPORT_REFUSED)
		return EXIT_NO;
	if (needed != NULL) {
		complain("%s is missing", needed);
		return import_refuse(import, item);
	}
	if (item->kind == ENTRY_KEY && settle_expiry(import, item) != EXIT_YES)
		return EXIT_CANNOT_TELL;
	settle_access(item);
	known = tree_add(&import->index, item, compare);
	if (known == NULL)
		return import_no_memory();
	if (known == item)
		return EXIT_YES;
	if (known->state != IMPORT_MENTIONED)
		return complain_twice(import, item, known);
	/* Others point at it. */
	*known = *item;
	import->items[import->count - 1] = known;
	return EXIT_YES;
}

/* ---- what is to be written ---------------------------------------------- */

static void
put_class(const struct schema *schema, const struct import_item *item,
    struct import_changes *changes)
{
	changes_put_text(&changes->changes, LDAP_MOD_ADD, "objectClass",
	    schema->names[entry_kind_class(item->kind)]);
	if (item->kind == ENTRY_KEY) {
		hex_encode(item->fingerprint, SHA256_LEN, changes->hex);
		changes_put_text(&changes->changes, LDAP_MOD_ADD, KEY_RDN_TYPE,
		    changes->hex);
	}
	if (item->number > 0) {
		(void)snprintf(changes->number, sizeof(changes->number), "%u",
		    item->number);
		changes_put_text(&changes->changes, LDAP_MOD_ADD,
		    schema
		        ->names[item->kind == ENTRY_ACCOUNT ? SCHEMA_ACCOUNT_ID
		                                            : SCHEMA_NODE_ID],
		    changes->number);
	}
}

/* A record names a key to say which it is: its options are left as they are,
 * where it says none. */
static bool
is_to_change(const struct import_item *item, uint32_t i)
{
	return (item->differs & 1U << i) != 0 &&
	    !(item->plain &&
	        columns_of(item->kind)->each[i].type == COLUMN_KEY);
}

void
import_changes(const struct import *import, const struct import_item *item,
    struct import_changes *ret_changes)
{
	const struct schema *schema = &import->config->schema;
	const struct columns *columns = columns_of(item->kind);
	struct changes *changes = &ret_changes->changes;
	bool titled = false;

	*changes = (struct changes){ .count = 0 };
	if (!item->found)
		put_class(schema, item, ret_changes);
	for (uint32_t i = 0; i < columns->count; i++) {
		const struct import_said *said = &item->said[i];
		const struct column *column = &columns->each[i];

		if (!said->named ||
		    (item->found ? !is_to_change(item, i) : said->count == 0))
			continue;
		titled |= column->attribute == SCHEMA_CN;
		changes_put_list(changes,
		    item->found ? LDAP_MOD_REPLACE : LDAP_MOD_ADD,
		    schema->names[column->attribute], said->values);
	}
	if (item->kind == ENTRY_KEY && !item->found && !titled &&
	    item->comment[0] != '\0')
		changes_put_text(changes, LDAP_MOD_ADD,
		    schema->names[SCHEMA_CN], item->comment);
}

void
cleanup_import(struct import *import)
{
	complain_about(NULL);
	tree_free(&import->index);
	free(import->items);
	pool_free(&import->pool);
	directory_close(import->directory);
}

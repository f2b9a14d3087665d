/*
 * An import beside the whole directory: what is there already, what is not, and
 * what says otherwise. See import.h. It refuses what a gateway would refuse, a
 * key that anybody else has, and what belongs to nothing.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/json.h"
#include "enscalectl/import.h"
#include "enscalectl/key_read.h"
#include "ldap/ldap_dn.h"
#include "ldap/ldap_time.h"

static void
about(struct import *import, const struct import_item *item)
{
	import_about(import, item->file, item->line);
}

/* ---- as it is ----------------------------------------------------------- */

/* What an entry of the directory is, to be found by. */
static struct import_item
like_entry(const struct entry *entry)
{
	struct import_item like = { .kind = entry->kind, .number = entry->id };

	if (entry->kind == ENTRY_ENVIRONMENT && !entry->refused)
		like.name = entry->environment.name;
	if (entry->kind == ENTRY_KEY && !entry->refused)
		memcpy(like.fingerprint, entry->key.fingerprint, SHA256_LEN);
	return like;
}

static bool
can_be_found(const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
	case ENTRY_NODE:
		return entry->id > 0;
	case ENTRY_KEY:
	case ENTRY_ENVIRONMENT:
		return !entry->refused;
	case ENTRY_OTHER:
	default:
		return false;
	}
}

/* The entry as it came, for as long as the import lasts. */
static int
keep_old(struct import *import, struct import_item *item,
    const struct ldap_attributes *raw)
{
	struct entry_attribute *old = pool_take(&import->pool,
	    (raw->count + 1) * sizeof(*old));

	for (uint32_t i = 0; old != NULL && i < raw->count; i++) {
		const struct entry_attribute *from = &raw->rows[i];
		struct berval *values = pool_take(&import->pool,
		    (from->value_count + 1) * sizeof(*values));

		for (uint32_t k = 0; values != NULL && k < from->value_count;
		     k++) {
			values[k].bv_len = from->values[k].bv_len;
			values[k].bv_val = pool_copy(&import->pool,
			    from->values[k].bv_val, from->values[k].bv_len);
			if (values[k].bv_val == NULL)
				return import_no_memory();
		}
		old[i].name.bv_len = from->name.bv_len;
		old[i].name.bv_val = pool_copy(&import->pool, from->name.bv_val,
		    from->name.bv_len);
		if (values == NULL || old[i].name.bv_val == NULL)
			return import_no_memory();
		old[i].values = values;
		old[i].value_count = from->value_count;
	}
	if (old == NULL)
		return import_no_memory();
	item->old = old;
	item->old_count = raw->count;
	return EXIT_YES;
}

static uint32_t
named_columns(const struct import_item *item)
{
	uint32_t named = 0;

	for (uint32_t i = 0; i < columns_of(item->kind)->count; i++)
		if (item->said[i].named)
			named |= 1U << i;
	return named;
}

static void
warn(const char *dn, const struct entry *entry)
{
	if (entry->warning[0] != '\0')
		complain("\"%s\": %s", dn, entry->warning);
}

/* The moment in the text of a key that is replaced is kept beside it, unless the
 * record has another one. */
static int
keep_expiry(struct import *import, struct import_item *item,
    const struct entry *entry, const struct entry *then)
{
	const struct columns *columns = columns_of(ENTRY_KEY);
	const struct column *expires = columns_find(columns, "expires");
	const size_t place = (size_t)(expires - columns->each);
	char time[REQUEST_TIME_SIZE];
	struct berval value = { 0, time };

	if (entry->refused || item->said[place].named ||
	    entry->key.expires == then->key.expires)
		return EXIT_YES;
	request_time_format(entry->key.expires, time);
	value.bv_len = strlen(time);
	item->differs |= 1U << place;
	return import_say(import, item, expires, &value, 1, true);
}

/* Which columns say something else than the entry: both are read as gateways
 * read them, whatever their texts are. */
static int
find_differences(struct import *import, struct import_item *item,
    const struct entry *entry, const struct ldap_attributes *raw)
{
	const struct columns *columns = columns_of(item->kind);
	struct import_changes changes;
	const struct entry *then;
	int code;

	item->differs = named_columns(item);
	import_changes(import, item, &changes);
	code = directory_judge(import->directory, item->dn, raw->rows,
	    raw->count, &changes.changes, &then);
	if (code != EXIT_YES)
		return code == EXIT_NO ? import_refuse(import, item) : code;
	for (uint32_t i = 0; !entry->refused && i < columns->count; i++)
		if (column_is_same(&columns->each[i], entry, then))
			item->differs &= ~(1U << i);
	if (item->kind == ENTRY_KEY &&
	    keep_expiry(import, item, entry, then) != EXIT_YES)
		return EXIT_CANNOT_TELL;
	item->state = item->differs != 0 || item->moves ? IMPORT_TO_CHANGE
	                                                : IMPORT_SAME;
	if (item->state == IMPORT_SAME)
		return EXIT_YES;
	warn(item->dn, then);
	return keep_old(import, item, raw);
}

/* ---- keys --------------------------------------------------------------- */

static int
refuse_key_of(struct import *import, struct import_item *item,
    const char *owner, const char *title, const char *dn)
{
	about(import, item);
	complain("not added: %s%s has this key already, \"%s\" (%s)",
	    owner[0] != '\0' ? "account " : "another account", owner, title,
	    dn);
	return import_refuse(import, item);
}

static const struct import_said *
said_of_key(const struct import_item *item, const char *name)
{
	const struct columns *columns = columns_of(ENTRY_KEY);

	return &item->said[columns_find(columns, name) - columns->each];
}

/* Does the record say of a key what the value does? Its title aside. */
static bool
is_same_value(const struct import_item *item, const struct entry_key *key)
{
	const struct import_said *line = said_of_key(item, "ssh_public_key"),
	                         *expires = said_of_key(item, "expires");
	const struct entry own = { .kind = ENTRY_KEY, .key = *key };
	AUTO_JSON json_t *text = column_value(
	    columns_find(columns_of(ENTRY_KEY), "ssh_public_key"), &own, NULL);
	int64_t time = 0;

	if (expires->count > 0 &&
	    ldap_time_parse(expires->values[0]->bv_val,
	        expires->values[0]->bv_len, &time) != 0)
		return false;
	return (!expires->named || time == key->expires) &&
	    (item->plain ||
	        (json_is_string(text) &&
	            strcmp(json_string_value(text), line->values[0]->bv_val) ==
	                0));
}

/* A key that is a value of an account's entry. */
static int
meet_value(struct import *import, const struct entry *account,
    const struct entry_key *key)
{
	struct import_item like = { .kind = ENTRY_KEY };
	struct import_item *item;
	char owner[16];

	memcpy(like.fingerprint, key->fingerprint, SHA256_LEN);
	item = import_find(import, &like);
	if (item == NULL || item->state == IMPORT_REFUSED)
		return EXIT_YES;
	if (item->needs[0]->number != account->id) {
		(void)snprintf(owner, sizeof(owner), "%u", account->id);
		return refuse_key_of(import, item, owner, key->title,
		    account->dn);
	}
	item->found = true;
	item->state = IMPORT_SAME;
	if (is_same_value(item, key))
		return EXIT_YES;
	about(import, item);
	complain("the key is a value of \"%s\", not an entry: change that with "
	         "the tools of the directory",
	    account->dn);
	return import_refuse(import, item);
}

static int
meet_values(struct import *import, const struct entry *account)
{
	int code = EXIT_YES;

	for (uint32_t i = 0; code != EXIT_CANNOT_TELL && !account->refused &&
	     i < account->account.key_count;
	     i++)
		code = meet_value(import, account, &account->account.keys[i]);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* Is the key's entry below the account that the record says? */
static int
check_owner(struct import *import, struct import_item *item,
    const struct entry *entry)
{
	const struct import_item *account = item->needs[0];
	char owner[NAME_TEXT_MAX + 1];

	if (account->found && directory_is_right_below(entry->dn, account->dn))
		return EXIT_YES;
	directory_parent_value(entry->dn,
	    import->config->schema.names[SCHEMA_ACCOUNT_ID], owner);
	return refuse_key_of(import, item, owner, entry->key.title, entry->dn);
}

/* ---- one entry ---------------------------------------------------------- */

static int
compare_entry(struct import *import, struct import_item *item,
    const struct entry *entry, const struct ldap_attributes *raw)
{
	about(import, item);
	if (entry->kind == ENTRY_KEY &&
	    check_owner(import, item, entry) != EXIT_YES)
		return EXIT_NO;
	if (entry->kind == ENTRY_NODE)
		item->moves = !item->needs[0]->found ||
		    !directory_is_right_below(entry->dn, item->needs[0]->dn);
	return find_differences(import, item, entry, raw);
}

static int
refuse_twice(struct import *import, struct import_item *item, const char *dn)
{
	about(import, item);
	complain("the directory has it twice: \"%s\" and \"%s\"", item->dn, dn);
	return import_refuse(import, item);
}

static int
meet(const struct entry *entry, const struct ldap_attributes *raw, void *arg)
{
	struct import *import = arg;
	const struct import_item like = like_entry(entry);
	struct import_item *item = can_be_found(entry)
	    ? import_find(import, &like)
	    : NULL;
	int code = EXIT_YES;

	if (item != NULL && item->state != IMPORT_REFUSED && item->found) {
		code = item->kind == ENTRY_KEY
		    ? EXIT_YES
		    : refuse_twice(import, item, entry->dn);
	} else if (item != NULL && item->state != IMPORT_REFUSED) {
		item->found = true;
		item->dn = pool_copy(&import->pool, entry->dn,
		    strlen(entry->dn));
		if (item->kind == ENTRY_ENVIRONMENT)
			item->name = pool_copy(&import->pool,
			    entry->environment.name,
			    strlen(entry->environment.name));
		if (item->dn == NULL ||
		    (item->kind == ENTRY_ENVIRONMENT && item->name == NULL))
			return import_no_memory();
		if (item->state != IMPORT_MENTIONED)
			code = compare_entry(import, item, entry, raw);
	}
	if (code != EXIT_CANNOT_TELL && entry->kind == ENTRY_ACCOUNT)
		code = meet_values(import, entry);
	import_about(import, NULL, 0);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* ---- keys that others bring --------------------------------------------- */

/* What this gateway has from wherever: of several directories, or of one that
 * has changed since, which another run finds. */
static int
meet_in_view(const struct view *view, uint32_t account,
    const uint8_t fingerprint[SHA256_LEN], void *arg)
{
	struct import *import = arg;
	struct import_item like = { .kind = ENTRY_KEY };
	struct import_item *item;
	struct key_record record;

	memcpy(like.fingerprint, fingerprint, SHA256_LEN);
	item = import_find(import, &like);
	if (item == NULL || item->state != IMPORT_TO_ADD ||
	    item->needs[0]->number == account ||
	    view_find_key(view, account, fingerprint, &record) != 0)
		return 0;
	about(import, item);
	complain("not added: account %u has this key already", account);
	(void)import_refuse(import, item);
	import_about(import, NULL, 0);
	return 0;
}

/* ---- what is not there -------------------------------------------------- */

static int
check_needs(struct import *import, struct import_item *item)
{
	char name[IMPORT_NAME_MAX];

	for (uint32_t i = 0; i < item->need_count; i++) {
		const struct import_item *need = item->needs[i];

		if (need->found || need->state == IMPORT_TO_ADD)
			continue;
		import_name(need, name);
		if (need->state == IMPORT_REFUSED)
			complain("%s was refused, which it needs", name);
		else
			complain("there is no %s, here or in the directory",
			    name);
		return import_refuse(import, item);
	}
	return EXIT_YES;
}

/* Is the entry there that new ones are to be below? Without it, none of them can
 * be made. */
static int
check_parent(struct import *import, const char *parent)
{
	struct directory_entry found = { .message = NULL };
	int code;

	if (import->parent != NULL && strcmp(import->parent, parent) == 0)
		return EXIT_YES;
	import_about(import, NULL, 0);
	code = directory_find(import->directory, parent, LDAP_SCOPE_BASE,
	    "(objectClass=*)", &found);
	cleanup_directory_entry(&found);
	if (code != EXIT_YES) {
		complain("new entries are to be below it: --below names "
		         "another one");
		return EXIT_CANNOT_TELL;
	}
	import->parent = pool_copy(&import->pool, parent, strlen(parent));
	return import->parent != NULL ? EXIT_YES : import_no_memory();
}

/* Where LDIF says, or where such entries usually are. */
static int
place(struct import *import, struct import_item *item, const char *usual,
    const char *attribute, const char *value)
{
	const struct config *config = import->config;
	char parent[ENTRY_DN_MAX + 1], dn[ENTRY_DN_MAX + 1];
	int code;

	if (item->dn != NULL) {
		if (ldap_dn_is_below(item->dn, config->base,
		        config->scope == CONFIG_SCOPE_ONE ? 1 : -1) == 0)
			return EXIT_YES;
		complain("\"%s\" is not below \"%s\"", item->dn, config->base);
		return EXIT_NO;
	}
	code = usual != NULL ? request_parent(import->request, usual, parent)
	                     : EXIT_YES;
	if (code == EXIT_YES && usual != NULL)
		code = check_parent(import, parent);
	if (code == EXIT_YES)
		code = request_dn(dn, attribute, value,
		    usual != NULL ? parent : item->needs[0]->dn);
	if (code != EXIT_YES)
		return code;
	item->dn = pool_copy(&import->pool, dn, strlen(dn));
	return item->dn != NULL ? EXIT_YES : import_no_memory();
}

static int
find_place(struct import *import, struct import_item *item)
{
	const struct schema *schema = &import->config->schema;
	char number[16], hex[2 * SHA256_LEN + 1];

	(void)snprintf(number, sizeof(number), "%u", item->number);
	switch (item->kind) {
	case ENTRY_ACCOUNT:
		return place(import, item, "ou=accounts",
		    schema->names[SCHEMA_ACCOUNT_ID], number);
	case ENTRY_KEY:
		hex_encode(item->fingerprint, SHA256_LEN, hex);
		return place(import, item, NULL, KEY_RDN_TYPE, hex);
	case ENTRY_ENVIRONMENT:
		return request_environment(item->name) != EXIT_YES
		    ? EXIT_NO
		    : place(import, item, "ou=environments",
		          schema->names[SCHEMA_CN], item->name);
	case ENTRY_NODE:
		return place(import, item, NULL, schema->names[SCHEMA_NODE_ID],
		    number);
	case ENTRY_OTHER:
	default:
		return EXIT_NO;
	}
}

/* A new entry: where it will be, and whether gateways will take it. */
static int
plan(struct import *import, struct import_item *item)
{
	struct import_changes changes;
	const struct entry *entry;
	int code;

	about(import, item);
	code = check_needs(import, item);
	if (code != EXIT_YES || item->found)
		return code;
	code = find_place(import, item);
	import_changes(import, item, &changes);
	if (code == EXIT_YES)
		code = directory_judge(import->directory, item->dn, NULL, 0,
		    &changes.changes, &entry);
	if (code == EXIT_YES)
		warn(item->dn, entry);
	return code == EXIT_CANNOT_TELL || code == EXIT_YES
	    ? code
	    : import_refuse(import, item);
}

static int
plan_kind(struct import *import, enum entry_kind kind)
{
	int code = EXIT_YES;

	for (uint32_t i = 0; code != EXIT_CANNOT_TELL && i < import->count &&
	     !import_is_over(import);
	     i++)
		if (import->items[i]->kind == kind &&
		    import->items[i]->state != IMPORT_REFUSED)
			code = plan(import, import->items[i]);
	return code;
}

int
import_look(struct import *import)
{
	int code = EXIT_YES;

	for (size_t k = 0; k < COLUMNS_KINDS; k++)
		if (directory_each_of_kind(import->directory, columns_kinds[k],
		        meet, import) != EXIT_YES)
			return EXIT_CANNOT_TELL;
	/* Where no gateway runs, the directory was asked. */
	(void)key_read_view(import->config, meet_in_view, import);
	for (size_t k = 0; code != EXIT_CANNOT_TELL && k < COLUMNS_KINDS; k++)
		code = plan_kind(import, columns_kinds[k]);
	import_about(import, NULL, 0);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* Reading the directory as an administrator. See directory.h. It refuses to
 * take one of several entries for the one that was meant. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/errors.h"
#include "enscalectl/directory_private.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_dn.h"
#include "ldap/ldap_paged.h"
#include "ldap/ldap_search.h"

#define MILLISECONDS 1000

static const uint8_t no_uuid[ENTRY_UUID_LEN];

/* ---- filters ------------------------------------------------------------ */

void
directory_filter_add(char buf[DIRECTORY_FILTER_MAX], const char *format, ...)
{
	size_t used = strlen(buf);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(buf + used, DIRECTORY_FILTER_MAX - used, format, args);
	va_end(args);
}

bool
directory_filter_value(char buf[DIRECTORY_FILTER_MAX], const char *value,
    bool wild)
{
	const unsigned char *at;

	if (strlen(buf) + 3 * strlen(value) >= DIRECTORY_FILTER_MAX)
		return false;
	for (at = (const unsigned char *)value; *at != '\0'; at++) {
		if ((*at == '*' && !wild) || strchr("()\\", *at) != NULL)
			directory_filter_add(buf, "\\%02x", *at);
		else
			directory_filter_add(buf, "%c", *at);
	}
	return true;
}

/* The classes that are entries of a kind. */
static void
put_classes(const struct schema *schema, enum entry_kind kind,
    char buf[DIRECTORY_FILTER_MAX])
{
	if (kind == ENTRY_ACCOUNT)
		directory_filter_add(buf, "(|(objectClass=%s)(objectClass=%s))",
		    schema->names[SCHEMA_ACCOUNT],
		    schema->names[SCHEMA_ACCOUNT_AUX]);
	else
		directory_filter_add(buf, "(objectClass=%s)",
		    schema->names[entry_kind_class(kind)]);
}

void
directory_filter(const struct config *config, enum entry_kind kind,
    const char *attribute, const char *value, char buf[DIRECTORY_FILTER_MAX])
{
	buf[0] = '\0';
	directory_filter_add(buf, "(&%s", config->filter);
	put_classes(&config->schema, kind, buf);
	if (attribute != NULL) {
		directory_filter_add(buf, "(%s=", attribute);
		(void)directory_filter_value(buf, value, false);
		directory_filter_add(buf, ")");
	}
	directory_filter_add(buf, ")");
}

static bool
put_term(char buf[DIRECTORY_FILTER_MAX], const char *attribute,
    const char *value)
{
	size_t used = strlen(buf);

	directory_filter_add(buf, "(%s=", attribute);
	if (directory_filter_value(buf, value, false) &&
	    strlen(buf) + sizeof(")))") <= DIRECTORY_FILTER_MAX) {
		directory_filter_add(buf, ")");
		return true;
	}
	buf[used] = '\0';
	return false;
}

bool
directory_filter_member(char buf[DIRECTORY_FILTER_MAX],
    const struct config *config, enum schema_name list, const char *number,
    const struct directory_entry *account)
{
	const char *attribute = config->schema.names[list];
	const struct entry_attribute *names = directory_attribute(account,
	    config->schema.names[SCHEMA_ACCOUNT_ID]);
	bool fits = put_term(buf, attribute, number);

	if (strcmp(attribute, schema_names[list]) == 0)
		return fits;
	fits = fits && put_term(buf, attribute, account->dn);
	for (uint32_t i = 0; names != NULL && i < names->value_count; i++) {
		if (strcmp(names->values[i].bv_val, number) != 0)
			fits = fits &&
			    put_term(buf, attribute, names->values[i].bv_val);
	}
	return fits;
}

/* ---- one entry ---------------------------------------------------------- */

static int
scope_of(const struct directory *directory, const char *base, int scope)
{
	if (base != NULL)
		return scope;
	return directory->config->scope == CONFIG_SCOPE_ONE
	    ? LDAP_SCOPE_ONELEVEL
	    : LDAP_SCOPE_SUBTREE;
}

/* What entry_parse() reads. */
static void
wanted(const struct directory *directory, struct ldap_search *ret_search)
{
	const struct config *config = directory->config;

	ldap_search_init(ret_search, config->base, LDAP_SCOPE_SUBTREE, "",
	    &config->schema, false);
}

/* The message becomes the entry's. */
static int
take_entry(struct directory *directory, LDAPMessage *message,
    struct directory_entry *entry)
{
	int r = ldap_attributes_read(directory->ld,
	    ldap_first_entry(directory->ld, message), &entry->raw);

	entry->message = message;
	if (r == 0)
		r = entry_parser_new(&directory->config->schema,
		    &entry->parser);
	if (r == 0)
		r = entry_parse(entry->parser, no_uuid, entry->raw.dn,
		    entry->raw.rows, entry->raw.count, &entry->entry);
	if (r != 0) {
		complain("%s: cannot read what it answers: %s", directory->uri,
		    error_text(r));
		return EXIT_CANNOT_TELL;
	}
	entry->dn = entry->entry.dn;
	return EXIT_YES;
}

void
cleanup_directory_entry(struct directory_entry *entry)
{
	ldap_attributes_clear(&entry->raw);
	entry_parser_free(entry->parser);
	ldap_msgfree(entry->message);
	entry->parser = NULL;
	entry->message = NULL;
}

const struct entry_attribute *
directory_attribute(const struct directory_entry *entry, const char *name)
{
	for (uint32_t i = 0; i < entry->raw.count; i++)
		if (entry->raw.rows[i].name.bv_len == strlen(name) &&
		    strncasecmp(entry->raw.rows[i].name.bv_val, name,
		        strlen(name)) == 0)
			return &entry->raw.rows[i];
	return NULL;
}

static int
search(struct directory *directory, const char *base, int scope,
    const char *filter, LDAPMessage **ret_found)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)directory->config->timeout * MILLISECONDS);
	const char *from = base != NULL ? base : directory->config->base;
	struct ldap_search attributes;
	char **names;
	int r;

	wanted(directory, &attributes);
	memcpy(&names, &(const char *const *){ attributes.attributes },
	    sizeof(names)); /* only read */
	r = ldap_search_ext_s(directory->ld, from,
	    scope_of(directory, base, scope), filter, names, 0, NULL, NULL,
	    &patience, 2, ret_found);
	if (r == LDAP_SUCCESS || r == LDAP_SIZELIMIT_EXCEEDED)
		return EXIT_YES;
	/* Without the base, whether there is such an entry is not known. */
	(void)directory_fail(directory, r, from, false);
	return EXIT_CANNOT_TELL;
}

int
directory_find(struct directory *directory, const char *base, int scope,
    const char *filter, struct directory_entry *ret_entry)
{
	struct directory_entry entry = { .message = NULL };
	LDAPMessage *found = NULL;
	int code = search(directory, base, scope, filter, &found), count;

	count = found != NULL ? ldap_count_entries(directory->ld, found) : 0;
	if (code == EXIT_YES && count == 0)
		code = EXIT_NO;
	if (code == EXIT_YES && count > 1) {
		complain("%s has several entries with %s: leave one",
		    base != NULL ? base : directory->config->base, filter);
		code = EXIT_CANNOT_TELL;
	}
	if (code != EXIT_YES) {
		ldap_msgfree(found);
		return code;
	}
	code = take_entry(directory, found, &entry);
	if (code != EXIT_YES)
		cleanup_directory_entry(&entry);
	else
		*ret_entry = entry;
	return code;
}

int
directory_find_named_quietly(struct directory *directory, enum entry_kind kind,
    const char *name, struct directory_entry *ret_entry)
{
	static const enum schema_name named[] = {
		[ENTRY_ACCOUNT] = SCHEMA_ACCOUNT_ID,
		[ENTRY_ENVIRONMENT] = SCHEMA_CN,
		[ENTRY_NODE] = SCHEMA_NODE_ID,
	};
	char filter[DIRECTORY_FILTER_MAX];

	directory_filter(directory->config, kind,
	    directory->config->schema.names[named[kind]], name, filter);
	return directory_find(directory, NULL, 0, filter, ret_entry);
}

void
directory_complain_of_none(const struct directory *directory,
    enum entry_kind kind, const char *name)
{
	complain("there is no %s \"%s\" below %s, or it is not shown to you",
	    entry_kind_text(kind), name, directory->config->base);
}

int
directory_find_named(struct directory *directory, enum entry_kind kind,
    const char *name, struct directory_entry *ret_entry)
{
	int code = directory_find_named_quietly(directory, kind, name,
	    ret_entry);

	if (code == EXIT_NO)
		directory_complain_of_none(directory, kind, name);
	return code;
}

/* ---- all of them -------------------------------------------------------- */

/* A search that is under way. */
struct walk {
	struct directory *directory;
	struct ldap_paged *paged;
	struct ldap_paged_message message;
	struct entry_parser *parser;
	const char *from;
};

static int
wait_for_more(struct walk *walk)
{
	struct pollfd ready = { .events = POLLIN };

	if (ldap_get_option(walk->directory->ld, LDAP_OPT_DESC, &ready.fd) ==
	        LDAP_SUCCESS &&
	    poll(&ready, 1,
	        (int)walk->directory->config->timeout * MILLISECONDS) == 1)
		return EXIT_YES;
	return directory_fail(walk->directory, LDAP_TIMEOUT, walk->from, false);
}

static int
visit_message(struct walk *walk, directory_visit_raw *visit, void *arg)
{
	const struct ldap_attributes *rows = &walk->message.attributes;
	struct entry entry;
	int r = entry_parse(walk->parser, no_uuid, rows->dn, rows->rows,
	    rows->count, &entry);

	if (r == 0)
		return entry_is_nobody(&entry) ? EXIT_YES
		                               : visit(&entry, rows, arg);
	complain("%s: cannot read what it answers: %s", walk->directory->uri,
	    error_text(r));
	return EXIT_CANNOT_TELL;
}

static int
walk_all(struct walk *walk, directory_visit_raw *visit, void *arg)
{
	int code = EXIT_YES, r;

	while (code == EXIT_YES) {
		r = ldap_paged_next(walk->paged, &walk->message);
		if (r == ENS_E_LDAP)
			return directory_fail(walk->directory, LDAP_SERVER_DOWN,
			    walk->from, false);
		if (r != 0) {
			complain("%s: %s", walk->directory->uri,
			    walk->message.reason[0] != '\0'
			        ? walk->message.reason
			        : error_text(r));
			return EXIT_CANNOT_TELL;
		}
		if (walk->message.kind == LDAP_PAGED_END)
			return walk->message.code == LDAP_SUCCESS
			    ? EXIT_YES
			    : directory_fail(walk->directory,
			          walk->message.code, walk->from, false);
		if (walk->message.kind == LDAP_PAGED_NONE)
			code = wait_for_more(walk);
		else if (walk->message.kind == LDAP_PAGED_ENTRY)
			code = visit_message(walk, visit, arg);
	}
	return code;
}

static int
each(struct directory *directory, const char *base, int scope,
    const char *filter, directory_visit_raw *visit, void *arg)
{
	struct walk walk = { .directory = directory,
		.from = base != NULL ? base : directory->config->base };
	char reason[LDAP_REASON_MAX] = "";
	struct ldap_search attributes;
	int code = EXIT_CANNOT_TELL, r;

	wanted(directory, &attributes);
	r = entry_parser_new(&directory->config->schema, &walk.parser);
	if (r == 0)
		r = ldap_paged_start(directory->ld, walk.from,
		    scope_of(directory, base, scope), filter,
		    attributes.attributes, &walk.paged, reason);
	if (r == 0)
		code = walk_all(&walk, visit, arg);
	else
		complain("%s: %s", directory->uri,
		    reason[0] != '\0' ? reason : error_text(r));
	ldap_attributes_clear(&walk.message.attributes);
	ldap_paged_free(walk.paged);
	entry_parser_free(walk.parser);
	return code;
}

struct plain_visit {
	directory_visit *visit;
	void *arg;
};

static int
visit_plainly(const struct entry *entry, const struct ldap_attributes *raw,
    void *arg)
{
	const struct plain_visit *plain = arg;

	(void)raw;
	return plain->visit(entry, plain->arg);
}

int
directory_each(struct directory *directory, const char *base, int scope,
    const char *filter, directory_visit *visit, void *arg)
{
	struct plain_visit plain = { visit, arg };

	return each(directory, base, scope, filter, visit_plainly, &plain);
}

int
directory_each_of_kind(struct directory *directory, enum entry_kind kind,
    directory_visit_raw *visit, void *arg)
{
	char filter[DIRECTORY_FILTER_MAX];

	directory_filter(directory->config, kind, NULL, NULL, filter);
	return each(directory, NULL, 0, filter, visit, arg);
}

/* ---- names -------------------------------------------------------------- */

void
directory_parent_value(const char *dn, const char *attribute,
    char buf[NAME_TEXT_MAX + 1])
{
	LDAPDN names = NULL;
	LDAPAVA *ava;

	buf[0] = '\0';
	if (ldap_str2dn(dn, &names, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS &&
	    names != NULL && names[0] != NULL && names[1] != NULL &&
	    (ava = names[1][0]) != NULL &&
	    strlen(attribute) == ava->la_attr.bv_len &&
	    strncasecmp(attribute, ava->la_attr.bv_val, ava->la_attr.bv_len) ==
	        0 &&
	    ava->la_value.bv_len <= NAME_TEXT_MAX) {
		memcpy(buf, ava->la_value.bv_val, ava->la_value.bv_len);
		buf[ava->la_value.bv_len] = '\0';
	}
	if (names != NULL)
		ldap_dnfree(names);
}

bool
directory_is_right_below(const char *dn, const char *parent)
{
	struct ldap_dn_hash above, own;

	return ldap_dn_hash(dn, NULL, &above) == 0 &&
	    ldap_dn_hash(parent, &own, NULL) == 0 &&
	    memcmp(&above, &own, sizeof(own)) == 0;
}

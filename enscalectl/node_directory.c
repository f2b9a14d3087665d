/* See node_directory.h. Refuses to move a node from one environment to
 * another. */
#include <config.h>

#include "enscalectl/node_directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"
#include "enscalectl/node_entry.h"
#include "enscalectl/verb.h"

/* What an entry has beside its name. */
static const struct {
	enum schema_name name;
	bool kept; /* when it is there */
} attributes[] = {
	{ SCHEMA_ADDRESS, false },
	{ SCHEMA_SERVICE_TYPE, false },
	{ SCHEMA_SYSTEM_USER, false },
	{ SCHEMA_STATE, true },
	{ SCHEMA_PORT, false },
	{ SCHEMA_HOST_KEY, false },
};

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

/* ---- what has to change ------------------------------------------------- */

/* Of a key, its comment is no part. */
static size_t
significant(const struct berval *value, bool key)
{
	const char *blob = memchr(value->bv_val, ' ', value->bv_len), *comment;
	size_t rest;

	if (!key || blob == NULL)
		return value->bv_len;
	rest = value->bv_len - (size_t)(blob + 1 - value->bv_val);
	comment = memchr(blob + 1, ' ', rest);
	return comment == NULL ? value->bv_len
	                       : (size_t)(comment - value->bv_val);
}

static bool
has_value(const struct entry_attribute *old, const struct berval *wanted,
    bool key)
{
	size_t len = significant(wanted, key);
	uint32_t i;

	for (i = 0; i < old->value_count; i++)
		if (significant(&old->values[i], key) == len &&
		    memcmp(old->values[i].bv_val, wanted->bv_val, len) == 0)
			return true;
	return false;
}

static bool
is_same(const struct entry_attribute *old, const struct entry_attribute *wanted,
    bool key)
{
	uint32_t i;

	if (old->value_count != wanted->value_count)
		return false;
	for (i = 0; i < wanted->value_count; i++)
		if (!has_value(old, &wanted->values[i], key))
			return false;
	return true;
}

static void
print_values(const char *name, const struct entry_attribute *wanted)
{
	AUTO_FREE char *printable = malloc(KEY_LINE_MAX);
	uint32_t i;

	for (i = 0; printable != NULL && i < wanted->value_count; i++) {
		text_printable(wanted->values[i].bv_val, printable,
		    KEY_LINE_MAX);
		printf("    %s: %s\n", name, printable);
	}
}

/* old NULL: all that is wanted is missing there. */
static void
compare(const struct directory_entry *old, const struct config *config,
    const struct node_entry *entry, struct changes *changes)
{
	const struct entry_attribute *wanted, *there;
	const char *name;
	size_t i;

	for (i = 0; i < ATTRIBUTES; i++) {
		wanted = node_entry_shown(entry, attributes[i].name);
		if (wanted == NULL)
			continue;
		name = config->schema.names[attributes[i].name];
		there = old != NULL ? directory_attribute(old, name) : NULL;
		if (there != NULL &&
		    (attributes[i].kept ||
		        is_same(there, wanted,
		            attributes[i].name == SCHEMA_HOST_KEY)))
			continue;
		print_values(name, wanted);
		changes_put(changes,
		    old == NULL ? LDAP_MOD_ADD : LDAP_MOD_REPLACE, name,
		    wanted->values, wanted->value_count);
	}
}

/* ---- changing it -------------------------------------------------------- */

/* What is to be put, and where. */
struct put {
	const struct config *config;
	struct directory *directory;
	const char *number, *environment;
	const struct node_entry *entry;
	bool dry_run;
};

static int
add_entry(const struct put *put, const char *parent)
{
	const struct schema *schema = &put->config->schema;
	const char *id = schema->names[SCHEMA_NODE_ID];
	struct changes changes = { .count = 0 };
	const struct entry *added;
	char dn[ENTRY_DN_MAX + 1];
	int n = snprintf(dn, sizeof(dn), "%s=%s,%s", id, put->number, parent);

	if (n < 0 || n > ENTRY_DN_MAX) {
		complain("the DN of the node would be too long");
		return EXIT_NO;
	}
	printf("  add %s\n", dn);
	changes_put_text(&changes, LDAP_MOD_ADD, "objectClass",
	    schema->names[SCHEMA_NODE]);
	changes_put_text(&changes, LDAP_MOD_ADD, id, put->number);
	if (put->entry == NULL) {
		puts("    with its settings and its host keys");
		return EXIT_YES;
	}
	compare(NULL, put->config, put->entry, &changes);
	return put->dry_run
	    ? EXIT_YES
	    : directory_add(put->directory, dn, &changes, &added);
}

static int
change_entry(const struct put *put, const struct directory_entry *old)
{
	struct changes changes = { .count = 0 };
	const struct entry *changed;

	printf("  found: %s\n", old->dn);
	if (put->entry == NULL)
		return EXIT_YES;
	compare(old, put->config, put->entry, &changes);
	if (changes.count == 0)
		puts("  as it should be");
	return put->dry_run || changes.count == 0
	    ? EXIT_YES
	    : directory_modify(put->directory, old, &changes, &changed);
}

static int
put_below(const struct put *put, const char *parent)
{
	struct directory_entry old = { .message = NULL };
	char filter[DIRECTORY_FILTER_MAX];
	int code;

	directory_filter(put->config, ENTRY_NODE,
	    put->config->schema.names[SCHEMA_NODE_ID], put->number, filter);
	code = directory_find(put->directory, NULL, 0, filter, &old);
	if (code == EXIT_NO)
		return add_entry(put, parent);
	if (code != EXIT_YES)
		return code;
	if (directory_is_right_below(old.dn, parent)) {
		code = change_entry(put, &old);
	} else {
		complain("the node is there, in another place than \"%s\": "
		         "\"%s\": enscalectl node move puts it there",
		    parent, old.dn);
		code = EXIT_NO;
	}
	cleanup_directory_entry(&old);
	return code;
}

static int
put_it(const struct put *put)
{
	struct directory_entry environment = { .message = NULL };
	int code = directory_find_named(put->directory, ENTRY_ENVIRONMENT,
	    put->environment, &environment);

	if (code == EXIT_YES)
		code = put_below(put, environment.dn);
	else if (code == EXIT_NO)
		complain("enscalectl environment add makes it");
	cleanup_directory_entry(&environment);
	return code;
}

/* Whoever writes the file puts it there; run again, the view has it. */
static int
show_for_file(const struct config *config, uint32_t node,
    const char *environment, const struct node_entry *entry)
{
	size_t i;

	if (entry == NULL ||
	    node_entry_is_published(config, environment, entry))
		return EXIT_YES;
	printf("  for %s, below the environment's entry:\n"
	       "    dn: enscaleNodeId=%u,...\n    objectClass: %s\n"
	       "    %s: %u\n",
	    config->uri, node, config->schema.names[SCHEMA_NODE],
	    config->schema.names[SCHEMA_NODE_ID], node);
	for (i = 0; i < ATTRIBUTES; i++)
		if (node_entry_shown(entry, attributes[i].name) != NULL)
			print_values(config->schema.names[attributes[i].name],
			    node_entry_shown(entry, attributes[i].name));
	complain("the directory is a file, which only you edit: put the entry "
	         "there, and run this command again");
	return EXIT_NO;
}

int
node_directory_put(const struct config *config,
    const struct directory_identity *identity, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run)
{
	AUTO(cleanup_directory) struct directory *directory = NULL;
	struct put put = { .config = config,
		.environment = environment,
		.entry = entry,
		.dry_run = dry_run };
	char number[16];
	int code;

	if (identity->uri == NULL && directory_is_file(config))
		return show_for_file(config, node, environment, entry);
	code = directory_open(config, identity, "node enrol", &directory);
	if (code != EXIT_YES)
		return code;
	snprintf(number, sizeof(number), "%u", node);
	put.directory = directory;
	put.number = number;
	return put_it(&put);
}

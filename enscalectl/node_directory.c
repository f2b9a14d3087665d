/* See node_directory.h. Refuses to move a node from one environment to
 * another. */
#include <config.h>

#include "enscalectl/node_directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscalectl/node_entry.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_dn.h"

#define FILE_SCHEME  "file:"
#define FILTER_MAX   512
#define DN_MAX       (ENTRY_DN_MAX + 1)
#define CHANGES_MAX  8
#define MILLISECONDS 1000

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

/* ---- what the directory has --------------------------------------------- */

/* The one entry of that class and name: 0, ENS_E_NOTFOUND; ENS_E_LDAP after a
 * complaint. The message is the caller's: ldap_msgfree(). */
static int
find(LDAP *ld, const struct config *config, const char *class,
    const char *attribute, const char *value, LDAPMessage **ret_found)
{
	int scope = config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                              : LDAP_SCOPE_SUBTREE;
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	char filter[FILTER_MAX], reason[LDAP_REASON_MAX];
	LDAPMessage *found = NULL;
	int count, r;

	/* Of digits, or of letters, digits and "-". */
	snprintf(filter, sizeof(filter), "(&(objectClass=%s)(%s=%s))", class,
	    attribute, value);
	r = ldap_search_ext_s(ld, config->base, scope, filter, NULL, 0, NULL,
	    NULL, &patience, 2, &found);
	count = found != NULL ? ldap_count_entries(ld, found) : 0;
	if (r == LDAP_SUCCESS && count == 1) {
		*ret_found = found;
		return 0;
	}
	ldap_msgfree(found);
	if (r == LDAP_SUCCESS && count == 0)
		return ENS_E_NOTFOUND;
	if (count > 1) {
		complain("%s has several entries with %s=%s: leave one",
		    config->base, attribute, value);
		return ENS_E_LDAP;
	}
	ldap_connection_reason(ld, r, "search", reason);
	complain("%s: %s", config->base, reason);
	return ENS_E_LDAP;
}

static int
copy_dn(LDAP *ld, LDAPMessage *found, char ret_dn[DN_MAX])
{
	char *dn = ldap_get_dn(ld, ldap_first_entry(ld, found));
	int n = dn != NULL ? snprintf(ret_dn, DN_MAX, "%s", dn) : -1;

	ldap_memfree(dn);
	return n >= 0 && n < DN_MAX ? 0 : ENS_E_LIMIT;
}

static int
find_environment(LDAP *ld, const struct config *config, const char *name,
    char ret_dn[DN_MAX])
{
	const struct schema *schema = &config->schema;
	LDAPMessage *found;
	int r = find(ld, config, schema->names[SCHEMA_ENVIRONMENT],
	    schema->names[SCHEMA_CN], name, &found);

	if (r == ENS_E_NOTFOUND)
		complain("there is no environment \"%s\" below %s, or it is "
		         "not shown to you: add it first",
		    name, config->base);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? EXIT_NO : EXIT_CANNOT_TELL;
	r = copy_dn(ld, found, ret_dn);
	ldap_msgfree(found);
	if (r == 0)
		return EXIT_YES;
	complain("the DN of environment \"%s\": %s", name, error_text(r));
	return EXIT_CANNOT_TELL;
}

/* ---- what has to change ------------------------------------------------- */

struct change {
	LDAPMod mod;
	struct berval values[NODE_HOST_KEYS_MAX];
	struct berval *pointers[NODE_HOST_KEYS_MAX + 1];
};

struct changes {
	struct change each[CHANGES_MAX];
	LDAPMod *pointers[CHANGES_MAX + 1];
	unsigned count;
};

static void
add_change(struct changes *changes, int op, const char *name,
    const struct berval *values, uint32_t count)
{
	struct change *change = &changes->each[changes->count];
	uint32_t i;

	*change = (struct change){ .mod.mod_op = op | LDAP_MOD_BVALUES };
	memcpy(&change->mod.mod_type, &name, sizeof(name)); /* only read */
	for (i = 0; i < count && i < NODE_HOST_KEYS_MAX; i++) {
		change->values[i] = values[i];
		change->pointers[i] = &change->values[i];
	}
	change->mod.mod_bvalues = change->pointers;
	changes->pointers[changes->count++] = &change->mod;
}

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
has_value(struct berval **values, const struct berval *wanted, bool key)
{
	size_t len = significant(wanted, key);

	for (; *values != NULL; values++)
		if (significant(*values, key) == len &&
		    memcmp((*values)->bv_val, wanted->bv_val, len) == 0)
			return true;
	return false;
}

static bool
is_same(struct berval **values, const struct entry_attribute *wanted, bool key)
{
	uint32_t i;

	if ((uint32_t)ldap_count_values_len(values) != wanted->value_count)
		return false;
	for (i = 0; i < wanted->value_count; i++)
		if (!has_value(values, &wanted->values[i], key))
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

/* found NULL: all that is wanted is missing there. */
static void
compare(LDAP *ld, LDAPMessage *found, const struct config *config,
    const struct node_entry *entry, struct changes *changes)
{
	const struct entry_attribute *wanted;
	struct berval **values;
	const char *name;
	bool differs;
	size_t i;

	for (i = 0; i < ATTRIBUTES; i++) {
		wanted = node_entry_shown(entry, attributes[i].name);
		if (wanted == NULL)
			continue;
		name = config->schema.names[attributes[i].name];
		values = found == NULL ? NULL
		                       : ldap_get_values_len(ld,
		                             ldap_first_entry(ld, found), name);
		differs = values == NULL ||
		    (!attributes[i].kept &&
		        !is_same(values, wanted,
		            attributes[i].name == SCHEMA_HOST_KEY));
		ldap_value_free_len(values);
		if (!differs)
			continue;
		print_values(name, wanted);
		add_change(changes,
		    found == NULL ? LDAP_MOD_ADD : LDAP_MOD_REPLACE, name,
		    wanted->values, wanted->value_count);
	}
}

static int
finish(LDAP *ld, int r, const char *what, const char *dn)
{
	char reason[LDAP_REASON_MAX];

	if (r == LDAP_SUCCESS)
		return EXIT_YES;
	ldap_connection_reason(ld, r, what, reason);
	complain("\"%s\": %s", dn, reason);
	if (r == LDAP_INSUFFICIENT_ACCESS)
		complain("--bind-dn and --password-file say who may");
	return EXIT_NO;
}

static int
add_entry(LDAP *ld, const struct config *config, const char *dn,
    const char *number, const struct node_entry *entry, bool dry_run)
{
	const char *class = config->schema.names[SCHEMA_NODE];
	struct berval names[2] = { { 0, NULL } };
	struct changes changes = { .count = 0 };

	memcpy(&names[0].bv_val, &class, sizeof(class)); /* only read */
	memcpy(&names[1].bv_val, &number, sizeof(number));
	names[0].bv_len = strlen(class);
	names[1].bv_len = strlen(number);
	printf("  add %s\n", dn);
	add_change(&changes, LDAP_MOD_ADD, "objectClass", &names[0], 1);
	add_change(&changes, LDAP_MOD_ADD, config->schema.names[SCHEMA_NODE_ID],
	    &names[1], 1);
	if (entry == NULL) {
		puts("    with what its setup says, and its host keys");
		return EXIT_YES;
	}
	compare(ld, NULL, config, entry, &changes);
	return dry_run
	    ? EXIT_YES
	    : finish(ld, ldap_add_ext_s(ld, dn, changes.pointers, NULL, NULL),
	          "add", dn);
}

static int
change_entry(LDAP *ld, LDAPMessage *found, const struct config *config,
    const char *dn, const struct node_entry *entry, bool dry_run)
{
	struct changes changes = { .count = 0 };

	printf("  it is %s\n", dn);
	if (entry == NULL)
		return EXIT_YES;
	compare(ld, found, config, entry, &changes);
	if (changes.count == 0)
		puts("  as it should be");
	return dry_run || changes.count == 0
	    ? EXIT_YES
	    : finish(ld,
	          ldap_modify_ext_s(ld, dn, changes.pointers, NULL, NULL),
	          "modify", dn);
}

static bool
is_parent(const char *parent, const char *dn)
{
	struct ldap_dn_hash above, own;

	return ldap_dn_hash(dn, NULL, &above) == 0 &&
	    ldap_dn_hash(parent, &own, NULL) == 0 &&
	    memcmp(&above, &own, sizeof(own)) == 0;
}

static int
put_found(LDAP *ld, LDAPMessage *found, const struct config *config,
    const char *parent, const struct node_entry *entry, bool dry_run)
{
	char dn[DN_MAX];

	if (copy_dn(ld, found, dn) != 0) {
		complain("the DN of the node is too long");
		return EXIT_CANNOT_TELL;
	}
	if (is_parent(parent, dn))
		return change_entry(ld, found, config, dn, entry, dry_run);
	complain("the node is there, in another place than \"%s\": \"%s\": "
	         "delete it, or move it (ldapmodrdn)",
	    parent, dn);
	return EXIT_NO;
}

static int
put_new(LDAP *ld, const struct config *config, const char *parent,
    const char *number, const struct node_entry *entry, bool dry_run)
{
	char dn[DN_MAX];
	int n = snprintf(dn, sizeof(dn), "%s=%s,%s",
	    config->schema.names[SCHEMA_NODE_ID], number, parent);

	if (n < 0 || n >= DN_MAX) {
		complain("the DN of the node would be too long");
		return EXIT_NO;
	}
	return add_entry(ld, config, dn, number, entry, dry_run);
}

static int
put(LDAP *ld, const struct config *config, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run)
{
	const struct schema *schema = &config->schema;
	char parent[DN_MAX], number[16];
	LDAPMessage *found;
	int code = find_environment(ld, config, environment, parent), r;

	if (code != EXIT_YES)
		return code;
	snprintf(number, sizeof(number), "%u", node);
	r = find(ld, config, schema->names[SCHEMA_NODE],
	    schema->names[SCHEMA_NODE_ID], number, &found);
	if (r == ENS_E_NOTFOUND)
		return put_new(ld, config, parent, number, entry, dry_run);
	if (r != 0)
		return EXIT_CANNOT_TELL;
	code = put_found(ld, found, config, parent, entry, dry_run);
	ldap_msgfree(found);
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
	complain("the directory is a file, which is yours to write: put the "
	         "entry there, and run this again");
	return EXIT_NO;
}

int
node_directory_put(const struct node_directory *directory, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run)
{
	const struct config *config = directory->config;
	const struct ldap_connection_options options = {
		.bind_dn = directory->bind_dn,
		.password_file = directory->password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
	char uri[LDAP_URI_MAX], reason[LDAP_REASON_MAX] = "";
	LDAP *ld;
	int code, r;

	if (directory->uri == NULL &&
	    strncmp(config->uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
		return show_for_file(config, node, environment, entry);
	r = ldap_connection_uri(
	    directory->uri != NULL ? directory->uri : config->uri, 0, uri);
	if (r != 0) {
		complain("--uri: %s", error_text(r));
		return EXIT_USAGE;
	}
	r = ldap_connection_open(&options, uri, &ld, reason);
	if (r != 0) {
		complain("%s: %s", uri,
		    reason[0] != '\0' ? reason : error_text(r));
		complain("--uri, --bind-dn and --password-file say where, and "
		         "as whom, the entry is written");
		return EXIT_NO;
	}
	code = put(ld, config, node, environment, entry, dry_run);
	ldap_connection_close(ld);
	return code;
}

/* See node_entry.h. Refuses an entry that enscale-sync would refuse. */
#include <config.h>

#include "enscalectl/node_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/published.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_ldif.h"

struct node_entry {
	struct ldap_ldif *ldif;
	struct ldap_ldif_entry raw;
	struct entry_parser *parser;
	struct entry entry;
	struct schema schema; /* ours, of what the host shows */
};

/* ---- what the host shows ------------------------------------------------ */

static int
open_ldif(struct node_entry *entry, const char *text, size_t len)
{
	AUTO_FD int fd = memfd_create("ldif", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		return -EIO;
	return ldap_ldif_open(fd, &entry->ldif);
}

static int
read_entry(struct node_entry *entry, const char *text, size_t len,
    char reason[LDAP_LDIF_REASON_MAX])
{
	static const uint8_t no_uuid[ENTRY_UUID_LEN];
	int r = open_ldif(entry, text, len);

	if (r == 0)
		r = ldap_ldif_next(entry->ldif, &entry->raw, reason);
	if (r == 0)
		r = entry_parser_new(&entry->schema, &entry->parser);
	if (r == 0)
		r = entry_parse(entry->parser, no_uuid, entry->raw.dn,
		    entry->raw.attributes, entry->raw.attribute_count,
		    &entry->entry);
	return r;
}

/* Another number would be another node's place. */
static int
judge(const struct entry *entry, uint32_t node)
{
	if (entry->refused)
		complain("the host's entry cannot be used: %s", entry->reason);
	else if (entry->kind != ENTRY_NODE || entry->id != node)
		complain("the host says that it is a different node, not %u",
		    node);
	else if (entry->node.host_key_count == 0)
		complain("the host shows no host key: run ssh-keygen -A there");
	else
		return EXIT_YES;
	return EXIT_NO;
}

int
node_entry_parse(const char *ldif, size_t len, uint32_t node,
    struct node_entry **ret_entry)
{
	struct node_entry *entry = calloc(1, sizeof(*entry));
	char reason[LDAP_LDIF_REASON_MAX] = "";
	int code, r;

	if (entry == NULL)
		return EXIT_CANNOT_TELL;
	schema_init(&entry->schema);
	r = read_entry(entry, ldif, len, reason);
	if (r != 0)
		complain("cannot read the entry that the host shows: %s",
		    reason[0] != '\0' ? reason : error_text(r));
	code = r != 0 ? EXIT_CANNOT_TELL : judge(&entry->entry, node);
	if (code != EXIT_YES)
		node_entry_free(entry);
	else
		*ret_entry = entry;
	return code;
}

void
node_entry_free(struct node_entry *entry)
{
	if (entry == NULL)
		return;
	if (entry->parser != NULL)
		entry_parser_free(entry->parser);
	if (entry->ldif != NULL)
		ldap_ldif_close(entry->ldif);
	free(entry);
}

const char *
node_entry_user(const struct node_entry *entry)
{
	return entry->entry.node.system_user;
}

const struct entry_attribute *
node_entry_shown(const struct node_entry *entry, enum schema_name name)
{
	const struct berval *own;
	uint32_t i;

	for (i = 0; i < entry->raw.attribute_count; i++) {
		own = &entry->raw.attributes[i].name;
		if (strcasecmp(own->bv_val, schema_names[name]) == 0)
			return &entry->raw.attributes[i];
	}
	return NULL;
}

/* ---- what the view has -------------------------------------------------- */

static struct published
wanted(const char *environment, const struct node_entry *entry)
{
	return (struct published){ .entry = &entry->entry,
		.environment = environment,
		.loosely = true };
}

bool
node_entry_is_published(const struct config *config, const char *environment,
    const struct node_entry *entry)
{
	const struct published published = wanted(environment, entry);

	return published_has(config, &published);
}

int
node_entry_wait(const struct config *config, const char *environment,
    const struct node_entry *entry)
{
	const struct published published = wanted(environment, entry);
	int64_t took;
	int r = published_await(config, &published, &took);

	if (r == 0)
		return EXIT_YES;
	published_complain(r);
	return EXIT_CANNOT_TELL;
}

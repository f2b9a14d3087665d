/* See node_entry.h. Refuses an entry that enscale-sync would refuse. */
#include <config.h>

#include "enscalectl/node_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/view/view.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_ldif.h"

#define LOOK_EVERY 100000000L /* nanoseconds */

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
		complain("the host says that it is another node than %u", node);
	else if (entry->node.host_key_count == 0)
		complain("the host shows no host key: ssh-keygen -A there");
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

static bool
has_host_keys(const struct node_record *record, const struct node_entry *entry)
{
	const struct entry_host_key *key = entry->entry.node.host_keys;
	uint32_t i, count = entry->entry.node.host_key_count;
	struct bytes cursor, blob;
	bool has;

	if (record->host_key_count != count)
		return false;
	for (i = 0; i < count; i++) {
		has = false;
		cursor = record->host_keys;
		while (!has && node_record_next_host_key(&cursor, &blob) == 0)
			has = blob.len == key[i].blob.len &&
			    memcmp(blob.data, key[i].blob.data, blob.len) == 0;
		if (!has)
			return false;
	}
	return true;
}

bool
node_entry_is_published(const struct config *config, const char *environment,
    const struct node_entry *entry)
{
	AUTO(cleanup_view) struct view *view = NULL;
	const struct entry *wanted = &entry->entry;
	struct node_record record;
	char path[CONFIG_PATH_MAX];

	return config_path(config->state_dir, CONFIG_VIEW_DIR, path) == 0 &&
	    view_open(path, &view) == 0 &&
	    view_find_node(view, wanted->id, &record) == 0 &&
	    strcmp(record.environment, environment) == 0 &&
	    strcmp(record.address, wanted->node.address) == 0 &&
	    strcmp(record.system_user, wanted->node.system_user) == 0 &&
	    record.port == wanted->node.port && has_host_keys(&record, entry);
}

int
node_entry_wait(const struct config *config, const char *environment,
    const struct node_entry *entry, int seconds)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY };
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	for (;;) {
		if (node_entry_is_published(config, environment, entry))
			return EXIT_YES;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end)
			break;
		nanosleep(&pause, NULL);
	}
	complain("this gateway does not have it after %d s: enscalectl status "
	         "says what it follows, and what it refuses",
	    seconds);
	return EXIT_CANNOT_TELL;
}

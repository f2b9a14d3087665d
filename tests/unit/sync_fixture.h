/*
 * Entries as a directory sends them, and a state in a temporary folder that
 * they are filed in: what the tests of entry, state, derive and publish
 * stand on.
 */
#ifndef ENSCALE_TESTS_SYNC_FIXTURE_H
#define ENSCALE_TESTS_SYNC_FIXTURE_H

#include "enscale_sync/state.h"
#include "ldap/ldap_entry.h"

#define SYNC_ATTRIBUTES_MAX 64

struct sync_fixture {
	char root[64]; /* removed with all that is in it */
	char folder[80];
	struct state *state;
	struct schema schema;
	struct entry_parser *parser;
	/* What goes into the next entry. */
	struct entry_attribute attributes[SYNC_ATTRIBUTES_MAX];
	struct berval values[SYNC_ATTRIBUTES_MAX];
	uint32_t count;
};

void sync_fixture_make(struct sync_fixture *fixture);
void sync_fixture_free(struct sync_fixture *fixture);
/* Closes the state and opens it again, as after an end of the process. */
void sync_fixture_reopen(struct sync_fixture *fixture);

/* An entryUUID with this number in it. */
const uint8_t *sync_uuid(uint32_t number);

/* Puts an entry together: begin, add..., parse. The lines are "name: value";
 * values of one attribute follow each other. What is parsed lives until the
 * next one. */
void sync_begin(struct sync_fixture *fixture);
void sync_add(struct sync_fixture *fixture, const char *line);
void sync_add_bytes(struct sync_fixture *fixture, const char *name,
    const void *value, size_t len);
struct entry sync_parse(struct sync_fixture *fixture, uint32_t uuid,
    const char *dn);
/* All at once: lines end with "\n". */
struct entry sync_entry(struct sync_fixture *fixture, uint32_t uuid,
    const char *dn, const char *lines);

/* Filed in a transaction of its own. */
void sync_put(struct sync_fixture *fixture, uint32_t uuid, const char *dn,
    const char *lines);
/* As in the middle of a refresh, in the transaction under way. */
void sync_put_unsure(struct sync_fixture *fixture, uint32_t uuid,
    const char *dn, const char *lines);
void sync_delete(struct sync_fixture *fixture, uint32_t uuid);
/* From now on changes are listed. */
void sync_complete(struct sync_fixture *fixture);

/* Public keys, all different. */
const char *sync_key(uint32_t number);

#endif

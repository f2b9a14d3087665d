/* The follower: names of entries that are known, and that must be asked about.
 * See follow.h. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/follow_private.h"

int
follow_ask_about(struct follow *follow, const struct entry *entry)
{
	int r = orphans_add(&follow->orphans, entry->dn);

	if (r == ENS_E_LIMIT && follow->wish == WISH_NONE) {
		log_notice(
		    "too many entries below unknown ones: refreshing in full");
		follow_wish_for(follow, WISH_ALL);
	}
	return r == -ENOMEM ? r : 0;
}

int
follow_ask_about_orphan(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct follow *follow = arg;
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	int r = state_find(follow->state, uuid, &rows, &entry);

	return r == 0 ? follow_ask_about(follow, &entry) : r;
}

const char *
follow_question(const struct follow *follow)
{
	return orphans_first(&follow->orphans);
}

int
follow_answer(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN])
{
	const char *name = follow_question(follow);
	int r = 0;

	if (name == NULL)
		return 0;
	if (uuid != NULL)
		r = follow_write(follow);
	if (uuid != NULL && r == 0)
		r = state_learn_name(follow->state, uuid, name);
	orphans_next(&follow->orphans);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
follow_find_name(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    char ret_dn[ENTRY_DN_MAX + 1])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	int r = follow_write(follow);

	if (r == 0)
		r = state_find(follow->state, uuid, &rows, &entry);
	if (r == 0)
		memcpy(ret_dn, entry.dn, strlen(entry.dn) + 1);
	return r;
}

int
follow_compare(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const char *csn)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry ours;
	int r = follow_write(follow);

	if (r == 0)
		r = state_find(follow->state, uuid, &rows, &ours);
	if (r != 0)
		return r;
	return *csn != '\0' && strcmp(ours.csn, csn) == 0 &&
	        strlen(ours.dn) == dn.bv_len &&
	        memcmp(ours.dn, dn.bv_val, dn.bv_len) == 0
	    ? 0
	    : ENS_E_NOTFOUND;
}

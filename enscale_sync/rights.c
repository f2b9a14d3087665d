/* The parts of an entry that decide rights. See rights.h. */
#include <config.h>

#include "enscale_sync/rights.h"

#include <string.h>

#include "common/keys/ssh_key.h"

/* ---- limits ------------------------------------------------------------- */

static const struct {
	enum entry_kind kind;
	const char *text;
} limits[RIGHTS_LIMITS] = {
	[RIGHTS_SUSPENSION] = { ENTRY_ACCOUNT, "the suspension" },
	[RIGHTS_ACCOUNT_EXPIRY] = { ENTRY_ACCOUNT, "the expiry" },
	[RIGHTS_SESSIONS] = { ENTRY_ACCOUNT, "the session limit" },
	[RIGHTS_FROM] = { ENTRY_KEY, "the from= option" },
	[RIGHTS_KEY_EXPIRY] = { ENTRY_KEY, "the expiry" },
};

bool
rights_has_limit(const struct entry *entry, enum rights_limit limit)
{
	if (entry->refused || entry->kind != limits[limit].kind)
		return false;
	switch (limit) {
	case RIGHTS_SUSPENSION:
		return entry->account.status != ACCOUNT_ACTIVE;
	case RIGHTS_ACCOUNT_EXPIRY:
		return entry->account.expires != 0;
	case RIGHTS_SESSIONS:
		return entry->account.max_sessions != 0;
	case RIGHTS_FROM:
		return entry->key.from[0] != '\0';
	case RIGHTS_KEY_EXPIRY:
		return entry->key.expires != 0;
	case RIGHTS_LIMITS:
	default:
		return false;
	}
}

enum entry_kind
rights_limit_kind(enum rights_limit limit)
{
	return limits[limit].kind;
}

const char *
rights_limit_text(enum rights_limit limit)
{
	return limits[limit].text;
}

/* ---- more than before --------------------------------------------------- */

/* Of two expiries, or two numbers of sessions: 0 is no limit. */
static bool
is_later(int64_t theirs, int64_t ours)
{
	return ours != 0 && (theirs == 0 || theirs > ours);
}

static const char *
widened_key(const struct entry_key *ours, const struct entry_key *theirs)
{
	if (ssh_key_stricter_from(theirs->from, ours->from) != theirs->from)
		return schema_names[SCHEMA_SSH_PUBLIC_KEY];
	if (ssh_key_stricter_options(ours->options, theirs->options) !=
	    theirs->options)
		return schema_names[SCHEMA_SSH_PUBLIC_KEY];
	return is_later(theirs->expires, ours->expires)
	    ? schema_names[SCHEMA_EXPIRES]
	    : NULL;
}

/* The next one comes behind the last that was found, as a rule. */
static const struct entry_key *
find_key(const struct entry *entry, const uint8_t fingerprint[SHA256_LEN],
    uint32_t *at)
{
	uint32_t count = entry->account.key_count;

	for (uint32_t i = 0; i < count; i++) {
		*at = *at + 1 < count ? *at + 1 : 0;
		if (memcmp(entry->account.keys[*at].fingerprint, fingerprint,
		        SHA256_LEN) == 0)
			return &entry->account.keys[*at];
	}
	return NULL;
}

static const char *
widened_account(const struct entry *ours, const struct entry *theirs)
{
	const struct entry_key *key;
	const char *what = NULL;
	uint32_t at = UINT32_MAX; /* before the first */

	if (ours->id != theirs->id)
		return schema_names[SCHEMA_ACCOUNT_ID];
	if (ours->account.status != theirs->account.status &&
	    theirs->account.status == ACCOUNT_ACTIVE)
		return schema_names[SCHEMA_STATUS];
	if (is_later(theirs->account.expires, ours->account.expires))
		return schema_names[SCHEMA_EXPIRES];
	if (is_later(theirs->account.max_sessions, ours->account.max_sessions))
		return schema_names[SCHEMA_MAX_SESSIONS];
	for (uint32_t i = 0; i < theirs->account.name_count; i++) {
		/* Groups may let in who has it. */
		if (!entry_has_name(ours, &theirs->account.names[i]))
			return schema_names[SCHEMA_ACCOUNT_ID];
	}
	for (uint32_t i = 0; what == NULL && i < theirs->account.key_count;
	     i++) {
		key = find_key(ours, theirs->account.keys[i].fingerprint, &at);
		what = key == NULL ? schema_names[SCHEMA_SSH_PUBLIC_KEY]
		                   : widened_key(key, &theirs->account.keys[i]);
	}
	return what;
}

/* The row of the same one; both sides ascend. */
static enum environment_role
role_of(const struct entry *entry, const struct entry_member *who, uint32_t *at)
{
	const struct entry_member *row = entry_find_member(entry, who, at);

	return row != NULL ? row->role : ROLE_NONE;
}

/* Of full and limited the lower counts, if it is shown. */
static const char *
widened_role(enum environment_role ours, enum environment_role theirs)
{
	if (theirs <= ours)
		return NULL;
	if (theirs == ROLE_OWNER)
		return schema_names[SCHEMA_OWNER];
	return theirs == ROLE_LIMITED || ours == ROLE_LIMITED
	    ? schema_names[SCHEMA_LIMITED_ACCESS]
	    : schema_names[SCHEMA_FULL_ACCESS];
}

static const char *
widened_environment(const struct entry *ours, const struct entry *theirs)
{
	const struct entry_member *member = theirs->environment.members;
	const char *what = NULL;
	uint32_t at = 0;

	if (strcmp(ours->environment.name, theirs->environment.name) != 0)
		return schema_names[SCHEMA_CN];
	if (ours->environment.state != theirs->environment.state &&
	    theirs->environment.state == ENVIRONMENT_RUNNING)
		return schema_names[SCHEMA_STATE];
	for (uint32_t i = 0;
	     what == NULL && i < theirs->environment.member_count; i++)
		what = widened_role(role_of(ours, &member[i], &at),
		    member[i].role);
	return what;
}

static bool
has_host_key(const struct entry *entry, const uint8_t fingerprint[SHA256_LEN])
{
	for (uint32_t i = 0; i < entry->node.host_key_count; i++) {
		if (memcmp(entry->node.host_keys[i].fingerprint, fingerprint,
		        SHA256_LEN) == 0)
			return true;
	}
	return false;
}

/* To lead elsewhere is more, too. */
static const char *
widened_node(const struct entry *ours, const struct entry *theirs)
{
	if (ours->id != theirs->id)
		return schema_names[SCHEMA_NODE_ID];
	if (ours->node.state != theirs->node.state &&
	    theirs->node.state == ENVIRONMENT_RUNNING)
		return schema_names[SCHEMA_STATE];
	if (strcmp(ours->node.system_user, theirs->node.system_user) != 0)
		return schema_names[SCHEMA_SYSTEM_USER];
	if (strcmp(ours->node.address, theirs->node.address) != 0)
		return schema_names[SCHEMA_ADDRESS];
	if (ours->node.port != theirs->node.port)
		return schema_names[SCHEMA_PORT];
	for (uint32_t i = 0; i < theirs->node.host_key_count; i++) {
		if (!has_host_key(ours, theirs->node.host_keys[i].fingerprint))
			return schema_names[SCHEMA_HOST_KEY];
	}
	return NULL;
}

static const char *
widened_single_key(const struct entry *ours, const struct entry *theirs)
{
	return memcmp(ours->key.fingerprint, theirs->key.fingerprint,
	           SHA256_LEN) != 0
	    ? schema_names[SCHEMA_SSH_PUBLIC_KEY]
	    : widened_key(&ours->key, &theirs->key);
}

const char *
rights_widened(const struct entry *ours, const struct entry *theirs)
{
	if (theirs->refused)
		return NULL;
	if (ours->refused)
		return "what was refused of it";
	if (ours->kind != theirs->kind)
		return schema_names[SCHEMA_OBJECT_CLASS];
	switch (theirs->kind) {
	case ENTRY_ACCOUNT:
		return widened_account(ours, theirs);
	case ENTRY_KEY:
		return widened_single_key(ours, theirs);
	case ENTRY_ENVIRONMENT:
		return widened_environment(ours, theirs);
	case ENTRY_NODE:
		return widened_node(ours, theirs);
	case ENTRY_OTHER:
	default:
		return NULL;
	}
}

/* ---- as little as both --------------------------------------------------- */

/* The earlier one, the lower one; 0: none. */
static int64_t
least(int64_t a, int64_t b)
{
	return is_later(a, b) ? b : a;
}

static void
lessen_account(struct entry *ours, struct entry_rows *rows,
    const struct entry *theirs)
{
	const struct entry_key *key;
	uint32_t at = UINT32_MAX, kept = 0; /* before the first */

	if (theirs->account.status != ACCOUNT_ACTIVE)
		ours->account.status = theirs->account.status;
	ours->account.expires = least(ours->account.expires,
	    theirs->account.expires);
	ours->account.max_sessions = (uint32_t)least(ours->account.max_sessions,
	    theirs->account.max_sessions);
	for (uint32_t i = 0; i < ours->account.key_count; i++) {
		key = find_key(theirs, rows->keys[i].fingerprint, &at);
		if (key == NULL || entry_key_lessen(&rows->keys[i], key))
			rows->keys[kept++] = rows->keys[i];
	}
	ours->account.key_count = kept;
}

static void
lessen_environment(struct entry *ours, struct entry_rows *rows,
    const struct entry *theirs)
{
	struct entry_member *member = rows->members;
	enum environment_role role;
	uint32_t at = 0;

	if (theirs->environment.state != ENVIRONMENT_RUNNING)
		ours->environment.state = theirs->environment.state;
	for (uint32_t i = 0; i < ours->environment.member_count; i++) {
		role = role_of(theirs, &member[i], &at);
		if (role == ROLE_NONE || role >= member[i].role)
			continue;
		if (member[i].role == ROLE_OWNER)
			ours->environment.owner = 0;
		member[i].role = role;
	}
}

bool
rights_lessen(struct entry *ours, struct entry_rows *rows,
    const struct entry *theirs)
{
	if (ours->kind != theirs->kind || ours->refused || theirs->refused)
		return true;
	switch (ours->kind) {
	case ENTRY_ACCOUNT:
		lessen_account(ours, rows, theirs);
		return true;
	case ENTRY_KEY:
		return memcmp(ours->key.fingerprint, theirs->key.fingerprint,
		           SHA256_LEN) != 0 ||
		    entry_key_lessen(&ours->key, &theirs->key);
	case ENTRY_ENVIRONMENT:
		lessen_environment(ours, rows, theirs);
		return true;
	case ENTRY_NODE:
		if (theirs->node.state != ENVIRONMENT_RUNNING)
			ours->node.state = theirs->node.state;
		return true;
	case ENTRY_OTHER:
	default:
		return true;
	}
}

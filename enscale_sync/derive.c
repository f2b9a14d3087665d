/* From state to records. See derive.h. */
#include <config.h>

#include "enscale_sync/derive.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/crc32c.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"

/* Of what is over a limit: two lists of an account at most. */
#define EXCESS_TEXT_MAX 255
#define HOST_KEY_NAME   "host key "

/* The size of the record of an account's environments without its rows, and of
 * a row without its name. */
#define RECORD_FRAME 64
#define ROW_FRAME    6

/* One key of an account, with what decides between two of the same. */
struct key_row {
	struct entry_key key; /* borrowed from the state */
	int64_t created;      /* 0: unknown, comes last */
	uint8_t uuid[ENTRY_UUID_LEN];
	bool limits; /* it grants nothing, and restricts: see limit_subject() */
};

/* One environment of an account. */
struct environment_row {
	struct account_environment environment; /* borrowed from the state */
	int64_t created;                        /* like a key's */
};

struct node_row {
	uint32_t node;
	int64_t created; /* like a key's */
};

/* A growing array; its rows are of one kind at a time. */
struct rows {
	void *data;  /* owned */
	size_t room; /* in bytes */
	uint32_t count;
};

/* An environment as it was read, for the next account that it lists: a group
 * has thousands. */
#define KNOWN_MAX 8
struct known {
	struct entry entry;     /* borrowed from the state, and from rows */
	struct entry_rows rows; /* owned */
	bool counts, filled;
	uint32_t last; /* the highest number that stays; 0: all do */
};

struct derive {
	struct state *state;     /* borrowed */
	const struct view *view; /* borrowed, or NULL */
	derive_put *put;
	derive_note *note;
	void *arg;
	struct wire_writer record;
	struct entry_rows subject_rows; /* of the subject's entry */
	struct entry_rows other_rows;   /* of another one */
	struct rows keys, environments, nodes, members;
	struct rows names;  /* by which environments list the account */
	struct rows packed; /* what is put of them */
	struct known known[KNOWN_MAX];
	/* Of the subject. */
	struct derive_excess excess;
	char excess_text[EXCESS_TEXT_MAX + 1];
	char host_key[sizeof(HOST_KEY_NAME) + FINGERPRINT_SHA256_TEXT_LEN];
};

int
derive_new(struct state *state, const struct view *view, derive_put *put,
    derive_note *note, void *arg, struct derive **ret_derive)
{
	struct derive *derive = calloc(1, sizeof(*derive));

	if (derive == NULL)
		return -ENOMEM;
	*derive = (struct derive){
		.state = state,
		.view = view,
		.put = put,
		.note = note,
		.arg = arg,
	};
	wire_write_init_growing(&derive->record, RECORD_SIZE_MAX);
	*ret_derive = derive;
	return 0;
}

void
derive_free(struct derive *derive)
{
	if (derive == NULL)
		return;
	wire_write_free(&derive->record);
	entry_rows_free(&derive->subject_rows);
	entry_rows_free(&derive->other_rows);
	for (int i = 0; i < KNOWN_MAX; i++)
		entry_rows_free(&derive->known[i].rows);
	free(derive->keys.data);
	free(derive->environments.data);
	free(derive->nodes.data);
	free(derive->members.data);
	free(derive->names.data);
	free(derive->packed.data);
	free(derive);
}

/* One more row of the given size, or NULL. */
static void *
add_row(struct rows *rows, size_t size)
{
	size_t want = (rows->count + (size_t)1) * size;

	if (want > rows->room) {
		size_t room = want < 1024 ? 1024 : want * 2;
		void *data = realloc(rows->data, room);

		if (data == NULL)
			return NULL;
		rows->data = data;
		rows->room = room;
	}
	return (uint8_t *)rows->data + size * rows->count++;
}

/* ---- limits ------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void
leave_out(struct derive *derive, uint64_t count, const char *format, ...)
{
	char *text = derive->excess_text;
	size_t used = strlen(text);
	va_list args;

	derive->excess.left_out += count;
	if (used > 0)
		(void)snprintf(text + used, EXCESS_TEXT_MAX + 1 - used, "; ");
	used = strlen(text);
	va_start(args, format);
	(void)vsnprintf(text + used, EXCESS_TEXT_MAX + 1 - used, format, args);
	va_end(args);
}

static int
compare_ages(int64_t a, int64_t b)
{
	uint64_t x = a > 0 ? (uint64_t)a : UINT64_MAX;
	uint64_t y = b > 0 ? (uint64_t)b : UINT64_MAX;

	return (x > y) - (x < y);
}

/* The rows stand in order of age: all after so many are left out. */
static void
cut(struct derive *derive, struct rows *rows, const char *what, uint32_t limit)
{
	if (rows->count <= limit)
		return;
	leave_out(derive, rows->count - limit,
	    "%u %s, %u is the limit: %u left out", rows->count, what, limit,
	    rows->count - limit);
	rows->count = limit;
}

/* ---- putting ----------------------------------------------------------- */

static struct wire_writer *
fresh(struct derive *derive)
{
	derive->record.len = 0;
	derive->record.error = 0;
	return &derive->record;
}

static int
put_tombstone(struct derive *derive, const struct record_key *key)
{
	int r;

	r = record_encode_tombstone(fresh(derive), key);
	if (r != 0)
		return r;
	return derive->put(derive->arg, key,
	    (struct bytes){ derive->record.data, derive->record.len });
}

/* The view must have nothing under this key. */
static int
put_absent(struct derive *derive, const struct record_key *key)
{
	struct bytes published;

	if (derive->view == NULL ||
	    view_find_raw(derive->view, key, &published) == ENS_E_NOTFOUND)
		return 0;
	return put_tombstone(derive, key);
}

/* Puts what is in derive->record; encoded is what the encoder said. */
static int
put_record(struct derive *derive, const struct record_key *key, int encoded)
{
	struct bytes record, published;

	if (encoded == ENS_E_LIMIT || encoded == ENS_E_RANGE) {
		leave_out(derive, 1, "a record: %s", error_text(encoded));
		return put_absent(derive, key);
	}
	if (encoded != 0)
		return encoded;
	record = (struct bytes){ derive->record.data, derive->record.len };
	/* A published record that cannot be read is written again. */
	if (derive->view != NULL &&
	    view_find_raw(derive->view, key, &published) == 0 &&
	    bytes_equal(record, published))
		return 0;
	return derive->put(derive->arg, key, record);
}

/* The entry that counts may be kept although the directory no longer has it: it
 * grants no more than the copy that is there instead (state_kept.c). The entry
 * is in subject_rows. */
static int
limit_subject(struct derive *derive, const struct record_key *subject,
    struct entry *entry)
{
	struct entry other;
	int r = state_find_limit(derive->state, subject, &derive->other_rows,
	    &other);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	(void)rights_lessen(entry, &derive->subject_rows, &other);
	return 0;
}

/* ---- accounts ---------------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
	const struct key_row *x = a, *y = b;
	int r = memcmp(x->key.fingerprint, y->key.fingerprint, SHA256_LEN);

	if (r == 0)
		r = x->limits - y->limits;
	if (r == 0)
		r = compare_ages(x->created, y->created);
	return r != 0 ? r : memcmp(x->uuid, y->uuid, ENTRY_UUID_LEN);
}

/* Each is there once by now. */
static int
compare_key_ages(const void *a, const void *b)
{
	const struct key_row *x = a, *y = b;
	int r = compare_ages(x->created, y->created);

	return r != 0
	    ? r
	    : memcmp(x->key.fingerprint, y->key.fingerprint, SHA256_LEN);
}

struct key_walk {
	struct derive *derive;
	bool limits;
};

static int
add_key(struct derive *derive, const struct entry *entry,
    const struct entry_key *key, bool limits)
{
	struct key_row *row = add_row(&derive->keys, sizeof(*row));

	if (row == NULL)
		return -ENOMEM;
	row->key = *key;
	row->created = entry->created;
	row->limits = limits;
	memcpy(row->uuid, entry->uuid, sizeof(row->uuid));
	return 0;
}

static int
visit_key(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct key_walk *walk = arg;
	struct derive *derive = walk->derive;
	struct entry entry;
	int r = state_find(derive->state, uuid, &derive->other_rows, &entry);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_CORRUPT : r;
	if (entry.kind != ENTRY_KEY || entry.refused)
		return 0;
	return add_key(derive, &entry, &entry.key, walk->limits);
}

/* Values and children. */
static int
add_keys(struct derive *derive, const struct entry *account, bool limits)
{
	struct key_walk walk = { derive, limits };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < account->account.key_count; i++)
		r = add_key(derive, account, &account->account.keys[i], limits);
	return r == 0
	    ? state_each_child(derive->state, account->uuid, visit_key, &walk)
	    : r;
}

static int
add_limiting_keys(struct derive *derive, const struct record_key *subject)
{
	struct entry other;
	int r = state_find_limit(derive->state, subject, &derive->other_rows,
	    &other);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	return add_keys(derive, &other, true);
}

/* More than one record lists: what is not listed must not be put either, or
 * nothing would bury it. */
static void
limit_keys(struct derive *derive)
{
	struct rows *keys = &derive->keys;

	if (keys->count <= ACCOUNT_KEYS_MAX)
		return;
	qsort(keys->data, keys->count, sizeof(struct key_row),
	    compare_key_ages);
	cut(derive, keys, "keys", ACCOUNT_KEYS_MAX);
	qsort(keys->data, keys->count, sizeof(struct key_row), compare_keys);
}

static void
leave_out_key(struct derive *derive, const struct entry_key *key)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];

	fingerprint_format_sha256(key->fingerprint, text);
	leave_out(derive, 1,
	    "key %s occurs more than once: none of its from= lists is contained in all the others",
	    text);
}

/* Of one key, the oldest first. *ret_good false: nothing is left of it. */
static int
merge_copies(struct derive *derive, struct key_row *rows, uint32_t count,
    bool *ret_good)
{
	struct entry_key **copy;

	derive->packed.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		copy = add_row(&derive->packed, sizeof(struct entry_key *));
		if (copy == NULL)
			return -ENOMEM;
		*copy = &rows[i].key;
	}
	*ret_good = entry_key_merge(derive->packed.data, count);
	return 0;
}

/* Each stays once: the oldest one, with the rights that all of them have. */
static int
merge_keys(struct derive *derive)
{
	struct key_row *rows = derive->keys.data;
	uint32_t kept = 0, next;
	bool good;
	int r = 0;

	for (uint32_t i = 0; i < derive->keys.count; i = next) {
		next = i + 1;
		while (next < derive->keys.count &&
		    memcmp(rows[i].key.fingerprint, rows[next].key.fingerprint,
		        SHA256_LEN) == 0)
			next++;
		if (rows[i].limits)
			continue;
		good = true;
		if (next - i > 1)
			r = merge_copies(derive, &rows[i], next - i, &good);
		if (r != 0)
			return r;
		if (good)
			rows[kept++] = rows[i];
		else
			leave_out_key(derive, &rows[i].key);
	}
	derive->keys.count = kept;
	return 0;
}

/* The keys of an account: ascending by fingerprint. */
static int
gather_keys(struct derive *derive, const struct record_key *subject,
    const struct entry *account)
{
	int r;

	derive->keys.count = 0;
	r = add_keys(derive, account, false);
	if (r == 0)
		r = add_limiting_keys(derive, subject);
	if (r != 0 || derive->keys.count == 0)
		return r;
	qsort(derive->keys.data, derive->keys.count, sizeof(struct key_row),
	    compare_keys);
	r = merge_keys(derive);
	limit_keys(derive);
	return r;
}

static int
put_key(struct derive *derive, uint32_t account, const struct key_row *row)
{
	struct record_key key = record_key_key(account, row->key.fingerprint);
	struct key_record record = {
		.account = account,
		.fingerprint = row->key.fingerprint,
		.blob = row->key.blob,
		.fields = row->key.fields,
		.added = row->created,
	};

	return put_record(derive, &key,
	    record_encode_key(fresh(derive), &record));
}

static bool
has_key(const struct derive *derive, const uint8_t fingerprint[SHA256_LEN])
{
	const struct key_row *rows = derive->keys.data;
	uint32_t low = 0, high = derive->keys.count, mid;
	int r;

	while (low < high) {
		mid = low + (high - low) / 2;
		r = memcmp(fingerprint, rows[mid].key.fingerprint, SHA256_LEN);
		if (r == 0)
			return true;
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

/* Keys that the view lists for the account and that no longer exist. */
static int
bury_keys(struct derive *derive, uint32_t account)
{
	struct account_keys_record listed;
	const uint8_t *fingerprint;
	struct record_key key;
	int r;

	if (derive->view == NULL)
		return 0;
	r = view_find_account_keys(derive->view, account, &listed);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	for (uint32_t i = 0; r == 0 && i < listed.count; i++) {
		fingerprint = listed.fingerprints + (size_t)i * SHA256_LEN;
		if (has_key(derive, fingerprint))
			continue;
		key = record_key_key(account, fingerprint);
		r = put_absent(derive, &key);
	}
	return r;
}

static int
put_keys(struct derive *derive, uint32_t account)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, account);
	const struct key_row *rows = derive->keys.data;
	uint8_t(*fingerprints)[SHA256_LEN];
	int r = bury_keys(derive, account);

	for (uint32_t i = 0; r == 0 && i < derive->keys.count; i++)
		r = put_key(derive, account, &rows[i]);
	if (r != 0)
		return r;
	if (derive->keys.count == 0)
		return put_absent(derive, &key);
	derive->packed.count = 0;
	for (uint32_t i = 0; i < derive->keys.count; i++) {
		fingerprints = add_row(&derive->packed, SHA256_LEN);
		if (fingerprints == NULL)
			return -ENOMEM;
		memcpy(fingerprints, rows[i].key.fingerprint, SHA256_LEN);
	}
	fingerprints = derive->packed.data;
	return put_record(derive, &key,
	    record_encode_account_keys(fresh(derive), account,
	        (const uint8_t(*)[SHA256_LEN])fingerprints,
	        derive->packed.count));
}

static int
compare_names(const void *a, const void *b)
{
	const struct environment_row *x = a, *y = b;

	return strcmp(x->environment.name, y->environment.name);
}

static int
compare_environment_ages(const void *a, const void *b)
{
	const struct environment_row *x = a, *y = b;
	int r = compare_ages(x->created, y->created);

	return r != 0 ? r : compare_names(a, b);
}

struct membership {
	struct derive *derive;
	uint32_t account;
};

/* Of two rows of one account the owner's counts, else the lower. */
static enum environment_role
join_roles(enum environment_role a, enum environment_role b)
{
	if (a == ROLE_NONE || b == ROLE_NONE)
		return a == ROLE_NONE ? b : a;
	return a == ROLE_OWNER || b == ROLE_OWNER ? ROLE_OWNER : a < b ? a : b;
}

static int
compare_rows(const void *a, const void *b)
{
	return entry_member_compare(a, b);
}

static int
join_row(const struct membership *membership, const struct entry *environment,
    const struct entry_member *who, enum environment_role *role)
{
	const struct entry_member *row = NULL;
	uint32_t account = 0;
	int r = ENS_E_NOTFOUND;

	if (environment->environment.member_count > 0)
		row = bsearch(who, environment->environment.members,
		    environment->environment.member_count, sizeof(*row),
		    compare_rows);
	if (row != NULL)
		r = state_find_member(membership->derive->state,
		    environment->uuid, row, &account);
	if (r == 0 && account == membership->account)
		*role = join_roles(*role, row->role);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* By the account's number, and by its names. ROLE_NONE: none. */
static int
find_role(const struct membership *membership, const struct entry *environment,
    enum environment_role *ret_role)
{
	const struct rows *rows = &membership->derive->names;
	const struct ldap_dn_hash *names = rows->data;
	struct entry_member who = { .account = membership->account };
	enum environment_role role = ROLE_NONE;
	int r = join_row(membership, environment, &who, &role);

	for (uint32_t i = 0; r == 0 && i < rows->count; i++) {
		who = (struct entry_member){ .name = names[i] };
		r = join_row(membership, environment, &who, &role);
	}
	if (r == 0)
		*ret_role = role;
	return r;
}

/* The same as limit_subject() does in the environment's own record. */
static int
limit_role(struct membership *membership, const struct record_key *subject,
    enum environment_role *role)
{
	struct derive *derive = membership->derive;
	struct entry other;
	enum environment_role theirs;
	int r = state_find_limit(derive->state, subject, &derive->other_rows,
	    &other);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	r = find_role(membership, &other, &theirs);
	if (r != 0)
		return r;
	if (theirs != ROLE_NONE && theirs < *role)
		*role = theirs;
	return 0;
}

static int
compare_members(const void *a, const void *b)
{
	const struct environment_member *x = a, *y = b;

	return (x->account > y->account) - (x->account < y->account);
}

/* Each account once, by its number. */
static void
join_members(struct rows *members)
{
	struct environment_member *rows = members->data;
	uint32_t kept = 0;

	qsort(rows, members->count, sizeof(*rows), compare_members);
	for (uint32_t i = 0; i < members->count; i++) {
		if (kept > 0 && rows[kept - 1].account == rows[i].account)
			rows[kept - 1].role = join_roles(rows[kept - 1].role,
			    rows[i].role);
		else
			rows[kept++] = rows[i];
	}
	members->count = kept;
}

/* The rows as the encoder takes them: a name that is no account's is none. */
static int
pack_members(struct derive *derive, const struct entry *environment)
{
	const struct entry_member *members = environment->environment.members;
	struct environment_member *row;
	uint32_t account;
	bool named = false;
	int r;

	derive->members.count = 0;
	for (uint32_t i = 0; i < environment->environment.member_count; i++) {
		named |= members[i].account == 0;
		r = state_find_member(derive->state, environment->uuid,
		    &members[i], &account);
		if (r == ENS_E_NOTFOUND)
			continue;
		if (r != 0)
			return r;
		row = add_row(&derive->members, sizeof(*row));
		if (row == NULL)
			return -ENOMEM;
		*row = (struct environment_member){ account, members[i].role };
	}
	if (named && derive->members.count > 1)
		join_members(&derive->members);
	return 0;
}

/* Of more than may enter those with the lowest numbers stay, and the owner. */
static void
limit_members(struct derive *derive, bool report)
{
	struct environment_member *rows = derive->members.data;
	const uint32_t limit = ENVIRONMENT_MEMBERS_MAX;

	for (uint32_t i = limit; i < derive->members.count; i++) {
		if (rows[i].role == ROLE_OWNER)
			rows[limit - 1] = rows[i];
	}
	if (report)
		cut(derive, &derive->members, "accounts with access", limit);
	else if (derive->members.count > limit)
		derive->members.count = limit;
}

/* The highest number that limit_members() leaves, but for the owner's. */
static int
find_last(struct derive *derive, struct known *known)
{
	const struct environment_member *rows;
	uint32_t count;
	int r;

	known->last = 0;
	if (known->entry.environment.member_count <= ENVIRONMENT_MEMBERS_MAX)
		return 0;
	r = pack_members(derive, &known->entry);
	count = derive->members.count;
	if (r != 0 || count <= ENVIRONMENT_MEMBERS_MAX)
		return r;
	limit_members(derive, false);
	rows = derive->members.data;
	count = derive->members.count;
	known->last = rows[count - 1].role == ROLE_OWNER
	    ? rows[count - 2].account
	    : rows[count - 1].account;
	return 0;
}

static int
know(struct derive *derive, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct known **ret_known)
{
	uint32_t place = crc32c(0, uuid, ENTRY_UUID_LEN) % KNOWN_MAX;
	struct known *known = &derive->known[place];
	struct record_key subject;
	struct entry winner;
	int r;

	*ret_known = known;
	if (known->filled &&
	    memcmp(known->entry.uuid, uuid, ENTRY_UUID_LEN) == 0)
		return 0;
	known->filled = false;
	r = state_find(derive->state, uuid, &known->rows, &known->entry);
	if (r != 0)
		return r;
	subject = record_key_environment(known->entry.environment.name);
	r = state_find_subject(derive->state, &subject, &derive->other_rows,
	    &winner);
	if (r != 0)
		return r;
	known->counts = memcmp(winner.uuid, uuid, ENTRY_UUID_LEN) == 0;
	r = known->counts ? find_last(derive, known) : 0;
	known->filled = r == 0;
	return r;
}

static int
visit_membership(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct membership *membership = arg;
	struct derive *derive = membership->derive;
	struct environment_row *row, found = { .created = 0 };
	const struct known *known;
	struct record_key subject;
	int r = know(derive, uuid, &known);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_CORRUPT : r;
	if (!known->counts)
		return 0;
	found.environment.name = known->entry.environment.name;
	found.created = known->entry.created;
	r = find_role(membership, &known->entry, &found.environment.role);
	if (r != 0)
		return r;
	/* By a name that was another's, or it is one of too many. */
	if (found.environment.role == ROLE_NONE ||
	    (known->last != 0 && membership->account > known->last &&
	        found.environment.role != ROLE_OWNER))
		return 0;
	subject = record_key_environment(found.environment.name);
	r = limit_role(membership, &subject, &found.environment.role);
	if (r != 0)
		return r;
	row = add_row(&derive->environments, sizeof(*row));
	if (row == NULL)
		return -ENOMEM;
	*row = found;
	return 0;
}

/* How many of the rows one record holds. */
static uint32_t
count_fitting(const struct rows *environments)
{
	const struct environment_row *rows = environments->data;
	size_t size = RECORD_FRAME;
	uint32_t count = 0;

	while (
	    count < environments->count && count < ACCOUNT_ENVIRONMENTS_MAX) {
		size += ROW_FRAME + strlen(rows[count].environment.name);
		if (size > RECORD_SIZE_MAX)
			break;
		count++;
	}
	return count;
}

static void
limit_environments(struct derive *derive)
{
	struct rows *environments = &derive->environments;

	if (count_fitting(environments) < environments->count) {
		qsort(environments->data, environments->count,
		    sizeof(struct environment_row), compare_environment_ages);
		cut(derive, environments, "environments",
		    count_fitting(environments));
	}
	qsort(environments->data, environments->count,
	    sizeof(struct environment_row), compare_names);
}

/* The rows as the encoder takes them. */
static int
pack_environments(struct derive *derive)
{
	const struct environment_row *rows = derive->environments.data;
	struct account_environment *row;

	derive->packed.count = 0;
	for (uint32_t i = 0; i < derive->environments.count; i++) {
		row = add_row(&derive->packed, sizeof(*row));
		if (row == NULL)
			return -ENOMEM;
		*row = rows[i].environment;
	}
	return 0;
}

static int
add_name(struct derive *derive, uint32_t account,
    const struct ldap_dn_hash *name)
{
	struct ldap_dn_hash *row;
	uint32_t found;
	int r = state_find_named(derive->state, name, &found);

	if (r != 0 || found != account)
		return r == ENS_E_NOTFOUND ? 0 : r;
	row = add_row(&derive->names, sizeof(*row));
	if (row == NULL)
		return -ENOMEM;
	*row = *name;
	return 0;
}

/* The names that are the account's alone. */
static int
gather_names(struct derive *derive, const struct entry *account)
{
	struct ldap_dn_hash own;
	int r;

	derive->names.count = 0;
	if (!state_has_names(derive->state))
		return 0;
	r = ldap_dn_hash(account->dn, &own, NULL);
	if (r == 0)
		r = add_name(derive, account->id, &own);
	for (uint32_t i = 0; r == 0 && i < account->account.name_count; i++)
		r = add_name(derive, account->id, &account->account.names[i]);
	return r == ENS_E_SYNTAX ? 0 : r;
}

/* One that lists the account twice was found twice. */
static void
drop_twins(struct rows *environments)
{
	struct environment_row *rows = environments->data;
	uint32_t kept = 0;

	qsort(rows, environments->count, sizeof(*rows), compare_names);
	for (uint32_t i = 0; i < environments->count; i++) {
		if (kept == 0 || compare_names(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	}
	environments->count = kept;
}

static int
gather_environments(struct derive *derive, const struct entry *account)
{
	struct membership membership = { derive, account->id };
	const struct ldap_dn_hash *names;
	int r = gather_names(derive, account);

	derive->environments.count = 0;
	if (r == 0)
		r = state_each_environment(derive->state, account->id,
		    visit_membership, &membership);
	names = derive->names.data;
	for (uint32_t i = 0; r == 0 && i < derive->names.count; i++)
		r = state_each_environment_naming(derive->state, &names[i],
		    visit_membership, &membership);
	if (r == 0 && derive->names.count > 0 && derive->environments.count > 1)
		drop_twins(&derive->environments);
	return r;
}

static int
put_memberships(struct derive *derive, const struct entry *entry)
{
	uint32_t account = entry->id;
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, account);
	int r = gather_environments(derive, entry);

	if (r != 0)
		return r;
	if (derive->environments.count == 0)
		return put_absent(derive, &key);
	limit_environments(derive);
	r = pack_environments(derive);
	if (r != 0)
		return r;
	return put_record(derive, &key,
	    record_encode_environments(fresh(derive), account,
	        derive->packed.data, derive->packed.count));
}

static int
bury_account(struct derive *derive, uint32_t account)
{
	struct record_key keys = record_key_id(RECORD_ACCOUNT_KEYS, account);
	struct record_key environments = record_key_id(RECORD_ENVIRONMENTS,
	    account);
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	int r = put_absent(derive, &key);

	derive->keys.count = 0;
	if (r == 0)
		r = bury_keys(derive, account);
	if (r == 0)
		r = put_absent(derive, &keys);
	if (r == 0)
		r = put_absent(derive, &environments);
	return r;
}

static int
derive_account(struct derive *derive, const struct record_key *subject)
{
	struct entry entry;
	struct account_record record;
	struct wire_reader id;
	int r = state_find_subject(derive->state, subject,
	    &derive->subject_rows, &entry);

	if (r == ENS_E_NOTFOUND) {
		wire_read_init(&id, subject->data + 1, subject->len - 1);
		return bury_account(derive, wire_read_u32(&id));
	}
	/* Keys first: those that limit_subject() removes must be reported. */
	if (r == 0)
		r = gather_keys(derive, subject, &entry);
	if (r == 0)
		r = limit_subject(derive, subject, &entry);
	if (r != 0)
		return r;
	derive->excess.name = entry.dn;
	record = (struct account_record){
		.account = entry.id,
		.fields = entry.account.fields,
	};
	r = put_record(derive, subject,
	    record_encode_account(fresh(derive), &record));
	if (r == 0)
		r = put_keys(derive, entry.id);
	if (r == 0)
		r = put_memberships(derive, &entry);
	return r;
}

/* ---- environments and nodes -------------------------------------------- */

static int
compare_nodes(const void *a, const void *b)
{
	const struct node_row *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

static int
compare_node_ages(const void *a, const void *b)
{
	const struct node_row *x = a, *y = b;
	int r = compare_ages(x->created, y->created);

	return r != 0 ? r : compare_nodes(a, b);
}

/* Adds the node's id if this entry is the one that counts for it. */
static int
visit_node(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct derive *derive = arg;
	struct record_key subject;
	struct entry entry, counting;
	struct node_row *row;
	int r = state_find(derive->state, uuid, &derive->other_rows, &entry);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_CORRUPT : r;
	if (entry.kind != ENTRY_NODE || entry.refused)
		return 0;
	subject = record_key_id(RECORD_NODE, entry.id);
	r = state_find_subject(derive->state, &subject, &derive->other_rows,
	    &counting);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (memcmp(counting.uuid, uuid, ENTRY_UUID_LEN) != 0)
		return 0;
	row = add_row(&derive->nodes, sizeof(*row));
	if (row == NULL)
		return -ENOMEM;
	row->node = entry.id;
	row->created = entry.created;
	return 0;
}

/* Those that stay, as the encoder takes them. */
static int
pack_nodes(struct derive *derive, const char *what, uint32_t limit)
{
	struct rows *nodes = &derive->nodes;
	const struct node_row *rows;
	uint32_t *row;

	derive->packed.count = 0;
	if (nodes->count == 0)
		return 0;
	if (nodes->count > limit) {
		qsort(nodes->data, nodes->count, sizeof(*rows),
		    compare_node_ages);
		cut(derive, nodes, what, limit);
	}
	qsort(nodes->data, nodes->count, sizeof(*rows), compare_nodes);
	rows = nodes->data;
	for (uint32_t i = 0; i < nodes->count; i++) {
		row = add_row(&derive->packed, sizeof(*row));
		if (row == NULL)
			return -ENOMEM;
		*row = rows[i].node;
	}
	return 0;
}

static int
derive_environment(struct derive *derive, const struct record_key *subject)
{
	struct entry entry;
	int r = state_find_subject(derive->state, subject,
	    &derive->subject_rows, &entry);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? put_absent(derive, subject) : r;
	derive->excess.name = entry.dn;
	derive->nodes.count = 0;
	r = state_each_child(derive->state, entry.uuid, visit_node, derive);
	if (r == 0)
		r = pack_nodes(derive, "nodes", ENVIRONMENT_NODES_MAX);
	if (r != 0)
		return r;
	r = limit_subject(derive, subject, &entry);
	if (r == 0)
		r = pack_members(derive, &entry);
	if (r != 0)
		return r;
	limit_members(derive, true);
	return put_record(derive, subject,
	    record_encode_environment(fresh(derive), &entry.environment.fields,
	        derive->members.data, derive->members.count,
	        derive->packed.data, derive->packed.count));
}

static int
derive_node(struct derive *derive, const struct record_key *subject)
{
	struct entry entry, above;
	struct bytes host_keys[NODE_HOST_KEYS_MAX];
	struct node_record record;
	int r = state_find_subject(derive->state, subject,
	    &derive->subject_rows, &entry);

	if (r == ENS_E_NOTFOUND)
		return put_absent(derive, subject);
	if (r == 0)
		r = limit_subject(derive, subject, &entry);
	if (r == 0)
		r = state_find_parent(derive->state, entry.uuid,
		    &derive->other_rows, &above);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_CORRUPT : r;
	derive->excess.name = entry.dn;
	for (uint32_t i = 0; i < entry.node.host_key_count; i++)
		host_keys[i] = entry.node.host_keys[i].blob;
	record = (struct node_record){
		.node = entry.id,
		.environment = above.environment.name,
		.fields = entry.node.fields,
		.host_key_count = entry.node.host_key_count,
	};
	return put_record(derive, subject,
	    record_encode_node(fresh(derive), &record, host_keys));
}

static int
derive_host_key(struct derive *derive, const struct record_key *subject)
{
	const uint8_t *fingerprint = subject->data + 1;
	int r;

	memcpy(derive->host_key, HOST_KEY_NAME, sizeof(HOST_KEY_NAME));
	fingerprint_format_sha256(fingerprint,
	    derive->host_key + sizeof(HOST_KEY_NAME) - 1);
	derive->excess.name = derive->host_key;
	derive->nodes.count = 0;
	r = state_each_host(derive->state, fingerprint, visit_node, derive);
	if (r == 0)
		r = pack_nodes(derive, "nodes with it", HOST_KEY_NODES_MAX);
	if (r != 0)
		return r;
	if (derive->nodes.count == 0)
		return put_absent(derive, subject);
	return put_record(derive, subject,
	    record_encode_host_key(fresh(derive), fingerprint,
	        derive->packed.data, derive->packed.count));
}

static int
derive_records(struct derive *derive, const struct record_key *subject)
{
	switch (subject->len > 0 ? subject->data[0] : 0) {
	case RECORD_ACCOUNT:
		return derive_account(derive, subject);
	case RECORD_ENVIRONMENT:
		return derive_environment(derive, subject);
	case RECORD_NODE:
		return derive_node(derive, subject);
	case RECORD_HOST_KEY:
		return derive_host_key(derive, subject);
	default:
		return ENS_E_CORRUPT;
	}
}

int
derive_subject(struct derive *derive, const struct record_key *subject)
{
	int r;

	derive->excess_text[0] = '\0';
	derive->excess = (struct derive_excess){ 0, "", derive->excess_text };
	r = derive_records(derive, subject);
	return r == 0 && derive->note != NULL
	    ? derive->note(derive->arg, subject, &derive->excess)
	    : r;
}

static int
visit_subject(const struct record_key *subject, void *arg)
{
	return derive_subject(arg, subject);
}

int
derive_all(struct derive *derive)
{
	static const enum record_kind kinds[] = { RECORD_ACCOUNT,
		RECORD_ENVIRONMENT, RECORD_NODE, RECORD_HOST_KEY };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = state_each_subject(derive->state, kinds[i], visit_subject,
		    derive);
	return r;
}

/*
 * Checking a view. First what is in the files: rows, checksums, hash tables;
 * then what counts: each record's references, in both directions, so that one
 * missing on either side is found.
 */
#include <config.h>

#include "enscalectl/view_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/fingerprint_text.h"
#include "common/view/view_walk.h"

#define SENTENCE_MAX 1024

const struct view_kind view_kinds[VIEW_KINDS] = {
	{ RECORD_ACCOUNT, "accounts" },
	{ RECORD_KEY, "keys" },
	{ RECORD_ACCOUNT_KEYS, "lists of keys" },
	{ RECORD_ENVIRONMENT, "environments" },
	{ RECORD_ENVIRONMENTS, "lists of environments" },
	{ RECORD_NODE, "nodes" },
	{ RECORD_HOST_KEY, "host keys" },
};

/* One look at one view. */
struct look {
	struct view_check *check;
	const struct view *view;
	uint64_t rows; /* of this segment */
};

__attribute__((format(printf, 2, 3))) static void
wrong(struct look *look, const char *format, ...)
{
	char sentence[SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	look->check->wrong++;
	look->check->report(sentence, look->check->arg);
}

/* A fingerprint as text, for one sentence. */
struct shown {
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
};

static struct shown
show(const uint8_t fingerprint[SHA256_LEN])
{
	struct shown shown;

	fingerprint_format_sha256(fingerprint, shown.text);
	return shown;
}

/* ---- references -------------------------------------------------------- */

static void
need_account(struct look *look, const char *what, uint32_t account)
{
	struct account_record record;
	int r = view_find_account(look->view, account, &record);

	if (r != 0)
		wrong(look, "%s of account %" PRIu32 ": the account: %s", what,
		    account, error_text(r));
}

static int
compare_fingerprints(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

static bool
lists_key(const struct account_keys_record *keys,
    const uint8_t fingerprint[SHA256_LEN])
{
	return keys->count > 0 &&
	    bsearch(fingerprint, keys->fingerprints, keys->count, SHA256_LEN,
	        compare_fingerprints) != NULL;
}

static int
check_key(struct look *look, struct bytes record, const struct record_key *key)
{
	struct account_keys_record listed;
	uint8_t digest[SHA256_LEN];
	struct key_record found;
	int r = record_decode_key(record, key, &found);

	if (r != 0)
		return r;
	need_account(look, "key", found.account);
	r = view_find_account_keys(look->view, found.account, &listed);
	if (r != 0 || !lists_key(&listed, found.fingerprint))
		wrong(look, "account %" PRIu32 ": key %s is not in its list",
		    found.account, show(found.fingerprint).text);
	r = fingerprint_sha256(found.blob, digest);
	if (r == 0 && memcmp(digest, found.fingerprint, SHA256_LEN) != 0)
		wrong(look, "account %" PRIu32 ": key %s is %s", found.account,
		    show(found.fingerprint).text, show(digest).text);
	return r;
}

static int
check_account_keys(struct look *look, struct bytes record,
    const struct record_key *key)
{
	struct account_keys_record keys;
	struct key_record found;
	int r = record_decode_account_keys(record, key, &keys);

	if (r != 0)
		return r;
	need_account(look, "list of keys", keys.account);
	for (uint32_t i = 0; i < keys.count; i++) {
		const uint8_t *fingerprint = keys.fingerprints +
		    (size_t)i * SHA256_LEN;

		r = view_find_key(look->view, keys.account, fingerprint,
		    &found);
		if (r != 0)
			wrong(look, "account %" PRIu32 ": listed key %s: %s",
			    keys.account, show(fingerprint).text,
			    error_text(r));
	}
	return 0;
}

/* A list that is full leaves out what is over (enscale_sync/derive.h). */
static bool
is_full(const struct account_environments_record *listed)
{
	return listed->count == ACCOUNT_ENVIRONMENTS_MAX ||
	    listed->rows.len > RECORD_SIZE_MAX - 2 * NAME_TEXT_MAX;
}

/* Does the account list the environment, with this role? One that does not
 * exist lists nothing. */
static void
check_member(struct look *look, const char *name,
    struct environment_member member)
{
	struct account_environments_record listed;
	struct account_environment row;
	struct account_record account;
	struct bytes cursor = { NULL, 0 };
	int r;

	if (view_find_account(look->view, member.account, &account) ==
	    ENS_E_NOTFOUND)
		return;
	r = view_find_account_environments(look->view, member.account, &listed);
	if (r == 0)
		cursor = listed.rows;
	/* Ascending by name. */
	do {
		if (r == 0)
			r = account_environments_next(&cursor, &row);
	} while (r == 0 && strcmp(row.name, name) < 0);
	if (r == 0 && strcmp(row.name, name) != 0)
		r = ENS_E_NOTFOUND;
	if (r == ENS_E_NOTFOUND && cursor.data != NULL && is_full(&listed))
		return;
	if (r != 0 || row.role != member.role)
		wrong(look,
		    "environment \"%s\": account %" PRIu32
		    " does not list it with this role",
		    name, member.account);
}

static int
check_environment(struct look *look, struct bytes record,
    const struct record_key *key)
{
	struct environment_record environment;
	struct node_record node;
	int r = record_decode_environment(record, key, &environment);

	if (r != 0)
		return r;
	for (uint32_t i = 0; i < environment.member_count; i++)
		check_member(look, environment.name,
		    environment_record_member(&environment, i));
	for (uint32_t i = 0; i < environment.node_count; i++) {
		uint32_t id = environment_record_node(&environment, i);

		r = view_find_node(look->view, id, &node);
		if (r != 0)
			wrong(look, "environment \"%s\": node %" PRIu32 ": %s",
			    environment.name, id, error_text(r));
		else if (strcmp(node.environment, environment.name) != 0)
			wrong(look,
			    "environment \"%s\": node %" PRIu32 " is in \"%s\"",
			    environment.name, id, node.environment);
	}
	return 0;
}

static int
check_environments(struct look *look, struct bytes record,
    const struct record_key *key)
{
	struct account_environments_record listed;
	struct environment_record environment;
	struct account_environment row;
	int r = record_decode_environments(record, key, &listed);

	if (r != 0)
		return r;
	need_account(look, "list of environments", listed.account);
	while (account_environments_next(&listed.rows, &row) == 0) {
		r = view_find_environment(look->view, row.name, &environment);
		if (r != 0)
			wrong(look,
			    "account %" PRIu32 ": environment \"%s\": %s",
			    listed.account, row.name, error_text(r));
		else if (environment_record_role(&environment,
		             listed.account) != row.role)
			wrong(look,
			    "account %" PRIu32
			    ": its role in environment \"%s\" differs "
			    "from the one there",
			    listed.account, row.name);
	}
	return 0;
}

static bool
has_node(const struct host_key_record *listed, uint32_t node)
{
	if (listed->count == HOST_KEY_NODES_MAX)
		return true; /* or it is left out */
	for (uint32_t i = 0; i < listed->count; i++) {
		if (host_key_record_node(listed, i) == node)
			return true;
	}
	return false;
}

static void
check_host_keys_of(struct look *look, const struct node_record *node)
{
	struct bytes rows = node->host_keys, blob;
	uint8_t fingerprint[SHA256_LEN];
	struct host_key_record listed;

	while (node_record_next_host_key(&rows, &blob) == 0) {
		int r = fingerprint_sha256(blob, fingerprint);

		if (r == 0)
			r = view_find_host_key(look->view, fingerprint,
			    &listed);
		if (r != 0 || !has_node(&listed, node->node))
			wrong(look,
			    "node %" PRIu32
			    ": its host key %s does not list it",
			    node->node, show(fingerprint).text);
	}
}

static int
check_node(struct look *look, struct bytes record, const struct record_key *key)
{
	struct environment_record environment;
	struct node_record node;
	bool listed = false;
	int r = record_decode_node(record, key, &node);

	if (r != 0)
		return r;
	r = view_find_environment(look->view, node.environment, &environment);
	for (uint32_t i = 0; r == 0 && !listed && i < environment.node_count;
	     i++)
		listed = environment_record_node(&environment, i) == node.node;
	/* Or it is left out. */
	listed |= r == 0 && environment.node_count == ENVIRONMENT_NODES_MAX;
	if (!listed)
		wrong(look,
		    "node %" PRIu32 ": its environment \"%s\" does not list it",
		    node.node, node.environment);
	check_host_keys_of(look, &node);
	return 0;
}

static bool
has_host_key(const struct node_record *node,
    const uint8_t fingerprint[SHA256_LEN])
{
	struct bytes rows = node->host_keys, blob;
	uint8_t digest[SHA256_LEN];

	while (node_record_next_host_key(&rows, &blob) == 0) {
		if (fingerprint_sha256(blob, digest) == 0 &&
		    memcmp(digest, fingerprint, SHA256_LEN) == 0)
			return true;
	}
	return false;
}

static int
check_host_key(struct look *look, struct bytes record,
    const struct record_key *key)
{
	struct host_key_record host_key;
	struct node_record node;
	int r = record_decode_host_key(record, key, &host_key);

	if (r != 0)
		return r;
	for (uint32_t i = 0; i < host_key.count; i++) {
		uint32_t id = host_key_record_node(&host_key, i);

		r = view_find_node(look->view, id, &node);
		if (r != 0 || !has_host_key(&node, host_key.fingerprint))
			wrong(look,
			    "host key %s: node %" PRIu32 " does not "
			    "have it",
			    show(host_key.fingerprint).text, id);
	}
	return 0;
}

static int
check_record(struct look *look, struct bytes record,
    const struct record_key *key)
{
	struct account_record account;

	switch (key->len > 0 ? key->data[0] : 0) {
	case RECORD_ACCOUNT:
		return record_decode_account(record, key, &account);
	case RECORD_KEY:
		return check_key(look, record, key);
	case RECORD_ACCOUNT_KEYS:
		return check_account_keys(look, record, key);
	case RECORD_ENVIRONMENT:
		return check_environment(look, record, key);
	case RECORD_ENVIRONMENTS:
		return check_environments(look, record, key);
	case RECORD_NODE:
		return check_node(look, record, key);
	case RECORD_HOST_KEY:
		return check_host_key(look, record, key);
	default:
		return ENS_E_CORRUPT;
	}
}

/* ---- rows -------------------------------------------------------------- */

static void
count_record(struct look *look, const struct record_key *key)
{
	for (size_t i = 0; i < VIEW_KINDS; i++) {
		if (key->data[0] == view_kinds[i].kind)
			look->check->records[i]++;
	}
}

static int
visit(const struct view_row *row, void *arg)
{
	struct look *look = arg;
	int r = record_check(row->record, &row->key);

	look->rows++;
	look->check->rows++;
	if (row->reach != 0)
		wrong(look, "%s: no lookup leads to the row at %" PRIu32,
		    row->segment, row->offset);
	if (r == 0 && !row->hidden) {
		count_record(look, &row->key);
		r = check_record(look, row->record, &row->key);
	}
	if (r != 0 && r != ENS_E_NOTFOUND)
		wrong(look, "%s: row at %" PRIu32 ": %s", row->segment,
		    row->offset, error_text(r));
	return 0;
}

static void
check_segment(struct look *look, uint32_t i)
{
	const char *segment = view_segment_name(look->view, i);
	uint64_t used;

	look->rows = 0;
	if (view_each_row(look->view, i, visit, look) != 0)
		wrong(look, "%s: truncated inside a row", segment);
	if (view_check_tables(look->view, i, &used) != 0)
		wrong(look, "%s: its hash tables are broken", segment);
	else if (used != look->rows)
		wrong(look,
		    "%s: %" PRIu64 " rows, but the hash tables have %" PRIu64,
		    segment, look->rows, used);
}

void
view_check_all(struct view_check *check, const struct view *view)
{
	struct look look = { .check = check, .view = view };

	check->rows = check->wrong = 0;
	memset(check->records, 0, sizeof(check->records));
	for (uint32_t i = 0; i < view_segment_count(view); i++)
		check_segment(&look, i);
}

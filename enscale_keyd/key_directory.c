/*
 * See key_directory.h. A key is identified by its bytes, whatever its entry is
 * called: the follower accepts any RDN, so the existing keys are read and
 * compared, and a deletion deletes every entry that holds the key.
 */
#include <config.h>

#include "enscale_keyd/key_directory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key_text.h"

#define STEP_SECONDS 4 /* to connect, secure and bind; each */
#define FILTER_SIZE  128

struct change {
	const struct config *config;
	const struct key_entry *entry;
	LDAP *ld;
	int64_t deadline; /* milliseconds of now_ms() */
	char *reason;     /* LDAP_REASON_MAX */
	char *account_dn; /* owned; ldap_memfree() */
	size_t keys;      /* of the account, in all */
	bool on_account;  /* the key is a value of the account's own entry */
	size_t found;     /* entries that hold the key */
};

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is left of the time; never 0, which means "for ever" to libldap. */
static struct timeval
time_left(const struct change *change)
{
	int64_t left = change->deadline - now_ms();

	if (left < 1)
		left = 1;
	return ldap_connection_patience(left);
}

static enum keyd_result
fail(struct change *change, int code, const char *what)
{
	ldap_connection_reason(change->ld, code, what, change->reason);
	return KEYD_UNAVAILABLE;
}

/* ---- what is there -------------------------------------------------------- */

/* The caller frees *ret_result, also after a failure. */
static int
search(struct change *change, const char *base, int scope, const char *filter,
    int limit, LDAPMessage **ret_result)
{
	static char attribute[] = "sshPublicKey";
	char *attributes[] = { attribute, NULL };
	struct timeval left = time_left(change);

	return ldap_search_ext_s(change->ld, base, scope, filter, attributes, 0,
	    NULL, NULL, &left, limit, ret_result);
}

static bool
is_this_key(const struct change *change, const struct berval *value)
{
	uint8_t fingerprint[SHA256_LEN];
	struct ssh_key_text keys;
	struct ssh_key key;
	bool found = false;
	int r;

	ssh_key_text_init(&keys, value->bv_val, value->bv_len);
	while (!found && (r = ssh_key_text_next(&keys, &key)) != ENS_E_NOTFOUND)
		found = r == 0 &&
		    fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		        fingerprint) == 0 &&
		    memcmp(fingerprint, change->entry->fingerprint,
		        SHA256_LEN) == 0;
	return found;
}

/* Counts the keys of an entry; is this key among them? */
static bool
look_for_key(struct change *change, LDAPMessage *entry, size_t *count)
{
	struct berval **values;
	bool found = false;
	size_t i;

	values = ldap_get_values_len(change->ld, entry, "sshPublicKey");
	if (values == NULL)
		return false;
	for (i = 0; values[i] != NULL; i++)
		found = is_this_key(change, values[i]) || found;
	*count += i;
	ldap_value_free_len(values);
	return found;
}

static enum keyd_result
find_account(struct change *change)
{
	LDAPMessage *result = NULL;
	char filter[FILTER_SIZE];
	LDAPMessage *entry;
	int r;

	snprintf(filter, sizeof(filter),
	    "(&(|(objectClass=enscaleAccount)(objectClass=enscaleAccountAux))"
	    "(enscaleAccountId=%u))",
	    change->entry->account);
	r = search(change, change->config->base, LDAP_SCOPE_SUBTREE, filter, 2,
	    &result);
	if (r != LDAP_SUCCESS && r != LDAP_SIZELIMIT_EXCEEDED) {
		ldap_msgfree(result);
		return fail(change, r, "search for the account");
	}
	if (r != LDAP_SUCCESS || ldap_count_entries(change->ld, result) != 1) {
		snprintf(change->reason, LDAP_REASON_MAX,
		    "%d entries with that enscaleAccountId",
		    ldap_count_entries(change->ld, result));
		ldap_msgfree(result);
		return KEYD_NO_ACCOUNT;
	}
	entry = ldap_first_entry(change->ld, result);
	change->account_dn = ldap_get_dn(change->ld, entry);
	change->on_account = look_for_key(change, entry, &change->keys);
	ldap_msgfree(result);
	return change->account_dn != NULL ? KEYD_DONE : KEYD_UNAVAILABLE;
}

/* The account's keys; the caller frees *ret_result. */
static enum keyd_result
read_keys(struct change *change, LDAPMessage **ret_result)
{
	LDAPMessage *entry;
	int r;

	r = search(change, change->account_dn, LDAP_SCOPE_ONELEVEL,
	    "(objectClass=enscaleKey)", ACCOUNT_KEYS_MAX, ret_result);
	if (r != LDAP_SUCCESS && r != LDAP_SIZELIMIT_EXCEEDED)
		return fail(change, r, "search for the account's keys");
	for (entry = ldap_first_entry(change->ld, *ret_result); entry != NULL;
	     entry = ldap_next_entry(change->ld, entry)) {
		if (look_for_key(change, entry, &change->keys))
			change->found++;
	}
	/* There are more than the server shows: enough to refuse, but not to
	 * delete. */
	if (r != LDAP_SUCCESS &&
	    (change->entry->op != KEYD_ADD || change->keys < MANAGED_KEYS_MAX))
		return fail(change, r, "search for the account's keys");
	return KEYD_DONE;
}

/* ---- writing -------------------------------------------------------------- */

/*
 * Waits for the answer to a write. Returns an LDAP result code; a negative
 * one when there was no answer, and so nobody knows.
 */
static int
await(struct change *change, int message)
{
	struct timeval left = time_left(change);
	LDAPMessage *result = NULL;
	int r, code;

	r = ldap_result(change->ld, message, LDAP_MSG_ALL, &left, &result);
	if (r <= 0) {
		(void)ldap_abandon_ext(change->ld, message, NULL, NULL);
		return r == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN;
	}
	r = ldap_parse_result(change->ld, result, &code, NULL, NULL, NULL, NULL,
	    1);
	return r != LDAP_SUCCESS ? r : code;
}

/* What a result of a write means, where it is not the usual one. */
static enum keyd_result
judge_write(struct change *change, int code, const char *what)
{
	switch (code) {
	case LDAP_SUCCESS:
		return KEYD_DONE;
	case LDAP_ALREADY_EXISTS:
		return KEYD_KEY_EXISTS;
	case LDAP_NO_SUCH_OBJECT:
		return KEYD_NO_ACCOUNT;
	default:
		/* Below 0 libldap itself says it: the answer is lost. */
		(void)fail(change, code, what);
		return code < 0 ? KEYD_UNKNOWN : KEYD_UNAVAILABLE;
	}
}

static enum keyd_result
add(struct change *change)
{
	/* libldap lacks a const. */
	struct key_entry entry = *change->entry;
	static char class_value[] = "enscaleKey";
	char *hex[] = { entry.hex, NULL };
	char *title[] = { entry.title, NULL };
	char *line[] = { entry.line, NULL };
	char *expires[] = { entry.expires, NULL };
	char *classes[] = { class_value, NULL };
	static char names[][24] = { "objectClass", "enscaleKeyFingerprint",
		"cn", "sshPublicKey", "enscaleExpires" };
	LDAPMod rows[] = {
		{ LDAP_MOD_ADD, names[0], { classes } },
		{ LDAP_MOD_ADD, names[1], { hex } },
		{ LDAP_MOD_ADD, names[2], { title } },
		{ LDAP_MOD_ADD, names[3], { line } },
		{ LDAP_MOD_ADD, names[4], { expires } },
	};
	LDAPMod *mods[] = { &rows[0], &rows[1], &rows[2], &rows[3],
		entry.expires[0] != '\0' ? &rows[4] : NULL, NULL };
	char dn[KEY_ENTRY_DN_MAX];
	int message, r;

	if (key_entry_dn(&entry, change->account_dn, dn) < 0)
		return fail(change, LDAP_INVALID_DN_SYNTAX, "account");
	r = ldap_add_ext(change->ld, dn, mods, NULL, NULL, &message);
	if (r != LDAP_SUCCESS)
		return fail(change, r, "add");
	return judge_write(change, await(change, message), "add");
}

static enum keyd_result
delete_entry(struct change *change, LDAPMessage *entry)
{
	char *dn = ldap_get_dn(change->ld, entry);
	int message, r;

	if (dn == NULL)
		return fail(change, LDAP_DECODING_ERROR, "key");
	r = ldap_delete_ext(change->ld, dn, NULL, NULL, &message);
	ldap_memfree(dn);
	if (r != LDAP_SUCCESS)
		return fail(change, r, "delete");
	r = await(change, message);
	if (r == LDAP_NO_SUCH_OBJECT)
		return KEYD_DONE; /* somebody else was faster */
	return judge_write(change, r, "delete");
}

static enum keyd_result
delete_all(struct change *change, LDAPMessage *keys)
{
	enum keyd_result result;
	LDAPMessage *entry;
	size_t count = 0, gone = 0;

	for (entry = ldap_first_entry(change->ld, keys); entry != NULL;
	     entry = ldap_next_entry(change->ld, entry)) {
		if (!look_for_key(change, entry, &count))
			continue;
		result = delete_entry(change, entry);
		if (result != KEYD_DONE)
			return gone > 0 ? KEYD_UNKNOWN : result;
		gone++;
	}
	return KEYD_DONE;
}

/* ---- one server ------------------------------------------------------------ */

static enum keyd_result
decide(struct change *change, LDAPMessage *keys)
{
	if (change->entry->op == KEYD_ADD) {
		if (change->found > 0 || change->on_account)
			return KEYD_KEY_EXISTS;
		if (change->keys >= MANAGED_KEYS_MAX)
			return KEYD_TOO_MANY;
		return add(change);
	}
	if (change->found > 0)
		return delete_all(change, keys);
	return change->on_account ? KEYD_KEY_FIXED : KEYD_KEY_MISSING;
}

static enum keyd_result
change_at(struct change *change)
{
	enum keyd_result result = find_account(change);
	LDAPMessage *keys = NULL;

	if (result == KEYD_DONE)
		result = read_keys(change, &keys);
	if (result == KEYD_DONE)
		result = decide(change, keys);
	ldap_msgfree(keys);
	ldap_memfree(change->account_dn);
	change->account_dn = NULL;
	return result;
}

static enum keyd_result
try_uri(struct change *change, const char *uri)
{
	const struct config *config = change->config;
	const struct ldap_connection_options options = {
		.bind_dn = config->keyd_bind_dn,
		.password_file = config->keyd_password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout < STEP_SECONDS ? config->timeout
		                                          : STEP_SECONDS,
	};
	enum keyd_result result;

	if (ldap_connection_open(&options, uri, &change->ld, change->reason) <
	    0)
		return KEYD_UNAVAILABLE;
	result = change_at(change);
	ldap_connection_close(change->ld);
	change->ld = NULL;
	return result;
}

enum keyd_result
key_directory_change(const struct config *config, const struct key_entry *entry,
    char ret_reason[LDAP_REASON_MAX])
{
	const int64_t deadline = now_ms() + KEY_DIRECTORY_SECONDS * 1000;
	enum keyd_result result = KEYD_UNAVAILABLE;
	char uri[LDAP_URI_MAX];

	snprintf(ret_reason, LDAP_REASON_MAX, "no server to write to");
	for (uint32_t i = 0; now_ms() < deadline &&
	     ldap_connection_uri(config->uri, i, uri) == 0;
	     i++) {
		struct change change = { .config = config,
			.entry = entry,
			.deadline = deadline,
			.reason = ret_reason };

		ret_reason[0] = '\0';
		result = try_uri(&change, uri);
		/* A replica that may not write says so before it does: then
		 * the next one is asked. */
		if (result != KEYD_UNAVAILABLE)
			break;
	}
	return result;
}

/* See probe.h: the entry of the key that is made for a login. It refuses to
 * touch an entry that it did not add. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "enscalectl/ca_key.h"
#include "enscalectl/probe.h"
#include "enscalectl/published.h"
#include "enscalectl/verb.h"

#define VERB         "probe"
#define TITLE        "enscalectl probe"
#define RDN          "enscaleKeyFingerprint"
#define GOOD_SECONDS 300
/* In which comes what the directory was told and did not confirm, and how often
 * it is looked for. */
#define LATE_SECONDS 5
#define PAUSE        200000000 /* nanoseconds */
#define LINE_SIZE    512       /* of an ed25519 key */
#define VALUE_SIZE   (LINE_SIZE + 128)

struct made_key {
	char hex[2 * SHA256_LEN + 1];
	char value[VALUE_SIZE]; /* of sshPublicKey */
};

/* From this host alone, and for minutes: whatever becomes of us. */
static int
read_key(const char *path, struct made_key *ret_key)
{
	const time_t until = time(NULL) + GOOD_SECONDS;
	char line[LINE_SIZE], expiry[32];
	uint8_t fingerprint[SHA256_LEN];
	struct ssh_key key;
	struct tm utc;
	int r;

	r = ca_key_read_public(path, &key);
	if (r == 0)
		r = fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		    fingerprint);
	if (r != 0)
		return r;
	if (ssh_key_format((struct bytes){ key.blob, key.blob_len }, line,
	        sizeof(line)) == 0 ||
	    gmtime_r(&until, &utc) == NULL ||
	    strftime(expiry, sizeof(expiry), "%Y%m%d%H%M%SZ", &utc) == 0)
		return ENS_E_LIMIT;
	hex_encode(fingerprint, SHA256_LEN, ret_key->hex);
	snprintf(ret_key->value, sizeof(ret_key->value),
	    "from=\"127.0.0.1,::1\",expiry-time=\"%s\" %s", expiry, line);
	return 0;
}

static int
open_directory(struct probe *probe)
{
	return probe->directory != NULL
	    ? EXIT_YES
	    : directory_open(probe->config, &probe->administrator, VERB,
	          &probe->directory);
}

/* Whatever is on its way there has come, or does not, when it is closed. */
static void
close_directory(struct probe *probe)
{
	directory_close(probe->directory);
	probe->directory = NULL;
}

/* ---- adding ------------------------------------------------------------- */

static int
await_key(struct probe *probe, const struct entry *entry)
{
	const struct published wanted = { .entry = entry,
		.account = probe->name.account };
	int64_t took;
	int r = published_await(probe->config, &wanted, &took);

	if (r == 0)
		return EXIT_YES;
	published_complain(r);
	return EXIT_CANNOT_TELL;
}

static int
add_below(struct probe *probe, const char *account_dn,
    const struct made_key *key)
{
	const struct schema *schema = &probe->config->schema;
	struct changes changes = { .count = 0 };
	const struct entry *entry;
	int code;

	if (asprintf(&probe->dn, RDN "=%s,%s", key->hex, account_dn) < 0) {
		probe->dn = NULL;
		complain("%s", error_text(-ENOMEM));
		return EXIT_CANNOT_TELL;
	}
	changes_put_text(&changes, LDAP_MOD_ADD, "objectClass",
	    schema->names[SCHEMA_KEY]);
	changes_put_text(&changes, LDAP_MOD_ADD, RDN, key->hex);
	changes_put_text(&changes, LDAP_MOD_ADD, schema->names[SCHEMA_CN],
	    TITLE);
	changes_put_text(&changes, LDAP_MOD_ADD,
	    schema->names[SCHEMA_SSH_PUBLIC_KEY], key->value);
	code = directory_add(probe->directory, probe->dn, &changes, &entry);
	probe->confirmed = code == EXIT_YES;
	if (code == EXIT_CANNOT_TELL)
		close_directory(probe);
	if (code == EXIT_NO) {
		free(probe->dn);
		probe->dn = NULL;
	}
	return code == EXIT_YES ? await_key(probe, entry) : code;
}

static int
add_to_account(struct probe *probe, const struct made_key *key)
{
	struct directory_entry account = { .message = NULL };
	char number[16];
	int code;

	snprintf(number, sizeof(number), "%u", probe->name.account);
	code = directory_find_named(probe->directory, ENTRY_ACCOUNT, number,
	    &account);
	if (code == EXIT_YES)
		code = add_below(probe, account.dn, key);
	cleanup_directory_entry(&account);
	return code;
}

int
probe_key_add(struct probe *probe, const char *key_path)
{
	struct made_key key;
	int r = read_key(key_path, &key), code;

	if (r != 0)
		return r;
	complain_keep(probe->reason, sizeof(probe->reason));
	code = open_directory(probe);
	if (code == EXIT_YES)
		code = add_to_account(probe, &key);
	complain_keep(NULL, 0);
	return code == EXIT_YES ? 0 : ENS_E_LDAP;
}

/* ---- deleting ----------------------------------------------------------- */

/* A login takes a while, in which a connection may end. */
static int
delete_key(struct probe *probe, bool *ret_was_there)
{
	int code = EXIT_CANNOT_TELL, tries;

	for (tries = 0; tries < 2 && code == EXIT_CANNOT_TELL; tries++) {
		code = open_directory(probe);
		if (code == EXIT_YES)
			code = directory_delete_leaf(probe->directory,
			    probe->dn, ret_was_there);
		if (code == EXIT_CANNOT_TELL)
			close_directory(probe);
	}
	return code;
}

static int
await_and_delete(struct probe *probe)
{
	const struct timespec pause = { .tv_nsec = PAUSE };
	const time_t end = time(NULL) + LATE_SECONDS;
	bool was_there = false;
	int code;

	do {
		code = delete_key(probe, &was_there);
		if (code != EXIT_YES || was_there)
			return code;
		(void)nanosleep(&pause, NULL);
	} while (time(NULL) < end);
	complain("the directory did not say that it has the key, and does not "
	         "have it: should it come later, it is good from this host "
	         "alone and for %d minutes",
	    GOOD_SECONDS / 60);
	return EXIT_CANNOT_TELL;
}

int
probe_key_delete(struct probe *probe)
{
	bool was_there;
	int code;

	if (probe->dn == NULL)
		return 0;
	complain_keep(probe->reason, sizeof(probe->reason));
	code = probe->confirmed ? delete_key(probe, &was_there)
	                        : await_and_delete(probe);
	complain_keep(NULL, 0);
	if (code != EXIT_YES)
		return ENS_E_LDAP;
	free(probe->dn);
	probe->dn = NULL;
	return 0;
}

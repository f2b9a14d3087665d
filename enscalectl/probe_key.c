/* See probe.h: the entry of the key that is made for a login. It refuses to
 * touch an entry that it did not add. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "common/view/view.h"
#include "enscalectl/ca_key.h"
#include "enscalectl/probe.h"

#define TITLE        "enscalectl probe"
#define FILE_SCHEME  "file:"
#define RDN          "enscaleKeyFingerprint"
#define GOOD_SECONDS 300
#define WAIT_SECONDS 20
#define PAUSE        50000000 /* nanoseconds between two looks */
#define FILTER_MAX   (CONFIG_VALUE_MAX + 512)
#define HEX_SIZE     (2 * SHA256_LEN + 1)
#define LINE_SIZE    512 /* of an ed25519 key */
#define VALUE_SIZE   (LINE_SIZE + 128)
#define MILLISECONDS 1000

struct made_key {
	uint8_t fingerprint[SHA256_LEN];
	char hex[HEX_SIZE];
	char value[VALUE_SIZE]; /* of sshPublicKey */
};

static int
explain(struct probe *probe, LDAP *ld, int code, const char *what)
{
	char reason[LDAP_REASON_MAX];

	if (code == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(ld, code, what, reason);
	snprintf(probe->reason, sizeof(probe->reason), "%s", reason);
	return ENS_E_LDAP;
}

static int
connect_as_administrator(struct probe *probe, LDAP **ret_ld)
{
	const struct config *config = probe->config;
	const struct ldap_connection_options options = {
		.bind_dn = probe->bind_dn != NULL ? probe->bind_dn : "",
		.password_file = probe->password_file != NULL
		    ? probe->password_file
		    : "",
		/* Of another server the configuration says nothing. */
		.start_tls = probe->uri != NULL || config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
	char uri[LDAP_URI_MAX], reason[LDAP_REASON_MAX] = "";
	int r;

	if (probe->uri == NULL &&
	    strncmp(config->uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0) {
		snprintf(probe->reason, sizeof(probe->reason),
		    "the directory is a file, and no key is written there");
		return ENS_E_NOTFOUND;
	}
	r = ldap_connection_uri(probe->uri != NULL ? probe->uri : config->uri,
	    0, uri);

	if (r == 0)
		r = ldap_connection_open(&options, uri, ret_ld, reason);
	if (r != 0)
		snprintf(probe->reason, sizeof(probe->reason),
		    "no key can be made in the directory: %s",
		    reason[0] != '\0' ? reason : error_text(r));
	return r;
}

/* What the directory calls the account: the caller's, ldap_memfree(). */
static int
find_account(struct probe *probe, LDAP *ld, char **ret_dn)
{
	const struct config *config = probe->config;
	int scope = config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                              : LDAP_SCOPE_SUBTREE;
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	char nothing[] = LDAP_NO_ATTRS, *attributes[] = { nothing, NULL };
	LDAPMessage *found = NULL;
	char filter[FILTER_MAX];
	int count, r;

	snprintf(filter, sizeof(filter),
	    "(&%s(|(objectClass=%s)(objectClass=%s))"
	    "(%s=%u))",
	    config->filter, config->schema.names[SCHEMA_ACCOUNT],
	    config->schema.names[SCHEMA_ACCOUNT_AUX],
	    config->schema.names[SCHEMA_ACCOUNT_ID], probe->name.account);
	r = ldap_search_ext_s(ld, config->base, scope, filter, attributes, 0,
	    NULL, NULL, &patience, 2, &found);
	count = found != NULL ? ldap_count_entries(ld, found) : 0;
	*ret_dn = count == 1 ? ldap_get_dn(ld, ldap_first_entry(ld, found))
	                     : NULL;
	ldap_msgfree(found);
	if (*ret_dn != NULL)
		return 0;
	if (r == LDAP_SUCCESS)
		snprintf(probe->reason, sizeof(probe->reason),
		    "the directory shows %s entry of account %u",
		    count == 0 ? "no" : "more than one", probe->name.account);
	return r == LDAP_SUCCESS ? ENS_E_NOTFOUND
	                         : explain(probe, ld, r, "search");
}

/* From this host alone, and for minutes: whatever becomes of us. */
static int
read_key(const char *path, struct made_key *ret_key)
{
	const time_t until = time(NULL) + GOOD_SECONDS;
	char line[LINE_SIZE], expiry[32];
	struct ssh_key key;
	struct tm utc;
	int r, i;

	r = ca_key_read_public(path, &key);
	if (r == 0)
		r = fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		    ret_key->fingerprint);
	if (r != 0)
		return r;
	if (ssh_key_format((struct bytes){ key.blob, key.blob_len }, line,
	        sizeof(line)) == 0 ||
	    gmtime_r(&until, &utc) == NULL ||
	    strftime(expiry, sizeof(expiry), "%Y%m%d%H%M%SZ", &utc) == 0)
		return ENS_E_LIMIT;
	for (i = 0; i < SHA256_LEN; i++)
		snprintf(ret_key->hex + 2 * i, 3, "%02x",
		    ret_key->fingerprint[i]);
	snprintf(ret_key->value, sizeof(ret_key->value),
	    "from=\"127.0.0.1,::1\",expiry-time=\"%s\" %s", expiry, line);
	return 0;
}

static int
add_entry(LDAP *ld, const struct config *config, const char *dn,
    struct made_key *key)
{
	char class_name[] = "objectClass", rdn[] = RDN, title_name[] = "cn",
	     title[] = TITLE, class[SCHEMA_NAME_MAX + 1],
	     key_name[SCHEMA_NAME_MAX + 1];
	char *classes[] = { class, NULL }, *titles[] = { title, NULL },
	     *hex[] = { key->hex, NULL }, *values[] = { key->value, NULL };
	LDAPMod mods[] = {
		{ LDAP_MOD_ADD, class_name, { classes } },
		{ LDAP_MOD_ADD, title_name, { titles } },
		{ LDAP_MOD_ADD, rdn, { hex } },
		{ LDAP_MOD_ADD, key_name, { values } },
	};
	LDAPMod *pointers[] = { &mods[0], &mods[1], &mods[2], &mods[3], NULL };

	memcpy(class, config->schema.names[SCHEMA_KEY], sizeof(class));
	memcpy(key_name, config->schema.names[SCHEMA_SSH_PUBLIC_KEY],
	    sizeof(key_name));
	return ldap_add_ext_s(ld, dn, pointers, NULL, NULL);
}

static bool
is_published(const struct probe *probe, const struct made_key *key)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct key_record record;
	char path[CONFIG_PATH_MAX];

	return config_path(probe->config->state_dir, CONFIG_VIEW_DIR, path) ==
	    0 &&
	    view_open(path, &view) == 0 &&
	    view_find_key(view, probe->name.account, key->fingerprint,
	        &record) == 0;
}

static int
await_key(struct probe *probe, const struct made_key *key)
{
	const struct timespec pause = { .tv_nsec = PAUSE };
	time_t end = time(NULL) + WAIT_SECONDS;

	while (!is_published(probe, key)) {
		if (time(NULL) > end) {
			snprintf(probe->reason, sizeof(probe->reason),
			    "the key is in the directory, but after %d seconds "
			    "not in the view: enscalectl status says whether "
			    "enscale-sync is in step",
			    WAIT_SECONDS);
			return ENS_E_INCOMPLETE;
		}
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int
add_below(struct probe *probe, LDAP *ld, const char *account_dn,
    struct made_key *key)
{
	int code;

	if (asprintf(&probe->dn, RDN "=%s,%s", key->hex, account_dn) < 0) {
		probe->dn = NULL;
		return -ENOMEM;
	}
	code = add_entry(ld, probe->config, probe->dn, key);
	/* The server's no; without an answer the entry may be there. */
	if (code > LDAP_SUCCESS) {
		free(probe->dn);
		probe->dn = NULL;
	}
	return explain(probe, ld, code, "add");
}

int
probe_key_add(struct probe *probe, const char *key_path)
{
	struct made_key key;
	char *account_dn = NULL;
	LDAP *ld;
	int r = read_key(key_path, &key);

	if (r == 0)
		r = connect_as_administrator(probe, &ld);
	if (r != 0)
		return r;
	r = find_account(probe, ld, &account_dn);
	if (r == 0)
		r = add_below(probe, ld, account_dn, &key);
	ldap_memfree(account_dn);
	ldap_connection_close(ld);
	return r == 0 ? await_key(probe, &key) : r;
}

int
probe_key_delete(struct probe *probe)
{
	LDAP *ld;
	int code, r;

	if (probe->dn == NULL)
		return 0;
	r = connect_as_administrator(probe, &ld);
	if (r != 0)
		return r;
	code = ldap_delete_ext_s(ld, probe->dn, NULL, NULL);
	r = code == LDAP_NO_SUCH_OBJECT ? 0
	                                : explain(probe, ld, code, "delete");
	ldap_connection_close(ld);
	if (r == 0) {
		free(probe->dn);
		probe->dn = NULL;
	}
	return r;
}

/*
 * What the gateway, nobody and an administrator see of the directory. See
 * survey.h. It refuses to change anything: the one change that is asked for
 * takes away a value that no entry has.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/as_user.h"
#include "enscalectl/directory_look.h"
#include "enscalectl/survey.h"
#include "ldap/ldap_attributes.h"
#include "ldap/ldap_naming.h"
#include "ldap/ldap_search.h"
#include "ldap/ldap_sync.h"
#include "ldap/ldap_time.h"
#include "ldap/ldap_uuid.h"
#include "ldap/ldap_values.h"

#define ALL          "(objectClass=*)"
#define MILLISECONDS 1000
/* What no entry has. */
#define NO_VALUE "enscalectl-directory-check"

/* ---- names -------------------------------------------------------------- */

static uint64_t
bit(int which)
{
	return UINT64_C(1) << which;
}

void
survey_names(const struct schema *schema, uint64_t set, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < SCHEMA_COUNT && len < size; i++)
		if ((set & bit(i)) != 0)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? ", " : "", schema->names[i]);
}

/* ---- the server --------------------------------------------------------- */

static void
free_values(struct berval ***values)
{
	ldap_value_free_len(*values);
}

#define AUTO_VALUES AUTO(free_values)

static void
read_values(LDAP *ld, const struct config *config, const char *dn,
    const char *attribute, struct berval ***ret_values)
{
	if (ldap_values_read(ld, dn, attribute, config->timeout, ret_values) !=
	    LDAP_SUCCESS)
		*ret_values = NULL;
}

static bool
has_value(struct berval **values, const char *value)
{
	for (int i = 0; values != NULL && values[i] != NULL; i++)
		if (strcasecmp(values[i]->bv_val, value) == 0)
			return true;
	return false;
}

static void
look_at_server(LDAP *ld, const struct config *config, struct survey_eyes *eyes)
{
	AUTO_VALUES struct berval **controls = NULL, **classes = NULL,
	                          **version = NULL;

	read_values(ld, config, "", "supportedControl", &controls);
	read_values(ld, config, "", "objectClass", &classes);
	read_values(ld, config, "", "vendorVersion", &version);
	directory_look_contexts(ld, config, eyes->contexts,
	    sizeof(eyes->contexts));
	eyes->offers_sync = has_value(controls, LDAP_CONTROL_SYNC);
	if (has_value(classes, "OpenLDAProotDSE")) {
		eyes->software = SURVEY_OPENLDAP;
		snprintf(eyes->version, sizeof(eyes->version), "OpenLDAP");
	} else if (version != NULL && version[0] != NULL) {
		if (strncmp(version[0]->bv_val, "389-", 4) == 0)
			eyes->software = SURVEY_389;
		snprintf(eyes->version, sizeof(eyes->version), "%s",
		    version[0]->bv_val);
	}
}

static int64_t
read_time(LDAP *ld, const struct config *config, const char *dn,
    const char *attribute)
{
	AUTO_VALUES struct berval **values = NULL;
	int64_t time = 0;
	size_t len;

	read_values(ld, config, dn, attribute, &values);
	if (values == NULL || values[0] == NULL)
		return 0;
	len = strcspn(values[0]->bv_val, "#");
	return ldap_time_parse(values[0]->bv_val, len, &time) == 0 ? time : 0;
}

/* Either of them has an entry that says what time it is, where it shows it. */
static void
look_at_clock(LDAP *ld, const struct config *config, struct survey_eyes *eyes)
{
	AUTO_VALUES struct berval **csns = NULL;
	int64_t changed;

	eyes->asked = time(NULL);
	eyes->now = eyes->software == SURVEY_389
	    ? read_time(ld, config, "cn=monitor", "currentTime")
	    : read_time(ld, config, "cn=Current,cn=Time,cn=Monitor",
	          "monitorTimestamp");
	read_values(ld, config, config->base, "contextCSN", &csns);
	for (int i = 0; csns != NULL && csns[i] != NULL; i++)
		if (ldap_time_parse(csns[i]->bv_val,
		        strcspn(csns[i]->bv_val, "#"), &changed) == 0 &&
		    changed > eyes->newest)
			eyes->newest = changed;
}

/* ---- the base ----------------------------------------------------------- */

/* What the server calls an entry, by RFC 4533 and by its attribute. */
static void
compare_uuids(LDAP *ld, const struct config *config, LDAPMessage *message,
    struct survey_eyes *eyes)
{
	LDAPMessage *entry = ldap_first_entry(ld, message);
	struct ldap_attributes attributes = { .count = 0 };
	uint8_t uuid[ENTRY_UUID_LEN], other[ENTRY_UUID_LEN];
	char csn[ENTRY_CSN_MAX + 1];

	if (entry == NULL ||
	    ldap_sync_stamps(&config->schema, ld, entry, uuid, csn) != 0)
		return;
	if (ldap_attributes_read(ld, entry, &attributes) == 0 &&
	    ldap_uuid_named(&config->schema, attributes.rows, attributes.count,
	        other)) {
		eyes->same_uuid = memcmp(uuid, other, sizeof(uuid)) == 0;
		eyes->other_uuid = !eyes->same_uuid;
	}
	ldap_attributes_clear(&attributes);
}

static void
look_at_base(LDAP *ld, const struct config *config, struct survey_eyes *eyes)
{
	int r = directory_look_base(ld, config);

	eyes->has_base = r == LDAP_SUCCESS;
	snprintf(eyes->base_reason, sizeof(eyes->base_reason), "%s",
	    r == LDAP_NO_SUCH_OBJECT ? "there is no such entry, or it is not "
	                               "shown"
	                             : ldap_err2string(r));
	if (!eyes->has_base)
		return;
	eyes->does_sync = directory_look_sync(ld, config, config->base, NULL);
	if (ldap_naming_unknown(ld, config->base, &config->schema,
	        config->timeout, &eyes->has_schema,
	        &eyes->unknown) != LDAP_SUCCESS)
		eyes->has_schema = false;
	if (ldap_naming_check(ld, config->base, &config->schema,
	        config->timeout, eyes->misnamed) != ENS_E_CONFIG)
		eyes->misnamed[0] = '\0';
}

/* ---- the entries -------------------------------------------------------- */

/* enum entry_kind less ENTRY_ACCOUNT; SURVEY_KINDS: none of ours. */
static size_t
kind_of(LDAP *ld, LDAPMessage *entry, const struct schema *schema)
{
	static const enum schema_name classes[SURVEY_KINDS][2] = {
		{ SCHEMA_ACCOUNT, SCHEMA_ACCOUNT_AUX },
		{ SCHEMA_KEY, SCHEMA_KEY },
		{ SCHEMA_ENVIRONMENT, SCHEMA_ENVIRONMENT },
		{ SCHEMA_NODE, SCHEMA_NODE },
	};
	AUTO_VALUES struct berval **values = ldap_get_values_len(ld, entry,
	    "objectClass");

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		if (has_value(values, schema->names[classes[kind][0]]) ||
		    has_value(values, schema->names[classes[kind][1]]))
			return kind;
	return SURVEY_KINDS;
}

static void
count_entry(LDAP *ld, LDAPMessage *entry, const struct schema *schema,
    struct survey_eyes *eyes)
{
	size_t kind = kind_of(ld, entry, schema);
	char *dn;

	if (kind == SURVEY_KINDS) {
		eyes->others++;
		return;
	}
	if (eyes->count[kind] < SURVEY_SAMPLES_MAX) {
		dn = ldap_get_dn(ld, entry);
		snprintf(eyes->samples[kind][eyes->count[kind]].dn,
		    ENTRY_DN_MAX + 1, "%s", dn != NULL ? dn : "");
		ldap_memfree(dn);
	}
	eyes->count[kind]++;
}

static uint32_t
total(const struct survey_eyes *eyes)
{
	uint32_t sum = eyes->others;

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		sum += eyes->count[kind];
	return sum;
}

/* Takes one message of the search; true when that was the last. */
static bool
take_message(LDAP *ld, LDAPMessage *message, const struct schema *schema,
    struct survey_eyes *eyes)
{
	int type = ldap_msgtype(message), code = LDAP_OTHER;

	if (type == LDAP_RES_SEARCH_ENTRY) {
		count_entry(ld, message, schema, eyes);
		eyes->cut = total(eyes) >= SURVEY_ENTRIES_MAX;
		return eyes->cut;
	}
	if (type != LDAP_RES_SEARCH_RESULT)
		return false;
	(void)ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 0);
	eyes->counted = code == LDAP_SUCCESS;
	if (!eyes->counted)
		ldap_connection_reason(ld, code, "search", eyes->count_reason);
	return true;
}

/* One by one: there may be a million. */
static void
count_entries(LDAP *ld, const struct config *config, const char *filter,
    struct survey_eyes *eyes)
{
	char class[] = "objectClass", *attributes[] = { class, NULL };
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	int scope = config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                              : LDAP_SCOPE_SUBTREE;
	LDAPMessage *message;
	bool last = false;
	int id, r;

	r = ldap_search_ext(ld, config->base, scope, filter, attributes, 0,
	    NULL, NULL, NULL, LDAP_NO_LIMIT, &id);
	while (r == LDAP_SUCCESS && !last) {
		message = NULL;
		r = ldap_result(ld, id, LDAP_MSG_ONE, &patience, &message);
		if (r <= 0)
			break;
		last = take_message(ld, message, &config->schema, eyes);
		ldap_msgfree(message);
		r = LDAP_SUCCESS;
	}
	if (eyes->cut)
		(void)ldap_abandon_ext(ld, id, NULL, NULL);
	else if (!last)
		ldap_connection_reason(ld,
		    r == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN, "search",
		    eyes->count_reason);
}

/* ---- what entries show -------------------------------------------------- */

static uint64_t
names_of(LDAP *ld, LDAPMessage *entry, const struct schema *schema)
{
	BerElement *ber = NULL;
	uint64_t seen = 0;
	char *name;

	for (name = ldap_first_attribute(ld, entry, &ber); name != NULL;
	     name = ldap_next_attribute(ld, entry, ber)) {
		for (int i = SCHEMA_CLASSES; i < SCHEMA_COUNT; i++)
			if (strcasecmp(name, schema->names[i]) == 0)
				seen |= bit(i);
		ldap_memfree(name);
	}
	ber_free(ber, 0);
	return seen;
}

/* What enscale-sync reads of it. */
static void
look_at_sample(LDAP *ld, const struct config *config,
    struct survey_sample *sample)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	struct ldap_search search;
	LDAPMessage *found = NULL, *entry;
	char **names;

	ldap_search_init(&search, config->base, LDAP_SCOPE_BASE, "",
	    &config->schema, true);
	memcpy(&names, &(const char *const *){ search.attributes },
	    sizeof(names)); /* only read */
	(void)ldap_search_ext_s(ld, sample->dn, LDAP_SCOPE_BASE, ALL, names, 0,
	    NULL, NULL, &patience, 1, &found);
	entry = found != NULL ? ldap_first_entry(ld, found) : NULL;
	if (entry != NULL)
		sample->seen = names_of(ld, entry, &config->schema);
	ldap_msgfree(found);
}

static void
look_at_samples(LDAP *ld, const struct config *config,
    const struct survey_eyes *like, struct survey_eyes *eyes)
{
	struct survey_sample *sample;

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		for (size_t i = 0; i < SURVEY_SAMPLES_MAX; i++) {
			sample = &eyes->samples[kind][i];
			if (like != NULL)
				memcpy(sample->dn, like->samples[kind][i].dn,
				    sizeof(sample->dn));
			if (sample->dn[0] != '\0')
				look_at_sample(ld, config, sample);
		}
}

/* Of an account: what was there before us may have no entryUUID. */
static void
look_at_uuid(LDAP *ld, const struct config *config, struct survey_eyes *eyes)
{
	const char *dn = eyes->samples[0][0].dn;
	LDAPMessage *message = NULL;

	if (dn[0] != '\0' && eyes->does_sync &&
	    directory_look_sync(ld, config, dn, &message))
		compare_uuids(ld, config, message, eyes);
	ldap_msgfree(message);
}

/* ---- what must not be shown --------------------------------------------- */

static void
look_for_password(LDAP *ld, const struct config *config,
    struct survey_eyes *eyes)
{
	char password[] = "userPassword", *attributes[] = { password, NULL };
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	LDAPMessage *found = NULL, *entry;
	struct berval **values = NULL;
	char *dn = NULL;

	(void)ldap_search_ext_s(ld, config->base, LDAP_SCOPE_SUBTREE,
	    "(userPassword=*)", attributes, 0, NULL, NULL, &patience, 1,
	    &found);
	entry = found != NULL ? ldap_first_entry(ld, found) : NULL;
	if (entry != NULL)
		values = ldap_get_values_len(ld, entry, password);
	if (values != NULL && values[0] != NULL)
		dn = ldap_get_dn(ld, entry);
	if (dn != NULL)
		snprintf(eyes->password_dn, sizeof(eyes->password_dn), "%s",
		    dn);
	ldap_memfree(dn);
	ldap_value_free_len(values);
	ldap_msgfree(found);
}

/*
 * Who may not write is told so before anything else; who may, that no such
 * value is there to be taken away.
 */
static void
try_to_write(LDAP *ld, const char *dn, const char *attribute,
    struct survey_eyes *eyes)
{
	char value[] = NO_VALUE, *values[] = { value, NULL };
	LDAPMod modification = { .mod_op = LDAP_MOD_DELETE,
		.mod_vals.modv_strvals = values };
	LDAPMod *modifications[] = { &modification, NULL };
	int r;

	memcpy(&modification.mod_type, &attribute, sizeof(attribute));
	r = ldap_modify_ext_s(ld, dn, modifications, NULL, NULL);
	eyes->tried_to_write |= r == LDAP_INSUFFICIENT_ACCESS;
	if (r == LDAP_NO_SUCH_ATTRIBUTE && eyes->written_dn[0] == '\0')
		snprintf(eyes->written_dn, sizeof(eyes->written_dn), "%s", dn);
}

static void
look_for_rights(LDAP *ld, const struct config *config, struct survey_eyes *eyes)
{
	const struct survey_sample *account = &eyes->samples[0][0];

	if (account->dn[0] != '\0')
		try_to_write(ld, account->dn,
		    config->schema.names[SCHEMA_STATUS], eyes);
	if (eyes->has_base)
		try_to_write(ld, config->base, "description", eyes);
}

/* ---- each of them ------------------------------------------------------- */

void
survey_look(LDAP *ld, const struct config *config,
    const struct survey_eyes *like, struct survey_eyes *eyes)
{
	struct ldap_search search;

	ldap_search_init(&search, config->base, LDAP_SCOPE_SUBTREE,
	    config->filter, &config->schema, false);
	look_at_server(ld, config, eyes);
	look_at_clock(ld, config, eyes);
	look_at_base(ld, config, eyes);
	if (eyes->has_base)
		count_entries(ld, config, search.filter, eyes);
	look_at_samples(ld, config, like, eyes);
	look_at_uuid(ld, config, eyes);
}

/* The first that lets us in; of none, what the first one said. */
static int
open_first(const struct config *config, bool anonymous,
    struct survey_eyes *eyes, LDAP **ret_ld)
{
	const struct ldap_connection_options options = {
		.bind_dn = config->bind_dn,
		.password_file = config->password_file,
		.anonymous = anonymous,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
	char reason[LDAP_REASON_MAX] = "", uri[LDAP_URI_MAX];
	int r = ENS_E_NOTFOUND;

	for (uint32_t i = 0; ldap_connection_uri(config->uri, i, uri) == 0;
	     i++) {
		r = ldap_connection_open(&options, uri, ret_ld, reason);
		if (r != 0 && i > 0)
			continue;
		memcpy(eyes->uri, uri, sizeof(uri));
		memcpy(eyes->reason, reason, sizeof(reason));
		eyes->bound = r;
		if (r == 0)
			return 0;
	}
	eyes->bound = r;
	return r;
}

static void
look_as_gateway(const void *arg, void *answer)
{
	const struct config *config = arg;
	struct survey_eyes *eyes = answer;
	LDAP *ld;

	if (open_first(config, false, eyes, &ld) != 0)
		return;
	survey_look(ld, config, NULL, eyes);
	look_for_password(ld, config, eyes);
	look_for_rights(ld, config, eyes);
	ldap_connection_close(ld);
}

static void
look_as_nobody(const void *arg, void *answer)
{
	const struct config *config = arg;
	struct survey_eyes *eyes = answer;
	LDAP *ld;

	if (open_first(config, true, eyes, &ld) != 0)
		return;
	look_at_server(ld, config, eyes);
	eyes->has_base = directory_look_base(ld, config) == LDAP_SUCCESS;
	count_entries(ld, config, ALL, eyes);
	look_for_password(ld, config, eyes);
	ldap_connection_close(ld);
}

static void
ask(const struct config *config, const struct as_user *user,
    void (*look)(const void *arg, void *answer), struct survey_eyes *eyes)
{
	int r = as_user_ask(user, SURVEY_SECONDS, look, config, eyes,
	    sizeof(*eyes));

	if (r == 0)
		return;
	eyes->bound = r;
	snprintf(eyes->reason, sizeof(eyes->reason), "%s", error_text(r));
}

void
survey_as_gateway(struct survey *survey)
{
	struct as_user user;
	bool known = !survey->no_config &&
	    as_user_find(DOCTOR_SYNC_USER, &user) == 0;

	ask(survey->config, known ? &user : NULL, look_as_gateway,
	    &survey->gateway);
}

void
survey_as_nobody(struct survey *survey)
{
	ask(survey->config, NULL, look_as_nobody, &survey->nobody);
}

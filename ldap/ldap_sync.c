/* RFC 4533. See ldap_sync.h. */
#include <config.h>

#include "ldap/ldap_sync.h"

#include <errno.h>
#include <lber.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "ldap/ldap_attributes.h"
#include "ldap/ldap_csn.h"
#include "ldap/ldap_uuid.h"

/* UUIDs in one message: OpenLDAP sends at most a thousand or so. */
#define UUIDS_MAX 1000000

struct ldap_sync {
	LDAP *ld;                    /* borrowed */
	const struct schema *schema; /* borrowed */
	int msgid;
	bool plain;   /* asked without the control */
	bool initial; /* asked without a cookie */
	bool named;   /* this refresh names what is present */
	bool refreshed;
	LDAPMessage *message; /* owned: what the last answer points into */
	struct entry_parser *parser;
	struct ldap_attributes attributes; /* owned */
	uint8_t (*uuids)[ENTRY_UUID_LEN];  /* owned */
	uint32_t uuid_room;
	char cookie[COOKIE_LEN_MAX];
};

static void
cleanup_control(LDAPControl **control)
{
	if (*control != NULL)
		ldap_control_free(*control);
}

static void
cleanup_controls(LDAPControl ***controls)
{
	if (*controls != NULL)
		ldap_controls_free(*controls);
}

static void
cleanup_ber(BerElement **ber)
{
	if (*ber != NULL)
		ber_free(*ber, 1);
}

static void
cleanup_berval(struct berval **value)
{
	if (*value != NULL)
		ber_bvfree(*value);
}

static void
cleanup_memory(char **text)
{
	if (*text != NULL)
		ldap_memfree(*text);
}

static void
cleanup_values(struct berval ***values)
{
	ldap_value_free_len(*values);
}

static void
let_go(struct ldap_sync *sync)
{
	ldap_attributes_clear(&sync->attributes);
	if (sync->message != NULL)
		(void)ldap_msgfree(sync->message);
	sync->message = NULL;
}

void
ldap_sync_free(struct ldap_sync *sync)
{
	if (sync == NULL)
		return;
	let_go(sync);
	entry_parser_free(sync->parser);
	free(sync->uuids);
	free(sync);
}

static void
cleanup_sync(struct ldap_sync **sync)
{
	ldap_sync_free(*sync);
}

/* ---- the search -------------------------------------------------------- */

int
ldap_sync_control(int mode, struct berval cookie, LDAPControl **ret_control)
{
	AUTO(cleanup_ber) BerElement *ber = ber_alloc_t(LBER_USE_DER);
	AUTO(cleanup_berval) struct berval *value = NULL;

	if (ber == NULL)
		return -ENOMEM;
	if (ber_printf(ber, "{e", mode) < 0 ||
	    (cookie.bv_len > 0 && ber_printf(ber, "O", &cookie) < 0) ||
	    ber_printf(ber, "}") < 0 || ber_flatten(ber, &value) != 0)
		return -ENOMEM;
	if (ldap_control_create(LDAP_CONTROL_SYNC, 1, value, 1, ret_control) !=
	    LDAP_SUCCESS)
		return -ENOMEM;
	return 0;
}

static int
search(struct ldap_sync *sync, const struct ldap_search *what, int mode,
    struct berval cookie, char reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_control) LDAPControl *control = NULL;
	LDAPControl *controls[2] = { NULL, NULL };
	char *attributes[LDAP_ATTRIBUTES_MAX + 1] = { NULL };
	int r;

	if (!sync->plain) {
		r = ldap_sync_control(mode, cookie, &control);
		if (r != 0)
			return r;
	}
	controls[0] = control;
	for (int i = 0; what->attributes[i] != NULL; i++)
		memcpy(&attributes[i], &what->attributes[i],
		    sizeof(attributes[i])); /* libldap forgot a const */
	r = ldap_search_ext(sync->ld, what->base, what->scope, what->filter,
	    attributes, 0, controls, NULL, NULL, what->limit, &sync->msgid);
	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(sync->ld, r, "search", reason);
		return ENS_E_LDAP;
	}
	return 0;
}

int
ldap_sync_start(LDAP *ld, const struct ldap_search *what, int mode,
    struct berval cookie, struct ldap_sync **ret_sync,
    char ret_reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_sync) struct ldap_sync *sync = calloc(1, sizeof(*sync));
	int r;

	if (sync == NULL)
		return -ENOMEM;
	sync->ld = ld;
	sync->schema = what->schema;
	sync->plain = mode == LDAP_SYNC_NONE;
	sync->initial = cookie.bv_len == 0;
	r = entry_parser_new(what->schema, &sync->parser);
	if (r == 0)
		r = search(sync, what, mode, cookie, ret_reason);
	if (r != 0)
		return r;
	*ret_sync = sync;
	sync = NULL;
	return 0;
}

/* ---- what comes back --------------------------------------------------- */

static int
room_for_uuids(struct ldap_sync *sync, uint32_t count)
{
	void *uuids;

	if (count > UUIDS_MAX)
		return ENS_E_PROTOCOL;
	if (count <= sync->uuid_room)
		return 0;
	uuids = realloc(sync->uuids, count * sizeof(sync->uuids[0]));
	if (uuids == NULL)
		return -ENOMEM;
	sync->uuids = uuids;
	sync->uuid_room = count;
	return 0;
}

static int
one_uuid(struct ldap_sync *sync, struct berval uuid,
    struct ldap_sync_message *message)
{
	int r = room_for_uuids(sync, 1);

	if (r != 0)
		return r;
	memcpy(sync->uuids[0], uuid.bv_val, ENTRY_UUID_LEN);
	message->uuids = (const uint8_t(*)[ENTRY_UUID_LEN])sync->uuids;
	message->uuid_count = 1;
	return 0;
}

/* Kept until the next message: what it came in is freed before. */
static int
keep_cookie(struct ldap_sync *sync, struct berval cookie,
    struct ldap_sync_message *message)
{
	if (cookie.bv_len > sizeof(sync->cookie))
		return ENS_E_PROTOCOL;
	memcpy(sync->cookie, cookie.bv_val, cookie.bv_len);
	message->cookie = (struct berval){ cookie.bv_len, sync->cookie };
	return 0;
}

static int
parse_entry(struct ldap_sync *sync, const uint8_t *uuid,
    struct ldap_sync_message *message)
{
	const struct ldap_attributes *attributes = &sync->attributes;
	int r = entry_parse(sync->parser, uuid, attributes->dn,
	    attributes->rows, attributes->count, &message->entry);

	return r == ENS_E_LIMIT ? ENS_E_PROTOCOL : r;
}

static int
read_entry(struct ldap_sync *sync, LDAPMessage *raw, const uint8_t *uuid,
    struct ldap_sync_message *message)
{
	struct ldap_attributes *attributes = &sync->attributes;
	int r = ldap_attributes_read(sync->ld, raw, attributes);

	if (r != 0)
		return r;
	message->kind = LDAP_SYNC_MESSAGE_ENTRY;
	message->named = ldap_uuid_is_named(sync->schema, attributes->rows,
	    attributes->count, uuid);
	return parse_entry(sync, uuid, message);
}

static int
read_plain(struct ldap_sync *sync, LDAPMessage *raw,
    struct ldap_sync_message *message)
{
	struct ldap_attributes *attributes = &sync->attributes;
	uint8_t uuid[ENTRY_UUID_LEN];
	int r = ldap_attributes_read(sync->ld, raw, attributes);

	if (r != 0)
		return r;
	message->kind = LDAP_SYNC_MESSAGE_ENTRY;
	message->named = ldap_uuid_named(sync->schema, attributes->rows,
	    attributes->count, uuid);
	return message->named ? parse_entry(sync, uuid, message) : 0;
}

/* The sync state control: syncStateValue ::= { state, entryUUID, cookie? }.
 * With sync NULL the cookie is passed over; else kept for the message. */
static int
read_state(LDAPControl **controls, ber_int_t *ret_state,
    uint8_t ret_uuid[ENTRY_UUID_LEN], struct ldap_sync *sync,
    struct ldap_sync_message *message)
{
	LDAPControl *control = ldap_control_find(LDAP_CONTROL_SYNC_STATE,
	    controls, NULL);
	AUTO(cleanup_ber) BerElement *ber = NULL;
	struct berval uuid, cookie;
	ber_len_t len;

	if (control == NULL)
		return ENS_E_PROTOCOL;
	ber = ber_init(&control->ldctl_value);
	if (ber == NULL)
		return -ENOMEM;
	if (ber_scanf(ber, "{em", ret_state, &uuid) == LBER_ERROR ||
	    uuid.bv_len != ENTRY_UUID_LEN)
		return ENS_E_PROTOCOL;
	memcpy(ret_uuid, uuid.bv_val, ENTRY_UUID_LEN);
	if (sync == NULL || ber_peek_tag(ber, &len) != LDAP_TAG_SYNC_COOKIE)
		return 0;
	if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
		return ENS_E_PROTOCOL;
	return keep_cookie(sync, cookie, message); /* while ber is there */
}

static int
take_entry(struct ldap_sync *sync, LDAPMessage *raw,
    struct ldap_sync_message *message)
{
	AUTO(cleanup_controls) LDAPControl **controls = NULL;
	uint8_t uuid[ENTRY_UUID_LEN];
	struct berval bv = { sizeof(uuid), (char *)uuid };
	ber_int_t state;
	int r;

	if (ldap_get_entry_controls(sync->ld, raw, &controls) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	r = read_state(controls, &state, uuid, sync, message);
	if (r != 0)
		return r;
	switch (state) {
	case LDAP_SYNC_ADD:
	case LDAP_SYNC_MODIFY:
		return read_entry(sync, raw, uuid, message);
	case LDAP_SYNC_PRESENT:
		sync->named = true;
		message->kind = LDAP_SYNC_MESSAGE_PRESENT;
		return one_uuid(sync, bv, message);
	case LDAP_SYNC_DELETE:
		message->kind = LDAP_SYNC_MESSAGE_DELETE;
		return one_uuid(sync, bv, message);
	default:
		return ENS_E_PROTOCOL;
	}
}

int
ldap_sync_stamps(const struct schema *schema, LDAP *ld, LDAPMessage *raw,
    uint8_t ret_uuid[ENTRY_UUID_LEN], char ret_csn[ENTRY_CSN_MAX + 1])
{
	AUTO(cleanup_controls) LDAPControl **controls = NULL;
	AUTO(cleanup_values)
	struct berval **csn = ldap_get_values_len(ld, raw,
	    schema->names[SCHEMA_CSN]);
	ber_int_t state;

	ret_csn[0] = '\0';
	if (csn != NULL && csn[0] != NULL && csn[0]->bv_len <= ENTRY_CSN_MAX) {
		memcpy(ret_csn, csn[0]->bv_val, csn[0]->bv_len);
		ret_csn[csn[0]->bv_len] = '\0';
	}
	if (ldap_get_entry_controls(ld, raw, &controls) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	return read_state(controls, &state, ret_uuid, NULL, NULL);
}

/* { cookie? , refreshDone DEFAULT TRUE } */
static int
take_phase(struct ldap_sync *sync, BerElement *ber, bool present,
    struct ldap_sync_message *message)
{
	struct berval cookie;
	ber_len_t len;
	ber_int_t done = 1;
	int r = 0;

	if (ber_skip_tag(ber, &len) == LBER_ERROR)
		return ENS_E_PROTOCOL;
	if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE) {
		if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
			return ENS_E_PROTOCOL;
		r = keep_cookie(sync, cookie, message);
	}
	if (r == 0 && ber_peek_tag(ber, &len) == LDAP_TAG_REFRESHDONE &&
	    ber_scanf(ber, "b", &done) == LBER_ERROR)
		r = ENS_E_PROTOCOL;
	if (r != 0)
		return r;
	if (present)
		sync->named = true;
	if (!done) {
		message->kind = LDAP_SYNC_MESSAGE_COOKIE;
		/* Not one to start from: the refresh goes on. */
		message->cookie.bv_len = 0;
		return 0;
	}
	if (sync->refreshed)
		return ENS_E_PROTOCOL;
	sync->refreshed = true;
	message->kind = LDAP_SYNC_MESSAGE_DONE;
	message->swept = sync->initial || sync->named;
	return 0;
}

/* { cookie?, refreshDeletes DEFAULT FALSE, SET OF UUID } */
static int
take_set(struct ldap_sync *sync, BerElement *ber,
    struct ldap_sync_message *message)
{
	struct berval cookie;
	BerVarray set = NULL;
	ber_len_t len;
	ber_int_t deletes = 0;
	uint32_t count = 0;
	int r = 0;

	if (ber_skip_tag(ber, &len) == LBER_ERROR)
		return ENS_E_PROTOCOL;
	if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE) {
		if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
			return ENS_E_PROTOCOL;
		r = keep_cookie(sync, cookie, message);
	}
	if (r == 0 && ber_peek_tag(ber, &len) == LDAP_TAG_REFRESHDELETES &&
	    ber_scanf(ber, "b", &deletes) == LBER_ERROR)
		r = ENS_E_PROTOCOL;
	if (r == 0 && ber_scanf(ber, "[W]", &set) == LBER_ERROR)
		r = ENS_E_PROTOCOL;
	while (r == 0 && set != NULL && set[count].bv_val != NULL) {
		if (set[count++].bv_len != ENTRY_UUID_LEN)
			r = ENS_E_PROTOCOL;
	}
	if (r == 0)
		r = room_for_uuids(sync, count);
	for (uint32_t i = 0; r == 0 && i < count; i++)
		memcpy(sync->uuids[i], set[i].bv_val, ENTRY_UUID_LEN);
	ber_bvarray_free(set);
	if (r != 0)
		return r;
	if (!deletes)
		sync->named = true;
	message->kind = deletes ? LDAP_SYNC_MESSAGE_DELETE
	                        : LDAP_SYNC_MESSAGE_PRESENT;
	message->uuids = (const uint8_t(*)[ENTRY_UUID_LEN])sync->uuids;
	message->uuid_count = count;
	return 0;
}

static int
take_info(struct ldap_sync *sync, LDAPMessage *raw,
    struct ldap_sync_message *message)
{
	AUTO(cleanup_memory) char *oid = NULL;
	AUTO(cleanup_berval) struct berval *value = NULL;
	AUTO(cleanup_ber) BerElement *ber = NULL;
	struct berval cookie;
	ber_len_t len;

	message->kind = LDAP_SYNC_MESSAGE_COOKIE;
	if (ldap_parse_intermediate(sync->ld, raw, &oid, &value, NULL, 0) !=
	    LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	if (oid == NULL || strcmp(oid, LDAP_SYNC_INFO) != 0)
		return 0; /* RFC 4511, 4.13: unknown ones are ignored */
	if (value == NULL)
		return ENS_E_PROTOCOL;
	ber = ber_init(value);
	if (ber == NULL)
		return -ENOMEM;
	switch (ber_peek_tag(ber, &len)) {
	case LDAP_TAG_SYNC_NEW_COOKIE:
		if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
			return ENS_E_PROTOCOL;
		return keep_cookie(sync, cookie, message);
	case LDAP_TAG_SYNC_REFRESH_DELETE:
		return take_phase(sync, ber, false, message);
	case LDAP_TAG_SYNC_REFRESH_PRESENT:
		return take_phase(sync, ber, true, message);
	case LDAP_TAG_SYNC_ID_SET:
		return take_set(sync, ber, message);
	default:
		return ENS_E_PROTOCOL;
	}
}

static int
take_result(struct ldap_sync *sync, LDAPMessage *raw,
    struct ldap_sync_message *message)
{
	AUTO(cleanup_memory) char *text = NULL;

	message->kind = LDAP_SYNC_MESSAGE_END;
	if (ldap_parse_result(sync->ld, raw, &message->code, NULL, &text, NULL,
	        NULL, 0) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	(void)snprintf(message->reason, sizeof(message->reason),
	    "result %d: %s%s%s%s", message->code,
	    ldap_err2string(message->code),
	    text != NULL && *text != '\0' ? " (" : "", text != NULL ? text : "",
	    text != NULL && *text != '\0' ? ")" : "");
	return 0;
}

int
ldap_sync_next(struct ldap_sync *sync, struct ldap_sync_message *ret_message)
{
	struct timeval now = { 0, 0 };
	int type;

	let_go(sync);
	ret_message->kind = LDAP_SYNC_MESSAGE_NONE;
	ret_message->cookie = (struct berval){ 0, NULL };
	ret_message->uuid_count = 0;
	ret_message->reason[0] = '\0';
	type = ldap_result(sync->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &now,
	    &sync->message);
	if (type == 0)
		return 0;
	if (type < 0) {
		int code = LDAP_SERVER_DOWN;

		(void)ldap_get_option(sync->ld, LDAP_OPT_RESULT_CODE, &code);
		ldap_connection_reason(sync->ld, code, "connection",
		    ret_message->reason);
		return ENS_E_LDAP;
	}
	if (ldap_msgid(sync->message) != sync->msgid) {
		ret_message->kind = LDAP_SYNC_MESSAGE_OTHER;
		ret_message->other = sync->message;
		sync->message = NULL;
		return 0;
	}
	switch (type) {
	case LDAP_RES_SEARCH_ENTRY:
		return sync->plain
		    ? read_plain(sync, sync->message, ret_message)
		    : take_entry(sync, sync->message, ret_message);
	case LDAP_RES_INTERMEDIATE:
		return take_info(sync, sync->message, ret_message);
	case LDAP_RES_SEARCH_RESULT:
		return take_result(sync, sync->message, ret_message);
	case LDAP_RES_SEARCH_REFERENCE: /* not followed */
		ret_message->kind = LDAP_SYNC_MESSAGE_COOKIE;
		return 0;
	default:
		return ENS_E_PROTOCOL;
	}
}

int
ldap_sync_end_error(int code)
{
	switch (code) {
	case LDAP_UNWILLING_TO_PERFORM:
		return ENS_E_BEHIND;
	case LDAP_SYNC_REFRESH_REQUIRED:
		return ENS_E_REFRESH;
	default:
		return ENS_E_INCOMPLETE;
	}
}

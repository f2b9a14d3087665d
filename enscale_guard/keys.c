/*
 * Requests about keys. It refuses a session that was opened for one node, or
 * with a key that is itself restricted: a restricted key must not lift its own
 * limits. It judges the session, not the key: enscale-keyd does that, which
 * parses it.
 */
#include <config.h>

#include "enscale_guard/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/keys/fingerprint.h"
#include "common/keys/fingerprint_text.h"
#include "common/keys/ssh_key.h"
#include "common/protocol/guard_protocol.h"
#include "common/view/fields_json.h"

/* ---- list -------------------------------------------------------------- */

/* Roughly the size of a row without its texts. */
#define KEY_FRAME 256

static json_t *
list_key(const struct key_record *key)
{
	char sha256[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char md5[FINGERPRINT_MD5_TEXT_LEN + 1] = "";
	enum ssh_key_type type;
	uint8_t digest[MD5_LEN];
	uint32_t bits;

	if (ssh_key_check_blob(key->blob, &type, &bits) < 0)
		return NULL; /* enscale-sync publishes none of these */
	fingerprint_format_sha256(key->fingerprint, sha256);
	if (fingerprint_md5(key->blob, digest) == 0)
		fingerprint_format_md5(digest, md5);
	return fields_to_json(
	    json_pack("{s:s, s:I, s:I, s:s, s:s}", "type",
	        ssh_key_type_short_name(type), "bits", (json_int_t)bits,
	        "added", (json_int_t)key->added, "sha256", sha256, "md5", md5),
	    &key_fields, &key->fields, FIELDS_FOR_USERS);
}

/* One page, of the keys behind a fingerprint (NULL: from the beginning).
 * *ret_last: the one that it ends with, when there are more. */
static int
list_keys(const struct request *request, const uint8_t *after, json_t *list,
    const uint8_t **ret_last)
{
	struct account_keys_record keys;
	struct key_record key;
	uint32_t account = request->session->account;
	const uint8_t *fingerprint, *last = NULL;
	size_t size = 0;
	json_t *row;
	int r;

	r = view_find_account_keys(request->view, account, &keys);
	for (uint32_t i = 0; r == 0 && i < keys.count; i++) {
		fingerprint = keys.fingerprints + (size_t)i * SHA256_LEN;
		if (after != NULL &&
		    memcmp(fingerprint, after, SHA256_LEN) <= 0)
			continue;
		if (size >= GUARD_PAGE_SIZE) {
			*ret_last = last;
			break;
		}
		last = fingerprint;
		r = view_find_key(request->view, account, fingerprint, &key);
		row = r == 0 ? list_key(&key) : NULL;
		if (row != NULL) {
			size += KEY_FRAME +
			    fields_text_size(&key_fields, &key.fields);
			r = json_array_append_new(list, row) == 0 ? 0 : -ENOMEM;
		} else if (r == ENS_E_NOTFOUND) {
			r = 0;
		}
	}
	return r == ENS_E_NOTFOUND ? 0 : r;
}

static json_t *
present(const struct request *request, json_t *keys, const uint8_t *last)
{
	char more[FINGERPRINT_SHA256_TEXT_LEN + 1];
	json_t *answer = json_pack("{s:b, s:b, s:O}", "ok", 1, "manage",
	    (int)request->config->manage, "keys", keys);

	if (last == NULL || answer == NULL)
		return answer;
	fingerprint_format_sha256(last, more);
	if (json_object_set_new(answer, "more", json_string(more)) != 0) {
		/* Without memory: half of a list must not look like all. */
		json_decref(answer);
		return NULL;
	}
	return answer;
}

struct reply
keys_list(const struct request *request, const struct request_fields *fields)
{
	AUTO_JSON json_t *keys = json_array();
	uint8_t begin[SHA256_LEN];
	const uint8_t *last = NULL;
	int r;

	if (fields->after != NULL &&
	    fingerprint_parse(fields->after, begin) != 0)
		return reply_bad(request, "There is no such page.");
	r = list_keys(request, fields->after != NULL ? begin : NULL, keys,
	    &last);
	if (r < 0)
		return reply_cannot_tell(request, r);
	return reply_now(present(request, keys, last));
}

/* ---- changes ----------------------------------------------------------- */

static const char *
op_text(enum keyd_op op)
{
	return op == KEYD_ADD ? "add" : "delete";
}

static struct reply
refuse(const struct request *request, enum keyd_op op, int code,
    const char *verdict, const char *sentence)
{
	audit_event(request->audit, AUDIT_EVENT_KEY_REFUSED, request->session,
	    &(struct audit_fields){ .op = op_text(op),
	        .verdict = verdict,
	        .sentence = sentence });
	return reply_refusal(code, verdict, sentence, request->session);
}

static struct reply
refuse_off(const struct request *request, enum keyd_op op)
{
	return refuse(request, op, GUARD_EXIT_REFUSED,
	    keyd_result_text(KEYD_OFF), keyd_result_sentence(KEYD_OFF));
}

static struct reply
refuse_node_session(const struct request *request, enum keyd_op op)
{
	char sentence[POLICY_SENTENCE_MAX];

	snprintf(sentence, sizeof(sentence),
	    "This session was opened for node %u only: to manage keys, log in as %u.",
	    request->session->node, request->session->account);
	return refuse(request, op, GUARD_EXIT_REFUSED, "other-node", sentence);
}

/* May this session change keys? If not, *ret_reply says why. */
static bool
may_change(const struct request *request, enum keyd_op op,
    struct reply *ret_reply)
{
	struct policy_answer answer;
	char sentence[POLICY_SENTENCE_MAX];

	reply_judge(request, 0, &answer);
	if (answer.verdict != POLICY_ALLOWED) {
		policy_sentence(&answer, sentence, sizeof(sentence));
		*ret_reply = refuse(request, op,
		    reply_exit_code(answer.verdict),
		    policy_verdict_text(answer.verdict), sentence);
	} else if (!request->config->manage || request->change_keys == NULL) {
		*ret_reply = refuse_off(request, op);
	} else if (request->session->node != 0) {
		*ret_reply = refuse_node_session(request, op);
	} else if (answer.key.from[0] != '\0' || answer.key.expires != 0 ||
	    (answer.key.options & KEY_NARROWED) != 0) {
		*ret_reply = refuse(request, op, GUARD_EXIT_REFUSED,
		    "key-limited",
		    "The key of this session is restricted: it cannot change the account's keys.");
	} else {
		return true;
	}
	return false;
}

static struct reply
hand_on(const struct request *request, const struct keyd_request *change)
{
	int r = request->change_keys(request->arg, change);

	if (r == 0)
		return reply_later();
	if (r == -EBUSY)
		return refuse(request, change->op, GUARD_EXIT_FAULT,
		    "too-many-requests",
		    "Another change to this account's keys is in progress; please wait a moment.");
	return keys_outcome(request->audit, request->session, change->op,
	    change->title, NULL);
}

struct reply
keys_add(const struct request *request, const struct request_fields *fields)
{
	static const struct keyd_reply bad_title = { .result = KEYD_BAD_TITLE };
	const struct keyd_request change = { .op = KEYD_ADD,
		.account = request->session->account,
		.title = fields->title,
		.key = fields->key };
	struct reply reply;

	if (!may_change(request, change.op, &reply))
		return reply;
	if (strlen(change.title) > NAME_TEXT_MAX)
		return keys_outcome(request->audit, request->session, change.op,
		    "", &bad_title);
	return hand_on(request, &change);
}

struct reply
keys_delete(const struct request *request, const struct request_fields *fields)
{
	struct keyd_request change = { .op = KEYD_DELETE,
		.account = request->session->account,
		.title = "",
		.key = "" };
	struct reply reply;

	if (!may_change(request, change.op, &reply))
		return reply;
	if (fingerprint_parse(fields->fingerprint, change.fingerprint) < 0)
		return reply_refusal(GUARD_EXIT_USAGE, "bad-fingerprint",
		    "Name the key by its fingerprint as the list shows it: SHA256:...",
		    request->session);
	return hand_on(request, &change);
}

/* ---- what became of it ------------------------------------------------- */

static int
exit_code(enum keyd_result result)
{
	switch (result) {
	case KEYD_BAD_REQUEST:
	case KEYD_UNAVAILABLE:
	case KEYD_UNKNOWN:
		return GUARD_EXIT_FAULT;
	case KEYD_DONE:
	case KEYD_BAD_TITLE:
	case KEYD_KEY_FORMAT:
	case KEYD_KEY_TYPE:
	case KEYD_KEY_WEAK:
	case KEYD_KEY_OPTION:
	case KEYD_KEY_SEVERAL:
	case KEYD_KEY_EXPIRED:
	case KEYD_KEY_EXISTS:
	case KEYD_KEY_MISSING:
	case KEYD_KEY_FIXED:
	case KEYD_TOO_MANY:
	case KEYD_TOO_FAST:
	case KEYD_NO_ACCOUNT:
	case KEYD_OFF:
	default:
		return GUARD_EXIT_REFUSED;
	}
}

struct reply
keys_outcome(struct audit *audit, const struct session *session,
    enum keyd_op op, const char *title, const struct keyd_reply *outcome)
{
	static const struct keyd_reply unsent = { .result = KEYD_UNAVAILABLE };
	static const uint8_t none[SHA256_LEN];
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1] = "";
	struct audit_fields fields = { .op = op_text(op) };

	if (outcome == NULL)
		outcome = &unsent;
	if (memcmp(outcome->fingerprint, none, SHA256_LEN) != 0) {
		fingerprint_format_sha256(outcome->fingerprint, text);
		fields.fingerprint = text;
	}
	/* "key" is the one that opened the session. */
	if (op == KEYD_ADD)
		fields.title = title;
	if (outcome->result == KEYD_DONE) {
		audit_event(audit,
		    op == KEYD_ADD ? AUDIT_EVENT_KEY_ADDED
		                   : AUDIT_EVENT_KEY_DELETED,
		    session, &fields);
		return reply_now(
		    json_pack("{s:b, s:s}", "ok", 1, "fingerprint", text));
	}
	fields.verdict = keyd_result_text(outcome->result);
	fields.sentence = keyd_result_sentence(outcome->result);
	audit_event(audit, AUDIT_EVENT_KEY_REFUSED, session, &fields);
	return reply_refusal(exit_code(outcome->result), fields.verdict,
	    fields.sentence, session);
}

/*
 * Requests about keys. It refuses a session that was opened for one node, or
 * with a key that is itself limited: what is narrow does not widen itself.
 * It judges the session, not the key: that is for enscale-keyd, which parses
 * it.
 */
#include <config.h>

#include "enscale_guard/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint.h"
#include "common/fingerprint_text.h"
#include "common/guard_protocol.h"
#include "common/ssh_key.h"
#include "enscale_guard/admission.h"

static void
unref(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON AUTO(unref)

static json_t *
refuse_busy(const struct request *request)
{
	return request_refusal(GUARD_EXIT_UNWELL, "too-many-requests",
	    "Too many requests; please wait a moment.", request->session);
}

/* ---- list -------------------------------------------------------------- */

/* What a row takes beside its texts, about. */
#define KEY_FRAME 256

static json_t *
list_key(const struct key_record *key)
{
	char sha256[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char md5[FINGERPRINT_MD5_TEXT_LEN + 1] = "";
	char options[KEY_OPTIONS_TEXT_MAX + 1];
	enum ssh_key_type type;
	uint8_t digest[MD5_LEN];
	uint32_t bits;

	if (ssh_key_check_blob(key->blob, &type, &bits) < 0)
		return NULL; /* enscale-sync publishes none of these */
	fingerprint_format_sha256(key->fingerprint, sha256);
	if (fingerprint_md5(key->blob, digest) == 0)
		fingerprint_format_md5(digest, md5);
	ssh_key_format_options(key->options, options);
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:o, s:s, s:s, s:s}",
	    "title", request_text(key->title), "type",
	    ssh_key_type_short_name(type), "bits", (json_int_t)bits, "added",
	    (json_int_t)key->added, "expires", (json_int_t)key->expires, "from",
	    request_text(key->from), "options", options, "sha256", sha256,
	    "md5", md5);
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
			size += KEY_FRAME + strlen(key.title) +
			    strlen(key.from);
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

json_t *
keys_list(const struct request *request, json_t *object, bool *ret_close)
{
	AUTO_JSON json_t *keys = json_array();
	struct policy_answer answer;
	uint8_t begin[SHA256_LEN];
	const uint8_t *last = NULL;
	const char *op, *after = NULL;
	int r;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s?s}", "op", &op,
	        "after", &after) != 0)
		return request_bad(request, "Unknown field.", ret_close);
	if (after != NULL && fingerprint_parse(after, begin) != 0)
		return request_bad(request, "Not a page.", ret_close);
	if (!request->charge(request->arg, ADMISSION_COST_LIST))
		return refuse_busy(request);
	request_judge(request, 0, &answer);
	if (answer.verdict != POLICY_ALLOWED)
		return request_refuse(request, &answer);
	r = list_keys(request, after != NULL ? begin : NULL, keys, &last);
	if (r < 0) {
		answer.verdict = POLICY_CANNOT_TELL;
		answer.error = r;
		return request_refuse(request, &answer);
	}
	return present(request, keys, last);
}

/* ---- changes ----------------------------------------------------------- */

static json_t *
refuse(const struct request *request, enum keyd_op op, int code,
    const char *verdict, const char *sentence)
{
	audit_event(request->audit, "key-refused", request->session,
	    json_pack("{s:s, s:s, s:s}", "op",
	        op == KEYD_ADD ? "add" : "delete", "verdict", verdict,
	        "sentence", sentence));
	return request_refusal(code, verdict, sentence, request->session);
}

static json_t *
refuse_off(const struct request *request, enum keyd_op op)
{
	return refuse(request, op, GUARD_EXIT_REFUSED, "keys-off",
	    "Keys cannot be added or deleted here: this gateway leaves that to the administrators.");
}

static json_t *
refuse_node_session(const struct request *request, enum keyd_op op)
{
	char sentence[POLICY_SENTENCE_MAX];

	snprintf(sentence, sizeof(sentence),
	    "This session was opened for node %u alone: keys are managed with the login name %u.",
	    request->session->node, request->session->account);
	return refuse(request, op, GUARD_EXIT_REFUSED, "other-node", sentence);
}

/* May this session change keys? NULL when it may. */
static json_t *
judge(const struct request *request, enum keyd_op op)
{
	struct policy_answer answer;
	char sentence[POLICY_SENTENCE_MAX];

	if (!request->charge(request->arg, ADMISSION_COST_REFUSED))
		return refuse_busy(request);
	request_judge(request, 0, &answer);
	if (answer.verdict != POLICY_ALLOWED) {
		policy_sentence(&answer, sentence, sizeof(sentence));
		return refuse(request, op, request_exit_code(answer.verdict),
		    policy_verdict_text(answer.verdict), sentence);
	}
	if (!request->config->manage || request->change_keys == NULL)
		return refuse_off(request, op);
	if (request->session->node != 0)
		return refuse_node_session(request, op);
	if (answer.key.from[0] != '\0' || answer.key.expires != 0 ||
	    (answer.key.options & KEY_NARROWED) != 0)
		return refuse(request, op, GUARD_EXIT_REFUSED, "key-limited",
		    "The key of this session is limited: it cannot change the account's keys.");
	return NULL;
}

static json_t *
hand_on(const struct request *request, const struct keyd_request *change)
{
	int r = request->change_keys(request->arg, change);

	if (r == 0)
		return NULL;
	if (r == -EBUSY)
		return refuse(request, change->op, GUARD_EXIT_UNWELL,
		    "too-many-requests",
		    "Another change of this account's keys is under way; please wait a moment.");
	return keys_outcome(request->audit, request->session, change->op,
	    change->title, NULL);
}

json_t *
keys_add(const struct request *request, json_t *object, bool *ret_close)
{
	struct keyd_request change = { .op = KEYD_ADD,
		.account = request->session->account };
	struct keyd_reply reply = { .result = KEYD_BAD_TITLE };
	json_t *refusal;
	const char *op;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s:s, s:s}", "op",
	        &op, "title", &change.title, "key", &change.key) != 0)
		return request_bad(request, "Not a title and a key.",
		    ret_close);
	refusal = judge(request, change.op);
	if (refusal != NULL)
		return refusal;
	if (strlen(change.title) > NAME_TEXT_MAX)
		return keys_outcome(request->audit, request->session, change.op,
		    "", &reply);
	return hand_on(request, &change);
}

json_t *
keys_delete(const struct request *request, json_t *object, bool *ret_close)
{
	struct keyd_request change = { .op = KEYD_DELETE,
		.account = request->session->account,
		.title = "",
		.key = "" };
	const char *op, *fingerprint;
	json_t *refusal;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s:s}", "op", &op,
	        "fingerprint", &fingerprint) != 0)
		return request_bad(request, "Not a fingerprint.", ret_close);
	refusal = judge(request, change.op);
	if (refusal != NULL)
		return refusal;
	if (fingerprint_parse(fingerprint, change.fingerprint) < 0)
		return request_refusal(GUARD_EXIT_USAGE, "bad-fingerprint",
		    "A key is named by its fingerprint as the list shows it: SHA256:...",
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
		return GUARD_EXIT_UNWELL;
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
	default:
		return GUARD_EXIT_REFUSED;
	}
}

json_t *
keys_outcome(struct audit *audit, const struct session *session,
    enum keyd_op op, const char *title, const struct keyd_reply *reply)
{
	static const struct keyd_reply unsent = { .result = KEYD_UNAVAILABLE };
	static const uint8_t none[SHA256_LEN];
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1] = "";
	json_t *fields;

	if (reply == NULL)
		reply = &unsent;
	if (memcmp(reply->fingerprint, none, SHA256_LEN) != 0)
		fingerprint_format_sha256(reply->fingerprint, text);
	/* "key" is the one that opened the session. */
	fields = json_pack("{s:s*, s:o*}", "fingerprint",
	    text[0] != '\0' ? text : NULL, "title",
	    op == KEYD_ADD ? request_text(title) : NULL);
	if (reply->result == KEYD_DONE) {
		audit_event(audit, op == KEYD_ADD ? "key-added" : "key-deleted",
		    session, fields);
		return json_pack("{s:b, s:s}", "ok", 1, "fingerprint", text);
	}
	json_object_set_new(fields, "op",
	    json_string(op == KEYD_ADD ? "add" : "delete"));
	json_object_set_new(fields, "verdict",
	    json_string(keyd_result_text(reply->result)));
	json_object_set_new(fields, "sentence",
	    json_string(keyd_result_sentence(reply->result)));
	audit_event(audit, "key-refused", session, fields);
	return request_refusal(exit_code(reply->result),
	    keyd_result_text(reply->result),
	    keyd_result_sentence(reply->result), session);
}

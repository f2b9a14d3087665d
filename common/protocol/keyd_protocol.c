/* Messages between the guard and enscale-keyd, and the words for results. It
 * only checks the form: what a request asks for is judged by its receiver. */
#include <config.h>

#include "common/protocol/keyd_protocol.h"

#include <string.h>

#include "common/base/errors.h"

/* Numbers in sentences are those of common/base/limits.h. */
#define WORDS(number)  #number
#define NUMBER(number) WORDS(number)

static const struct {
	const char *text, *sentence;
} results[KEYD_RESULTS] = {
	[KEYD_DONE] = { "done", "The change has been made." },
	[KEYD_BAD_REQUEST] = { "bad-request",
	    "Two parts of the gateway have different versions." },
	[KEYD_BAD_TITLE] = { "bad-title",
	    "The title must be 1 to " NUMBER(
	        NAME_TEXT_MAX) " bytes of printable text." },
	[KEYD_KEY_FORMAT] = { "key-format",
	    "This is not an SSH public key: give what is in the .pub file." },
	[KEYD_KEY_TYPE] = { "key-type",
	    "Keys of this type are not accepted: use ed25519, ECDSA, a security key or RSA." },
	[KEYD_KEY_WEAK] = { "key-weak",
	    "This key is too weak: an RSA key needs " NUMBER(
	        RSA_BITS_MIN) " bits, and DSA is not accepted." },
	[KEYD_KEY_OPTION] = { "key-option",
	    "This key has an option that is not accepted. Accepted are from=, expiry-time=, verify-required, and options that only restrict, such as restrict and no-pty." },
	[KEYD_KEY_SEVERAL] = { "several-keys",
	    "This is more than one key: add one at a time." },
	[KEYD_KEY_EXPIRED] = { "key-expired", "This key has already expired." },
	[KEYD_KEY_EXISTS] = { "key-exists",
	    "The account already has this key." },
	[KEYD_KEY_MISSING] = { "key-missing",
	    "The account has no key with this fingerprint." },
	[KEYD_KEY_FIXED] = { "key-fixed",
	    "This key is part of the account's own entry: only an administrator can delete it." },
	[KEYD_TOO_MANY] = { "too-many-keys",
	    "The account has " NUMBER(
	        MANAGED_KEYS_MAX) " keys or more: delete one first." },
	[KEYD_TOO_FAST] = { "too-many-changes",
	    "Too many changes to this account's keys: please wait a few minutes." },
	[KEYD_NO_ACCOUNT] = { "account-unknown",
	    "The directory has no such account." },
	[KEYD_UNAVAILABLE] = { "directory-unavailable",
	    "The directory takes no changes at the moment; nothing was changed. Please try again later." },
	[KEYD_OFF] = { "keys-off",
	    "Keys cannot be added or deleted here: this gateway leaves that to the administrators." },
	[KEYD_UNKNOWN] = { "outcome-unknown",
	    "The directory did not say whether it made the change: check the list of keys." },
};

const char *
keyd_result_text(enum keyd_result result)
{
	return (unsigned)result < KEYD_RESULTS ? results[result].text
	                                       : "unknown";
}

const char *
keyd_result_sentence(enum keyd_result result)
{
	return (unsigned)result < KEYD_RESULTS ? results[result].sentence
	                                       : results[KEYD_UNKNOWN].sentence;
}

void
keyd_request_encode(struct wire_writer *writer,
    const struct keyd_request *request)
{
	size_t place = wire_write_begin_string(writer);

	wire_write_u8(writer, KEYD_VERSION);
	wire_write_u8(writer, (uint8_t)request->op);
	wire_write_u32(writer, request->account);
	if (request->op == KEYD_ADD) {
		if (strlen(request->title) > NAME_TEXT_MAX ||
		    strlen(request->key) > KEY_LINE_MAX)
			writer->error = ENS_E_LIMIT;
		wire_write_text(writer, request->title);
		wire_write_text(writer, request->key);
	} else {
		wire_write_bytes(writer, request->fingerprint, SHA256_LEN);
	}
	wire_write_end_string(writer, place);
}

void
keyd_reply_encode(struct wire_writer *writer, const struct keyd_reply *reply)
{
	size_t place = wire_write_begin_string(writer);

	wire_write_u8(writer, KEYD_VERSION);
	wire_write_u8(writer, (uint8_t)reply->result);
	wire_write_bytes(writer, reply->fingerprint, SHA256_LEN);
	wire_write_end_string(writer, place);
}

/* Copies the next bytes; the reader remembers when there are none. */
static void
read_fingerprint(struct wire_reader *reader, uint8_t fingerprint[SHA256_LEN])
{
	struct bytes read = wire_read_bytes(reader, SHA256_LEN);

	if (read.len == SHA256_LEN)
		memcpy(fingerprint, read.data, SHA256_LEN);
}

int
keyd_request_decode(struct bytes message, struct keyd_request *ret_request)
{
	struct keyd_request request = { .title = "", .key = "" };
	struct wire_reader reader;
	uint8_t op;
	int r;

	wire_read_init(&reader, message.data, message.len);
	if (wire_read_u8(&reader) != KEYD_VERSION)
		return reader.error != 0 ? reader.error : ENS_E_VERSION;
	op = wire_read_u8(&reader);
	request.account = wire_read_u32(&reader);
	switch (op) {
	case KEYD_ADD:
		request.op = KEYD_ADD;
		request.title = wire_read_text(&reader, NAME_TEXT_MAX);
		request.key = wire_read_text(&reader, KEY_LINE_MAX);
		break;
	case KEYD_DELETE:
		request.op = KEYD_DELETE;
		read_fingerprint(&reader, request.fingerprint);
		break;
	default:
		return ENS_E_CORRUPT;
	}
	r = wire_read_end(&reader);
	if (r == 0)
		*ret_request = request;
	return r;
}

int
keyd_reply_decode(struct bytes message, struct keyd_reply *ret_reply)
{
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };
	struct wire_reader reader;
	uint8_t result;
	int r;

	wire_read_init(&reader, message.data, message.len);
	if (wire_read_u8(&reader) != KEYD_VERSION)
		return reader.error != 0 ? reader.error : ENS_E_VERSION;
	result = wire_read_u8(&reader);
	if (result >= KEYD_RESULTS)
		return ENS_E_CORRUPT;
	reply.result = (enum keyd_result)result;
	read_fingerprint(&reader, reply.fingerprint);
	r = wire_read_end(&reader);
	if (r == 0)
		*ret_reply = reply;
	return r;
}

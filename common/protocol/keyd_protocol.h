/*
 * What the guard and enscale-keyd say to each other over keyd.sock.
 *
 * A stream socket; keyd serves the user enscale-guard and nobody else. One
 * request and one reply per connection, each an SSH string (u32 length, then
 * that many bytes; common/base/wire.h, big-endian):
 *
 * request	u8 KEYD_VERSION, u8 op, u32 account, then
 *		KEYD_ADD: text title, text key (as common/keys/ssh_key_text.h
 *		has it)
 *		KEYD_DELETE: 32 bytes, SHA-256 of the key's blob
 * reply	u8 KEYD_VERSION, u8 result, 32 bytes fingerprint (of the key that
 *		was meant; zeros when the request did not get that far)
 *
 * A request that does not decode to its last byte is answered with
 * KEYD_BAD_REQUEST. The guard has judged the session; keyd believes nothing
 * else of what it says and checks every field again. No text travels back:
 * keyd_result_sentence() words every result, on either side.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_KEYD_PROTOCOL_H
#define ENSCALE_COMMON_PROTOCOL_KEYD_PROTOCOL_H

#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/wire.h"

#define KEYD_VERSION     1U
#define KEYD_HEADER_LEN  4U /* the length before each message */
#define KEYD_REQUEST_MAX (64U + NAME_TEXT_MAX + KEY_LINE_MAX)
#define KEYD_REPLY_LEN   (2U + SHA256_LEN)

/* Who may connect, by the name of its user. */
#define KEYD_CLIENT_USER "enscale-guard"

enum keyd_op {
	KEYD_ADD = 1,
	KEYD_DELETE = 2,
};

enum keyd_result {
	KEYD_DONE = 0, /* the directory has made the change */
	KEYD_BAD_REQUEST,
	KEYD_BAD_TITLE,
	KEYD_KEY_FORMAT,
	KEYD_KEY_TYPE,
	KEYD_KEY_WEAK,
	KEYD_KEY_EXPIRED, /* its expiry-time has passed */
	KEYD_KEY_EXISTS,  /* the account has this very key */
	KEYD_KEY_MISSING, /* the account has no such key */
	KEYD_KEY_FIXED,   /* it is part of the account's own entry */
	KEYD_TOO_MANY,    /* MANAGED_KEYS_MAX */
	KEYD_TOO_FAST,    /* KEY_CHANGES_MAX */
	KEYD_NO_ACCOUNT,  /* none, or several, in the directory */
	KEYD_UNAVAILABLE, /* the directory did not answer, or refused */
	KEYD_UNKNOWN,     /* it did not say whether it made the change */
	KEYD_KEY_OPTION,  /* an option that is not accepted */
	KEYD_KEY_SEVERAL, /* more than one in it */
	KEYD_OFF,         /* manage = no */
};
#define KEYD_RESULTS 18

/* Text is borrowed. */
struct keyd_request {
	enum keyd_op op;
	uint32_t account;
	const char *title;               /* KEYD_ADD */
	const char *key;                 /* KEYD_ADD */
	uint8_t fingerprint[SHA256_LEN]; /* KEYD_DELETE */
};

struct keyd_reply {
	enum keyd_result result;
	uint8_t fingerprint[SHA256_LEN];
};

/*
 * Append a message with its length. The caller looks at writer->error, which
 * is ENS_E_LIMIT also for a title or a key that is over its limit.
 */
void keyd_request_encode(struct wire_writer *writer,
    const struct keyd_request *request);
void keyd_reply_encode(struct wire_writer *writer,
    const struct keyd_reply *reply);

/*
 * Decode a message, which is given without its length: 0; ENS_E_VERSION;
 * ENS_E_CORRUPT. A request has one encoding only: what decodes encodes to the
 * same bytes.
 */
int keyd_request_decode(struct bytes message, struct keyd_request *ret_request);
int keyd_reply_decode(struct bytes message, struct keyd_reply *ret_reply);

/* The word for logs and JSON, "key-weak", and the sentence for a person. */
const char *keyd_result_text(enum keyd_result result);
const char *keyd_result_sentence(enum keyd_result result);

#endif

/* See login_refusal.h. It refuses what could not be shown or is no account's. */
#include <config.h>

#include "common/protocol/login_refusal.h"

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/text.h"

void
login_refusal_encode(struct wire_writer *writer,
    const struct login_refusal *refusal)
{
	const struct session *session = &refusal->session;

	wire_write_u8(writer, LOGIN_REFUSAL_VERSION);
	wire_write_u32(writer, session->account);
	wire_write_u32(writer, session->node);
	wire_write_text(writer, session->id);
	wire_write_u8(writer, refusal->has_key);
	wire_write_bytes(writer, session->fingerprint, SHA256_LEN);
	wire_write_text(writer, session->address);
	wire_write_u32(writer, session->port);
	wire_write_text(writer, refusal->verdict);
	wire_write_text(writer, refusal->sentence);
}

/* The reader remembers when it is too long. */
static void
read_text(struct wire_reader *reader, char *buf, size_t size)
{
	snprintf(buf, size, "%s", wire_read_text(reader, size - 1));
}

static bool
is_sound(const struct login_refusal *refusal)
{
	const struct session *session = &refusal->session;

	return session->account >= 1 && session->account <= ACCOUNT_ID_MAX &&
	    session->node <= NODE_ID_MAX && session_id_is_valid(session->id) &&
	    text_is_printable(session->address) &&
	    text_is_printable(refusal->verdict) &&
	    text_is_printable(refusal->sentence);
}

int
login_refusal_decode(struct bytes datagram, struct login_refusal *ret_refusal)
{
	struct login_refusal refusal = { .has_key = false };
	struct session *session = &refusal.session;
	struct wire_reader reader;
	struct bytes key;
	uint32_t port;
	uint8_t has_key;

	wire_read_init(&reader, datagram.data, datagram.len);
	if (wire_read_u8(&reader) != LOGIN_REFUSAL_VERSION)
		return ENS_E_CORRUPT;
	session->account = wire_read_u32(&reader);
	session->node = wire_read_u32(&reader);
	read_text(&reader, session->id, sizeof(session->id));
	has_key = wire_read_u8(&reader);
	key = wire_read_bytes(&reader, SHA256_LEN);
	if (key.len == SHA256_LEN)
		memcpy(session->fingerprint, key.data, SHA256_LEN);
	read_text(&reader, session->address, sizeof(session->address));
	port = wire_read_u32(&reader);
	read_text(&reader, refusal.verdict, sizeof(refusal.verdict));
	read_text(&reader, refusal.sentence, sizeof(refusal.sentence));
	if (wire_read_end(&reader) < 0 || has_key > 1 || port > UINT16_MAX)
		return ENS_E_CORRUPT;
	refusal.has_key = has_key == 1;
	session->port = (uint16_t)port;
	if (!is_sound(&refusal))
		return ENS_E_CORRUPT;
	*ret_refusal = refusal;
	return 0;
}

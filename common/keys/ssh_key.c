/*
 * SSH public keys. It refuses to guess: what does not have exactly one of the
 * documented forms is not a key. Points are not checked to lie on their curve;
 * sshd does that when it verifies, and a key off its curve opens nothing.
 */
#include <config.h>

#include "common/keys/ssh_key.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/ssh_key_private.h"

static const struct type_row {
	enum ssh_key_type type;
	const char *name;
	const char *short_name;
	const char *cert_name;
	const char *curve; /* ECDSA */
	uint32_t bits;     /* 0: told by the key */
	size_t point_len;
} types[] = {
	{ SSH_KEY_RSA, "ssh-rsa", "RSA", "ssh-rsa-cert-v01@openssh.com", NULL,
	    0, 0 },
	{ SSH_KEY_ED25519, "ssh-ed25519", "ED25519",
	    "ssh-ed25519-cert-v01@openssh.com", NULL, 256, 32 },
	{ SSH_KEY_ECDSA_256, "ecdsa-sha2-nistp256", "ECDSA",
	    "ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256", 256, 65 },
	{ SSH_KEY_ECDSA_384, "ecdsa-sha2-nistp384", "ECDSA",
	    "ecdsa-sha2-nistp384-cert-v01@openssh.com", "nistp384", 384, 97 },
	{ SSH_KEY_ECDSA_521, "ecdsa-sha2-nistp521", "ECDSA",
	    "ecdsa-sha2-nistp521-cert-v01@openssh.com", "nistp521", 521, 133 },
	{ SSH_KEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", "ED25519-SK",
	    "sk-ssh-ed25519-cert-v01@openssh.com", NULL, 256, 32 },
	{ SSH_KEY_SK_ECDSA_256, "sk-ecdsa-sha2-nistp256@openssh.com",
	    "ECDSA-SK", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "nistp256", 256, 65 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static const struct type_row *
find_type(enum ssh_key_type type)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].type == type)
			return &types[i];
	}
	return NULL;
}

static const struct type_row *
find_type_name(struct bytes name)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (bytes_equal_text(name, types[i].name))
			return &types[i];
	}
	return NULL;
}

/* Why a type that is not in the table is refused. */
static int
refuse_type(struct bytes name)
{
	return bytes_equal_text(name, "ssh-dss") ? ENS_E_KEY_WEAK
	                                         : ENS_E_KEY_TYPE;
}

/* ---- the blob ------------------------------------------------------- */

/* A positive mpint (RFC 4251, section 5) in its only form: no sign bit, no
 * needless zero. Returns its length in bits, or 0. */
static uint32_t
mpint_bits(struct bytes mpint)
{
	const uint8_t *at = mpint.data;
	size_t len = mpint.len;
	uint32_t top = 8;

	if (len == 0 || len > KEY_BLOB_MAX || at[0] >= 0x80)
		return 0;
	if (at[0] == 0) {
		if (len < 2 || at[1] < 0x80)
			return 0;
		at++;
		len--;
	}
	while (!(at[0] >> (top - 1) & 1))
		top--;
	return (uint32_t)(len - 1) * 8 + top;
}

static bool
mpint_is_odd(struct bytes mpint)
{
	return mpint.len > 0 && (mpint.data[mpint.len - 1] & 1);
}

static int
check_rsa(struct wire_reader *reader, uint32_t *ret_bits)
{
	struct bytes e = wire_read_string(reader);
	struct bytes n = wire_read_string(reader);
	uint32_t e_bits, n_bits;

	if (wire_read_end(reader) != 0)
		return ENS_E_KEY_FORMAT;
	e_bits = mpint_bits(e);
	n_bits = mpint_bits(n);
	if (e_bits < 2 || n_bits == 0 || e_bits > n_bits || !mpint_is_odd(e) ||
	    !mpint_is_odd(n))
		return ENS_E_KEY_FORMAT;
	if (n_bits < RSA_BITS_MIN)
		return ENS_E_KEY_WEAK;
	if (n_bits > RSA_BITS_MAX)
		return ENS_E_LIMIT;
	*ret_bits = n_bits;
	return 0;
}

/* Everything else is a point, with the name of its curve before it (ECDSA) and
 * an application after it (security keys). */
static int
check_point(struct wire_reader *reader, const struct type_row *row)
{
	struct bytes curve = { NULL, 0 }, point, application = { NULL, 1 };

	if (row->curve != NULL)
		curve = wire_read_string(reader);
	point = wire_read_string(reader);
	if (row->type == SSH_KEY_SK_ED25519 ||
	    row->type == SSH_KEY_SK_ECDSA_256)
		application = wire_read_string(reader);
	if (wire_read_end(reader) != 0 || point.len != row->point_len ||
	    application.len == 0 || application.len > NAME_TEXT_MAX)
		return ENS_E_KEY_FORMAT;
	if (row->curve != NULL &&
	    (!bytes_equal_text(curve, row->curve) || point.data[0] != 0x04))
		return ENS_E_KEY_FORMAT;
	return 0;
}

int
ssh_key_check_blob(struct bytes blob, enum ssh_key_type *ret_type,
    uint32_t *ret_bits)
{
	struct wire_reader reader;
	const struct type_row *row;
	struct bytes name;
	uint32_t bits;
	int r;

	if (blob.len > KEY_BLOB_MAX)
		return ENS_E_LIMIT;
	wire_read_init(&reader, blob.data, blob.len);
	name = wire_read_string(&reader);
	if (reader.error != 0 || name.len == 0)
		return ENS_E_KEY_FORMAT;
	row = find_type_name(name);
	if (row == NULL)
		return refuse_type(name);
	bits = row->bits;
	r = row->type == SSH_KEY_RSA ? check_rsa(&reader, &bits)
	                             : check_point(&reader, row);
	if (r < 0)
		return r;
	*ret_type = row->type;
	if (ret_bits != NULL)
		*ret_bits = bits;
	return 0;
}

/* ---- names ---------------------------------------------------------- */

const char *
ssh_key_type_name(enum ssh_key_type type)
{
	const struct type_row *row = find_type(type);

	return row != NULL ? row->name : "unknown";
}

const char *
ssh_key_type_cert_name(enum ssh_key_type type)
{
	const struct type_row *row = find_type(type);

	return row != NULL ? row->cert_name : "unknown";
}

const char *
ssh_key_type_short_name(enum ssh_key_type type)
{
	const struct type_row *row = find_type(type);

	return row != NULL ? row->short_name : "UNKNOWN";
}

size_t
ssh_key_format(struct bytes blob, char *buf, size_t size)
{
	enum ssh_key_type type;
	const char *name;
	size_t n, need;

	if (ssh_key_check_blob(blob, &type, NULL) != 0)
		return 0;
	name = ssh_key_type_name(type);
	n = strlen(name);
	need = n + 1 + BASE64_LEN(blob.len);
	if (need >= size)
		return 0;
	memcpy(buf, name, n);
	buf[n] = ' ';
	base64_encode(blob.data, blob.len, buf + n + 1, size - n - 1);
	return need;
}

/* ---- the line ------------------------------------------------------- */

static struct bytes
trim_end(struct bytes line)
{
	if (line.len > 0 && line.data[line.len - 1] == '\n') {
		line.len--;
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
	}
	while (line.len > 0 && ssh_key_is_blank(line.data[line.len - 1]))
		line.len--;
	return line;
}

/* Takes the next word and the blanks after it off the front; quotes hold a word
 * together, and as in sshd a backslash makes a quote ordinary. */
static struct bytes
next_word(struct bytes *rest)
{
	struct bytes word = { rest->data, 0 };
	bool quoted = false;
	size_t n = 0;

	while (n < rest->len && (quoted || !ssh_key_is_blank(rest->data[n]))) {
		if (rest->data[n] == '\\' && n + 1 < rest->len &&
		    rest->data[n + 1] == '"')
			n++;
		else if (rest->data[n] == '"')
			quoted = !quoted;
		n++;
	}
	word.len = n;
	while (n < rest->len && ssh_key_is_blank(rest->data[n]))
		n++;
	rest->data += n;
	rest->len -= n;
	return word;
}

/* Every blob begins with three zero bytes of a length. */
static bool
looks_like_blob(struct bytes text)
{
	return text.len >= 4 && memcmp(text.data, "AAAA", 4) == 0;
}

/* rest: "base64 [comment]". */
static int
parse_key(const struct type_row *row, struct bytes rest, struct ssh_key *key)
{
	struct bytes word = next_word(&rest), blob;
	int r;

	if (word.len == 0)
		return ENS_E_KEY_FORMAT;
	r = base64_decode((const char *)word.data, word.len, key->blob,
	    sizeof(key->blob), &key->blob_len);
	if (r < 0)
		return r == ENS_E_LIMIT ? r : ENS_E_KEY_FORMAT;
	blob = (struct bytes){ key->blob, key->blob_len };
	r = ssh_key_check_blob(blob, &key->type, &key->bits);
	if (r < 0)
		return r;
	if (key->type != row->type)
		return ENS_E_KEY_FORMAT;
	text_display((const char *)rest.data, rest.len, key->comment,
	    sizeof(key->comment), &key->comment_changed);
	return 0;
}

static bool
is_letter(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Options are what precedes "type base64"; without that it is not a key at all.
 */
static int
parse_with_options(struct bytes options, struct bytes rest, struct ssh_key *key,
    char *reason)
{
	struct bytes word = next_word(&rest), peek = rest;
	const struct type_row *row = find_type_name(word);
	int r;

	if (options.len == 0 || !is_letter(options.data[0]) ||
	    (row == NULL && !looks_like_blob(next_word(&peek))))
		return ENS_E_KEY_FORMAT;
	r = ssh_key_parse_options(options, key, reason);
	if (r < 0)
		return r;
	return row != NULL ? parse_key(row, rest, key) : refuse_type(word);
}

static int
parse_line(struct bytes line, struct ssh_key *key, char *reason)
{
	struct bytes rest = trim_end(line), peek;
	struct bytes word;
	const struct type_row *row;

	if (rest.len > KEY_LINE_MAX)
		return ENS_E_LIMIT;
	word = next_word(&rest);
	row = find_type_name(word);
	if (row != NULL)
		return parse_key(row, rest, key);
	peek = rest;
	if (looks_like_blob(next_word(&peek)))
		return refuse_type(word);
	return parse_with_options(word, rest, key, reason);
}

int
ssh_key_parse_line(struct bytes line, struct ssh_key *ret_key,
    char ret_reason[KEY_REASON_MAX + 1])
{
	struct ssh_key key = { .blob_len = 0 };
	char reason[KEY_REASON_MAX + 1] = "";
	int r = parse_line(line, &key, reason);

	if (r == 0)
		*ret_key = key;
	else if (ret_reason != NULL)
		(void)snprintf(ret_reason, KEY_REASON_MAX + 1, "%s",
		    reason[0] != '\0' ? reason : error_text(r));
	return r;
}

int
ssh_key_parse(const char *line, size_t len, struct ssh_key *ret_key)
{
	return ssh_key_parse_line((struct bytes){ (const uint8_t *)line, len },
	    ret_key, NULL);
}

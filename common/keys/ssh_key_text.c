/* Public keys as people have them. See ssh_key_text.h. */
#include <config.h>

#include "common/keys/ssh_key_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/ssh_key_private.h"

#define BLOCK_BEGIN "---- BEGIN SSH2 PUBLIC KEY ----"
#define BLOCK_END   "---- END SSH2 PUBLIC KEY ----"
#define BLOCK_TITLE "Comment:"

/* What is not an SSH public key, by its beginning: what it is, and what to do.
 */
static const struct {
	const char *begin, *words;
} others[] = {
	{ "-----BEGIN PUBLIC KEY",
	    "PKCS#8; convert it with ssh-keygen -i -m PKCS8 -f FILE" },
	{ "-----BEGIN RSA PUBLIC KEY",
	    "PEM; convert it with ssh-keygen -i -m PEM -f FILE" },
	{ "-----BEGIN CERTIFICATE", "X.509; give a .pub file" },
	{ "-----BEGIN PGP", "PGP; give a .pub file" },
	{ "-----BEGIN", "a private key; remove it and give the .pub file" },
	{ "PuTTY-User-Key-File",
	    "a private key; remove it and give the public key that PuTTYgen shows" },
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

static struct bytes
trim(struct bytes line)
{
	while (line.len > 0 && ssh_key_is_blank(line.data[0])) {
		line.data++;
		line.len--;
	}
	while (line.len > 0 && ssh_key_is_blank(line.data[line.len - 1]))
		line.len--;
	return line;
}

static bool
begins(struct bytes line, const char *with)
{
	size_t len = strlen(with);

	return line.len >= len && memcmp(line.data, with, len) == 0;
}

/* Takes a line off the front: it ends with CR, LF or both. */
static struct bytes
take_line(struct ssh_key_text *text)
{
	struct bytes line = { text->rest.data, 0 };
	size_t end;

	while (line.len < text->rest.len && line.data[line.len] != '\n' &&
	    line.data[line.len] != '\r')
		line.len++;
	end = line.len;
	if (end < text->rest.len)
		end++;
	if (end < text->rest.len && line.data[end - 1] == '\r' &&
	    line.data[end] == '\n')
		end++;
	text->rest.data += end;
	text->rest.len -= end;
	text->next_line++;
	return trim(line);
}

static int
refuse(struct ssh_key_text *text, const char *words)
{
	(void)snprintf(text->reason, sizeof(text->reason), "%s: %s",
	    error_text(ENS_E_KEY_FORMAT), words);
	return ENS_E_KEY_FORMAT;
}

static int
fail(struct ssh_key_text *text, int r, const char *words)
{
	(void)snprintf(text->reason, sizeof(text->reason), "%s", words);
	return r;
}

/* ---- RFC 4716 ------------------------------------------------------- */

/* A block being put together: the base64 of all its lines, and its comment. */
struct block {
	char base64[BASE64_LEN(KEY_BLOB_MAX) + 1];
	size_t len;
	struct bytes comment;
};

/* Headers are "Name: value"; one that ends with a backslash goes on in the
 * next line. The first line of a comment is used. */
static void
take_header(struct ssh_key_text *text, struct bytes line, struct block *block)
{
	const size_t n = strlen(BLOCK_TITLE);
	struct bytes value;

	if (begins(line, BLOCK_TITLE)) {
		value = trim((struct bytes){ line.data + n, line.len - n });
		if (value.len >= 2 && value.data[0] == '"' &&
		    value.data[value.len - 1] == '"') {
			value.data++;
			value.len -= 2;
		}
		block->comment = value;
	}
	while (line.len > 0 && line.data[line.len - 1] == '\\' &&
	    text->rest.len > 0)
		line = take_line(text);
}

/* False when it does not end. Bytes over the limit are counted only. */
static bool
gather_block(struct ssh_key_text *text, struct block *block)
{
	while (text->rest.len > 0) {
		struct bytes line = take_line(text);

		if (begins(line, BLOCK_END))
			return true;
		if (block->len == 0 &&
		    memchr(line.data, ':', line.len) != NULL) {
			take_header(text, line, block);
			continue;
		}
		if (block->len + line.len <= sizeof(block->base64))
			memcpy(block->base64 + block->len, line.data, line.len);
		block->len += line.len;
	}
	return false;
}

static int
read_block(struct ssh_key_text *text, struct ssh_key *ret_key)
{
	struct block block = { .len = 0 };
	struct ssh_key key = { .blob_len = 0 };
	int r = ENS_E_KEY_FORMAT;

	if (!gather_block(text, &block))
		return refuse(text, "its last line is missing, " BLOCK_END);
	if (block.len > sizeof(block.base64))
		r = ENS_E_LIMIT;
	else if (block.len > 0)
		r = base64_decode(block.base64, block.len, key.blob,
		    sizeof(key.blob), &key.blob_len);
	if (r == 0)
		r = ssh_key_check_blob((struct bytes){ key.blob, key.blob_len },
		    &key.type, &key.bits);
	else if (r != ENS_E_LIMIT)
		r = ENS_E_KEY_FORMAT;
	if (r != 0)
		return fail(text, r, error_text(r));
	text_display((const char *)block.comment.data, block.comment.len,
	    key.comment, sizeof(key.comment), &key.comment_changed);
	*ret_key = key;
	return 0;
}

/* ---- any text ------------------------------------------------------- */

/* Something else with a name: what follows belongs to it. */
static const char *
find_other(struct bytes line)
{
	for (size_t i = 0; i < OTHERS; i++) {
		if (begins(line, others[i].begin))
			return others[i].words;
	}
	return NULL;
}

void
ssh_key_text_init(struct ssh_key_text *text, const char *data, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors write it */

	*text = (struct ssh_key_text){ .next_line = 1 };
	text->rest = (struct bytes){ (const uint8_t *)data, len };
	if (begins(text->rest, mark)) {
		text->rest.data += sizeof(mark) - 1;
		text->rest.len -= sizeof(mark) - 1;
	}
}

int
ssh_key_text_next(struct ssh_key_text *text, struct ssh_key *ret_key)
{
	struct bytes line = { NULL, 0 };
	const char *other;

	while (text->rest.len > 0 && (line.len == 0 || line.data[0] == '#')) {
		text->line = text->next_line;
		line = take_line(text);
	}
	if (line.len == 0 || line.data[0] == '#')
		return ENS_E_NOTFOUND;
	if (begins(line, BLOCK_BEGIN))
		return read_block(text, ret_key);
	other = find_other(line);
	if (other == NULL)
		return ssh_key_parse_line(line, ret_key, text->reason);
	text->rest.len = 0;
	return refuse(text, other);
}

int
ssh_key_text_only(struct ssh_key_text *text, struct ssh_key *ret_key)
{
	struct ssh_key key, other;
	int r = ssh_key_text_next(text, &key);

	if (r == ENS_E_NOTFOUND)
		return refuse(text, "it is empty");
	if (r != 0)
		return r;
	r = ssh_key_text_next(text, &other);
	if (r == 0)
		return fail(text, -EEXIST, "more than one public key");
	if (r != ENS_E_NOTFOUND)
		return r;
	*ret_key = key;
	return 0;
}

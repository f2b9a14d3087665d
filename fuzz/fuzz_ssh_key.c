/* Public keys as the directory, a user or sshd gives them. What is taken, and
 * written anew, is the same key again. */
#include <config.h>

#include <string.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/ssh_key_text.h"
#include "fuzz/fuzz.h"

static void
look(const struct ssh_key *key)
{
	const struct bytes blob = { key->blob, key->blob_len };
	static struct ssh_key again;
	static char text[KEY_LINE_MAX + 1];
	enum ssh_key_type type;
	uint32_t bits;
	size_t len;

	MUST(key->blob_len > 0 && key->blob_len <= KEY_BLOB_MAX);
	MUST(key->from[0] == '\0' || ssh_key_from_is_valid(key->from));
	MUST((key->options & ~KEY_OPTIONS) == 0);
	MUST(text_is_printable(key->comment));
	MUST(ssh_key_check_blob(blob, &type, &bits) == 0);
	MUST(type == key->type && bits == key->bits);
	len = ssh_key_format(blob, text, sizeof(text));
	MUST(len > 0 && text_is_printable(text));
	MUST(ssh_key_parse(text, len, &again) == 0);
	MUST(again.type == key->type && again.blob_len == key->blob_len &&
	    memcmp(again.blob, key->blob, key->blob_len) == 0);
	MUST(again.from[0] == '\0' && again.expires == 0 && again.options == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ssh_key_text text;
	static struct ssh_key key;
	int r;

	if (ssh_key_parse((const char *)data, size, &key) == 0)
		look(&key);
	ssh_key_text_init(&text, (const char *)data, size);
	while ((r = ssh_key_text_next(&text, &key)) != ENS_E_NOTFOUND) {
		if (r == 0)
			look(&key);
		else
			MUST(text_is_printable(text.reason) &&
			    text.reason[0] != '\0');
	}
	return 0;
}

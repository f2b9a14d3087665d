/* A line of authorized_keys form, as the directory, a user or sshd gives it.
 * What is taken, and written anew, is the same key again. */
#include <config.h>

#include <string.h>

#include "common/ssh_key.h"
#include "common/text.h"
#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ssh_key key, again;
	static char text[KEY_LINE_MAX + 1];
	enum ssh_key_type type;
	struct bytes blob;
	uint32_t bits;
	size_t len;

	if (ssh_key_parse((const char *)data, size, &key) != 0)
		return 0;
	MUST(key.blob_len > 0 && key.blob_len <= KEY_BLOB_MAX);
	MUST(key.from[0] == '\0' || ssh_key_from_is_valid(key.from));
	MUST(text_is_printable(key.comment));
	blob = (struct bytes){ key.blob, key.blob_len };
	MUST(ssh_key_check_blob(blob, &type, &bits) == 0);
	MUST(type == key.type && bits == key.bits);
	len = ssh_key_format(blob, text, sizeof(text));
	MUST(len > 0 && text_is_printable(text));
	MUST(ssh_key_parse(text, len, &again) == 0);
	MUST(again.type == key.type && again.blob_len == key.blob_len &&
	    memcmp(again.blob, key.blob, key.blob_len) == 0);
	MUST(again.from[0] == '\0' && again.expires == 0);
	return 0;
}

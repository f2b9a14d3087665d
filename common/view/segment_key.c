/* The keys of a segment. See segment_key.h. */
#include <config.h>

#include "common/view/segment_key.h"

#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"

struct segment_key
segment_key_of(const struct record_key *key)
{
	struct segment_key found = { .len = 0 };
	uint32_t sum = crc32c(0, key->data, key->len);

	if (key->len == 0)
		return found;
	for (int i = SEGMENT_KEY_HEAD - 1; i >= 0; i--, sum >>= 8)
		found.data[i] = (uint8_t)sum;
	memcpy(found.data + SEGMENT_KEY_HEAD, key->data, key->len);
	found.len = (unsigned int)(SEGMENT_KEY_HEAD + key->len);
	return found;
}

int
segment_key_read(const void *data, size_t len, struct record_key *ret_key)
{
	const uint8_t *bytes = data;
	struct record_key key;
	struct segment_key again;

	if (bytes == NULL || len <= SEGMENT_KEY_HEAD ||
	    len - SEGMENT_KEY_HEAD > sizeof(key.data))
		return ENS_E_CORRUPT;
	key.len = len - SEGMENT_KEY_HEAD;
	memcpy(key.data, bytes + SEGMENT_KEY_HEAD, key.len);
	again = segment_key_of(&key);
	if (memcmp(again.data, bytes, SEGMENT_KEY_HEAD) != 0)
		return ENS_E_CORRUPT;
	*ret_key = key;
	return 0;
}

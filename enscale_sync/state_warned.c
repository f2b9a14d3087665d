/* The state: warnings about entries that count all the same. */
#include <config.h>

#include <string.h>

#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

int
state_warn(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    enum state_warning about, const char *text)
{
	const uint8_t number = (uint8_t)about;
	struct state_key key = { .len = 0 };
	struct bytes entry;
	int r;

	if (strlen(text) > ENTRY_REASON_MAX)
		return ENS_E_LIMIT;
	state_key_add(&key, uuid, ENTRY_UUID_LEN);
	state_key_add(&key, &number, sizeof(number));
	if (*text == '\0')
		return state_rows(state, T_WARNED) == 0
		    ? 0
		    : state_drop(state, T_WARNED, state_key_bytes(&key));
	r = state_get(state, T_ENTRIES, state_uuid_bytes(uuid), &entry);
	if (r != 0)
		return r;
	return state_store(state, T_WARNED, state_key_bytes(&key),
	    (struct bytes){ (const uint8_t *)text, strlen(text) + 1 });
}

int
state_forget_warnings(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_key key;
	int r = state_rows(state, T_WARNED) == 0 ? ENS_E_NOTFOUND : 0;

	while (r == 0) {
		r = state_seek(state, T_WARNED, state_uuid_bytes(uuid), &key);
		if (r == 0 &&
		    (key.len < ENTRY_UUID_LEN ||
		        memcmp(key.data, uuid, ENTRY_UUID_LEN) != 0))
			r = ENS_E_NOTFOUND;
		if (r == 0)
			r = state_drop(state, T_WARNED, state_key_bytes(&key));
	}
	return r == ENS_E_NOTFOUND ? 0 : r;
}

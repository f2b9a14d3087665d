/* A set of UUIDs in little memory. See uuid_set.h. */
#include <config.h>

#include "enscale_sync/uuid_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024U

/* Odd constants of good spread (the fraction of the golden ratio, and one of
 * splitmix64). */
static uint64_t
mix(const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint64_t parts[2], value;

	memcpy(parts, uuid, sizeof(parts));
	value = (parts[0] ^ (parts[0] >> 32)) * 0x9e3779b97f4a7c15ULL;
	value = (value ^ (value >> 29) ^ parts[1]) * 0xbf58476d1ce4e5b9ULL;
	value ^= value >> 32;
	return value == 0 ? 1 : value;
}

/* The slot that has the value, or the free one where it belongs. */
static uint64_t *
place(uint64_t *slots, uint32_t room, uint64_t value)
{
	uint32_t at = (uint32_t)value & (room - 1);

	while (slots[at] != 0 && slots[at] != value)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static int
grow(struct uuid_set *set)
{
	uint32_t room = set->room == 0 ? ROOM_FIRST : set->room * 2;
	uint64_t *slots = calloc(room, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->room; i++) {
		if (set->slots[i] != 0)
			*place(slots, room, set->slots[i]) = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->room = room;
	return 0;
}

int
uuid_set_add(struct uuid_set *set, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_new)
{
	uint64_t value = mix(uuid), *slot;
	int r;

	if (set->count >= set->room / 4 * 3) {
		r = grow(set);
		if (r != 0)
			return r;
	}
	slot = place(set->slots, set->room, value);
	*ret_new = *slot == 0;
	set->count += *ret_new;
	*slot = value;
	return 0;
}

void
uuid_set_free(struct uuid_set *set)
{
	free(set->slots);
	*set = (struct uuid_set){ 0 };
}

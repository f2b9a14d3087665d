/* Which entry came first. See subject_map.h. */
#include <config.h>

#include "enscale_sync/subject_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/keys/fingerprint.h"

#define ROOM_FIRST 1024U
/* Of a digest: nobody finds two subjects with the same. */
#define DIGEST_LEN 16

struct subject_slot {
	uint8_t digest[DIGEST_LEN];
	uint8_t first[ENTRY_UUID_LEN];
	uint64_t created; /* UINT64_MAX: unknown, which comes last */
	bool used;
};

/* The slot that has the digest, or the free one where it belongs. */
static struct subject_slot *
place(struct subject_slot *slots, uint32_t room,
    const uint8_t digest[DIGEST_LEN])
{
	uint32_t at;

	memcpy(&at, digest, sizeof(at));
	at &= room - 1;
	while (
	    slots[at].used && memcmp(slots[at].digest, digest, DIGEST_LEN) != 0)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static int
grow(struct subject_map *map)
{
	uint32_t room = map->room == 0 ? ROOM_FIRST : map->room * 2;
	struct subject_slot *slots = calloc(room, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->room; i++) {
		if (map->slots[i].used)
			*place(slots, room,
			    map->slots[i].digest) = map->slots[i];
	}
	free(map->slots);
	map->slots = slots;
	map->room = room;
	return 0;
}

int
subject_map_add(struct subject_map *map, const struct record_key *subject,
    const struct entry *entry, const uint8_t **ret_first)
{
	uint64_t created = entry->created > 0 ? (uint64_t)entry->created
	                                      : UINT64_MAX;
	uint8_t digest[SHA256_LEN];
	struct subject_slot *slot;
	int r = fingerprint_sha256(
	    (struct bytes){ subject->data, subject->len }, digest);

	if (r == 0 && map->count >= map->room / 4 * 3)
		r = grow(map);
	if (r != 0)
		return r;
	slot = place(map->slots, map->room, digest);
	*ret_first = NULL;
	if (slot->used && created == slot->created)
		*ret_first = slot->first;
	if (slot->used && created >= slot->created)
		return 0;
	map->count += !slot->used;
	memcpy(slot->digest, digest, DIGEST_LEN);
	memcpy(slot->first, entry->uuid, ENTRY_UUID_LEN);
	slot->created = created;
	slot->used = true;
	return 0;
}

void
subject_map_free(struct subject_map *map)
{
	free(map->slots);
	*map = (struct subject_map){ 0 };
}

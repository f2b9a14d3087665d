/*
 * What a record is filed under in a segment: its key, with a checksum of the
 * key before it (CRC-32C, four bytes, big-endian).
 *
 * cdb has one hash for all (cdb(5)), h * 33 ^ byte, and keys here are short
 * and differ in their last bytes: a million ids had only 25,000 hashes, so a
 * lookup met some sixty rows of others, each somewhere else in the file. With
 * the checksum in front two ids seldom share a hash.
 */
#ifndef ENSCALE_COMMON_VIEW_SEGMENT_KEY_H
#define ENSCALE_COMMON_VIEW_SEGMENT_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/view/record.h"

#define SEGMENT_KEY_HEAD 4

struct segment_key {
	uint8_t data[SEGMENT_KEY_HEAD + RECORD_KEY_MAX];
	unsigned int len;
};

/* For an empty key: an empty one, which is never filed. */
struct segment_key segment_key_of(const struct record_key *key);
/* The key of a row, from len bytes (NULL when they are outside the file). 0, or
 * ENS_E_CORRUPT. */
int segment_key_read(const void *data, size_t len, struct record_key *ret_key);

#endif

/*
 * The manifest of the view: a small text file, replaced by rename(2), that
 * names the segments of one publication, newest first:
 *
 *	enscale-view 1
 *	generation 42
 *	as-of 1763850000
 *	segment 000000000000002a.cdb 8192
 *	segment 0000000000000001.cdb 1048576
 *	check 89abcdef
 *
 * "check" is the CRC-32C of all bytes before that line, in hex. Names have
 * the form [0-9a-f]{16}.cdb; sizes are in bytes. There is always one segment
 * at least, the base, and it is the last one.
 */
#ifndef ENSCALE_COMMON_MANIFEST_H
#define ENSCALE_COMMON_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

#define MANIFEST_NAME	  "manifest"
#define MANIFEST_VERSION  3
#define MANIFEST_SIZE_MAX 4096
#define SEGMENT_NAME_LEN  20 /* "0123456789abcdef.cdb" */

struct manifest_segment {
	char name[SEGMENT_NAME_LEN + 1];
	uint64_t size;
};

struct manifest {
	uint64_t generation;
	int64_t as_of; /* seconds since the epoch */
	uint32_t segment_count;
	struct manifest_segment segments[VIEW_SEGMENTS_MAX];
};

/* Parses len bytes. Returns 0, ENS_E_VERSION or ENS_E_CORRUPT. */
int manifest_parse(const char *text, size_t len, struct manifest *ret_manifest);
/* Writes the text into buf (MANIFEST_SIZE_MAX); returns its length. */
size_t manifest_format(const struct manifest *manifest,
    char buf[MANIFEST_SIZE_MAX]);
/* Reads dir/manifest. Returns 0, ENS_E_VIEW, ENS_E_VERSION, ENS_E_CORRUPT. */
int manifest_read(int dir_fd, struct manifest *ret_manifest);

#endif

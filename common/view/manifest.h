/*
 * The manifest of the view: a small text file, replaced by rename(2), that
 * names the segments of one publication, newest first:
 *
 *	enscale-view 5
 *	generation 42
 *	as-of 1763850000
 *	segment 000000000000002a.cdb 8192
 *	segment 0000000000000001.cdb 1048576
 *	check 89abcdef
 *
 * "check" is the CRC-32C of all bytes before that line, in hex. Names have
 * the form [0-9a-f]{16}.cdb; sizes are in bytes. There is always at least one
 * segment, the base, and it is the last one.
 *
 * Its file is named after its version: "manifest.5" (of version 3,
 * "manifest"). So nobody is refused during an update, in whatever order
 * programs and daemons are replaced: a reader that finds no manifest of its own
 * version uses one of the previous version, and a writer leaves that one, and
 * the segments that it names, for VIEW_OVERLAP_SECONDS, for older readers.
 * Whoever changes the form of the manifest, of a segment or of a record
 * increments this version, and keeps the code that reads the previous form: see
 * RECORD_VERSION.
 */
#ifndef ENSCALE_COMMON_VIEW_MANIFEST_H
#define ENSCALE_COMMON_VIEW_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

#define MANIFEST_VERSION        5U
#define MANIFEST_VERSION_BEFORE (MANIFEST_VERSION - 1U)
#define MANIFEST_SIZE_MAX       4096
#define MANIFEST_NAME_SIZE      20 /* "manifest.4294967295" and a NUL */
#define SEGMENT_NAME_LEN        20 /* "0123456789abcdef.cdb" */

struct manifest_segment {
	char name[SEGMENT_NAME_LEN + 1];
	uint64_t size;
};

struct manifest {
	uint32_t version;
	uint64_t generation;
	int64_t as_of; /* seconds since the epoch */
	uint32_t segment_count;
	struct manifest_segment segments[VIEW_SEGMENTS_MAX];
};

/* The name of the file of that version. */
void manifest_name(uint32_t version, char ret_name[MANIFEST_NAME_SIZE]);
/* The version of a file with such a name; 0: it is not a manifest's. */
uint32_t manifest_name_version(const char *name);

/* Parses len bytes. Returns 0, ENS_E_VERSION or ENS_E_CORRUPT. */
ENS_MUST_CHECK int manifest_parse(const char *text, size_t len,
    struct manifest *ret_manifest);
/* Writes the text into buf (MANIFEST_SIZE_MAX); returns its length. */
size_t manifest_format(const struct manifest *manifest,
    char buf[MANIFEST_SIZE_MAX]);
/* Reads the one of that version. Returns 0; ENS_E_NOTFOUND; ENS_E_VIEW when it
 * cannot be read; ENS_E_VERSION when its content has another version;
 * ENS_E_CORRUPT. */
int manifest_read(int dir_fd, uint32_t version, struct manifest *ret_manifest);

#endif

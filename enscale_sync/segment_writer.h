/*
 * Making the segments of a view: segment_writer.c writes one, view_merge.c
 * merges several into one. Only view_writer.c publishes them.
 */
#ifndef ENSCALE_SYNC_SEGMENT_WRITER_H
#define ENSCALE_SYNC_SEGMENT_WRITER_H

#include <cdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/view/manifest.h"
#include "common/view/record.h"

/* A segment that is being written. */
struct segment_writer {
	struct cdb_make cdb;
	const char *name; /* NULL: none is being written */
	int fd;
	uint64_t size; /* the most that the finished file will take */
};

/* Makes an empty file of this name, mode 0640, which replaces any that was
 * there. */
int view_file_create(int dir_fd, const char *name, int *ret_fd);
/* Our error code for cdb's. */
int view_cdb_error(void);

int segment_writer_begin(struct segment_writer *writer, int dir_fd,
    const char *name);
int segment_writer_put(struct segment_writer *writer,
    const struct record_key *key, struct bytes record);
/* Ends the writing; the file stays open, under its temporary name. */
int segment_writer_finish(struct segment_writer *writer, int *ret_fd,
    uint64_t *ret_size);
/* Removes an unfinished segment, if there is one. */
void segment_writer_abort(struct segment_writer *writer, int dir_fd);

/*
 * Writes one segment, under a temporary name, with the content of the count
 * segments (newest first) together; into_base: nothing is below it, so
 * tombstones are left out. 0; -errno; ENS_E_LIMIT; ENS_E_CORRUPT.
 */
int view_merge(int dir_fd, const struct manifest_segment *segments,
    uint32_t count, bool into_base, const char *name, int *ret_fd,
    uint64_t *ret_size);

#endif

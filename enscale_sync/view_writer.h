/*
 * Publishing the view: the only writer of manifest and segments, linked by
 * enscale-sync alone (and by the tests).
 *
 * A publication is a new segment, written under a temporary name and
 * renamed, and then a new manifest, renamed over the old one: readers see
 * all of a change or nothing. Segments that no manifest names any longer are
 * unlinked; readers that have them mapped keep them.
 */
#ifndef ENSCALE_SYNC_VIEW_WRITER_H
#define ENSCALE_SYNC_VIEW_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/view/manifest.h"
#include "common/view/record.h"

struct view_writer;

/*
 * Opens the folder for writing (it must exist), under an exclusive lock:
 * -EWOULDBLOCK when another writer runs. Left-over temporary files and
 * unnamed segments are removed. A missing or broken manifest is no error:
 * view_writer_manifest() then shows generation 0 without segments, or what it
 * says of itself when only a segment is missing, or what one of the version
 * before says, and the next publication must be a base.
 *
 * What the previous version has published stays for its readers for
 * VIEW_OVERLAP_SECONDS from now on (then view_writer_settle() removes it); what
 * any other version has published stays until the first publication, since
 * nobody keeps it up to date.
 */
ENS_MUST_CHECK int view_writer_open(const char *dir,
    struct view_writer **ret_writer);
void view_writer_close(struct view_writer *writer);
const struct manifest *view_writer_manifest(const struct view_writer *writer);
/* The number of merges since it was opened. */
uint64_t view_writer_merges(const struct view_writer *writer);

/*
 * Starts a segment: a base holds everything and will be the only one; a delta
 * holds what changed and is put on top of what is published (tombstones mean
 * deleted). One at a time. 0; -errno; ENS_E_VIEW for a delta when nothing is
 * published.
 */
ENS_MUST_CHECK int view_writer_begin(struct view_writer *writer, bool base);
/* Each key at most once per segment. On an error the segment is useless:
 * abort it. ENS_E_LIMIT when the cdb would pass 4 GiB. */
ENS_MUST_CHECK int view_writer_put(struct view_writer *writer,
    const struct record_key *key, struct bytes record);
/*
 * Finishes the segment and publishes it as the given generation. A base is
 * durable then, a delta only after view_writer_sync(). Deltas are merged
 * among each other so that a reader seldom opens more than
 * VIEW_SEGMENTS_MAX / 2 segments, and into the base when they have grown to
 * an eighth of it: a large one by a child process, see view_writer_settle().
 * A merge that fails leaves everything as it is, until VIEW_SEGMENTS_MAX is
 * reached. 0; -errno; ENS_E_LIMIT; ENS_E_CORRUPT (a segment is damaged: publish
 * a base); ENS_E_RANGE when a delta's generation is not above the published
 * one. On failure the segment is gone and the old publication stays.
 */
ENS_MUST_CHECK int view_writer_commit(struct view_writer *writer,
    uint64_t generation, int64_t as_of);
void view_writer_abort(struct view_writer *writer);

/*
 * What is published is made from something that must be durable first: first()
 * is called each time before the manifest is made durable. Its error becomes
 * that of the call.
 */
void view_writer_set_first(struct view_writer *writer, int (*first)(void *arg),
    void *arg);
/* Makes what is published durable; a no-op if it is already. */
ENS_MUST_CHECK int view_writer_sync(struct view_writer *writer);
bool view_writer_is_synced(const struct view_writer *writer);
/* The same; it also publishes what a child has merged, once that has ended, and
 * removes what the previous version has left, when it is time. Call it from
 * time to time. */
ENS_MUST_CHECK int view_writer_settle(struct view_writer *writer);
bool view_writer_is_merging(const struct view_writer *writer);

/* Publishes a new manifest with the same segments: they were in step at a later
 * time. 0; -errno; ENS_E_VIEW when nothing is published; ENS_E_RANGE for an
 * older one. */
int view_writer_touch(struct view_writer *writer, uint64_t generation,
    int64_t as_of);

#endif

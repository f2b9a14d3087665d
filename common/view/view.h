/*
 * The view: what enscale-sync publishes for its readers. A folder with a
 * manifest and a few immutable cdb segments, newest first; a record in a newer
 * segment hides those below, and a tombstone there means deleted.
 *
 * Reading takes no lock, waits for nobody and cannot disturb the writer. A
 * struct view is a snapshot: it keeps its segments mapped, and what it returns
 * is borrowed from them until view_close(). A reader that finds a segment
 * merged away between manifest and open() reads the manifest again; one that
 * finds no view of its own version uses one of the previous version
 * (manifest.h): after an update, until the writer is the new one, too.
 *
 * Three answers, never two: 0 (yes, as of view_as_of()), ENS_E_NOTFOUND
 * (no), and anything else (cannot tell): ENS_E_VIEW no view there or not
 * readable, ENS_E_VERSION, ENS_E_CORRUPT, -ENOMEM.
 */
#ifndef ENSCALE_COMMON_VIEW_VIEW_H
#define ENSCALE_COMMON_VIEW_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/view/record.h"

struct view;

/* Opens the view in folder dir; the caller owns *ret_view. No descriptor is
 * kept. */
ENS_MUST_CHECK int view_open(const char *dir, struct view **ret_view);
void view_close(struct view *view);
void cleanup_view(struct view **view);

/* False: its manifest has been replaced since, so it is worth opening again.
 * One or two stat(2). */
bool view_is_current(const struct view *view);
/* False: it was left by a writer of the previous version. */
bool view_is_of_this_version(const struct view *view);
/* When the writer was last in step with the directory, according to the
 * manifest, in seconds since the epoch. */
int64_t view_as_of(const struct view *view);
/* Counts publications; it never decreases while the state exists. */
uint64_t view_generation(const struct view *view);

int view_find_account(const struct view *view, uint32_t account,
    struct account_record *ret_account);
int view_find_key(const struct view *view, uint32_t account,
    const uint8_t fingerprint[SHA256_LEN], struct key_record *ret_key);
int view_find_account_keys(const struct view *view, uint32_t account,
    struct account_keys_record *ret_keys);
int view_find_environment(const struct view *view, const char *name,
    struct environment_record *ret_environment);
int view_find_account_environments(const struct view *view, uint32_t account,
    struct account_environments_record *ret_environments);
int view_find_node(const struct view *view, uint32_t node,
    struct node_record *ret_node);
int view_find_host_key(const struct view *view,
    const uint8_t fingerprint[SHA256_LEN], struct host_key_record *ret_nodes);

/* The raw record under a key, for dump and verify. */
int view_find_raw(const struct view *view, const struct record_key *key,
    struct bytes *ret_record);

#endif

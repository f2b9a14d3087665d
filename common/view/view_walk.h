/*
 * All of a view, row by row, for those who need the whole of it (dump and
 * verify). Readers of single records use view.h; they cannot tell a record that
 * is hidden by a broken hash table from a missing one, but this can.
 */
#ifndef ENSCALE_COMMON_VIEW_VIEW_WALK_H
#define ENSCALE_COMMON_VIEW_VIEW_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/view/view.h"

/* A row of a segment's data; it borrows from the view. */
struct view_row {
	const char *segment;   /* its name */
	uint32_t offset;       /* in that file */
	struct record_key key; /* as stored in the row */
	struct bytes record;   /* not checked */
	/* 0; ENS_E_NOTFOUND when no lookup of the key leads to this row;
	 * ENS_E_CORRUPT when a lookup fails. */
	int reach;
	bool hidden; /* a newer segment has the key */
};

typedef int view_visit_row(const struct view_row *row, void *arg);

/*
 * Visits every row of segment i (0 is the newest), in the order of the file;
 * the first non-zero result of visit() ends the walk and is returned.
 * ENS_E_CORRUPT: the segment is truncated inside a row.
 */
int view_each_row(const struct view *view, uint32_t i, view_visit_row *visit,
    void *arg);

uint32_t view_segment_count(const struct view *view);
const char *view_segment_name(const struct view *view, uint32_t i);
uint64_t view_segment_size(const struct view *view, uint32_t i);

/*
 * Checks a segment apart from its rows: that its 256 hash tables fill the file
 * after the data without a gap, that each slot is empty or leads into the data,
 * and how many lead there. With every row reachable and as many slots in use as
 * there are rows, no bit of the tables is wrong. 0 or ENS_E_CORRUPT.
 */
int view_check_tables(const struct view *view, uint32_t i, uint64_t *ret_used);

#endif

/* Walking all of a view; see view_walk.h. The form of a cdb file is that of
 * cdb(5): a table of contents, the rows, the hash tables. */
#include <config.h>

#include "common/view/view_walk.h"

#include <errno.h>

#include "common/base/errors.h"
#include "common/view/segment_key.h"
#include "common/view/view_private.h"

#define TABLES   256
#define SLOT_LEN 8 /* a hash and an offset, u32 each, little-endian */
#define HEAD_LEN (TABLES * SLOT_LEN)
#define ROW_HEAD 8 /* the lengths of key and record */

uint32_t
view_segment_count(const struct view *view)
{
	return view->open_count;
}

const char *
view_segment_name(const struct view *view, uint32_t i)
{
	return view->manifest.segments[i].name;
}

uint64_t
view_segment_size(const struct view *view, uint32_t i)
{
	return view->manifest.segments[i].size;
}

/* ---- rows -------------------------------------------------------------- */

static int
reach(struct cdb cdb, const struct view_row *row)
{
	const struct segment_key filed = segment_key_of(&row->key);
	int r = cdb_find(&cdb, filed.data, filed.len);

	if (r < 0)
		return ENS_E_CORRUPT;
	return r > 0 && cdb_getdata(&cdb) == row->record.data ? 0
	                                                      : ENS_E_NOTFOUND;
}

/* A segment that cannot be read hides nothing: its own rows report that. */
static bool
is_hidden(const struct view *view, uint32_t i, const struct record_key *key)
{
	const struct segment_key filed = segment_key_of(key);

	for (uint32_t newer = 0; newer < i; newer++) {
		struct cdb cdb = view->segments[newer];

		if (cdb_find(&cdb, filed.data, filed.len) > 0)
			return true;
	}
	return false;
}

int
view_each_row(const struct view *view, uint32_t i, view_visit_row *visit,
    void *arg)
{
	struct cdb cdb = view->segments[i];
	unsigned place;
	int more, r = 0;

	cdb_seqinit(&place, &cdb);
	while (r == 0 && (more = cdb_seqnext(&place, &cdb)) != 0) {
		struct view_row row = { .segment = view_segment_name(view, i) };

		if (more < 0 ||
		    segment_key_read(cdb_getkey(&cdb), cdb_keylen(&cdb),
		        &row.key) != 0)
			return ENS_E_CORRUPT;
		row.record = (struct bytes){ cdb_getdata(&cdb),
			cdb_datalen(&cdb) };
		if (row.record.data == NULL)
			return ENS_E_CORRUPT;
		row.offset = cdb_keypos(&cdb) - ROW_HEAD;
		row.reach = reach(cdb, &row);
		row.hidden = is_hidden(view, i, &row.key);
		r = visit(&row, arg);
	}
	return r;
}

/* ---- hash tables ------------------------------------------------------- */

static uint32_t
number_at(const struct cdb *cdb, uint64_t offset)
{
	return cdb_unpack(cdb->cdb_mem + offset);
}

/* Counts the slots in use of one table. */
static int
check_table(const struct cdb *cdb, uint64_t begin, uint64_t end,
    uint32_t data_end, uint64_t *used)
{
	for (uint64_t at = begin; at < end; at += SLOT_LEN) {
		uint32_t hash = number_at(cdb, at);
		uint32_t row = number_at(cdb, at + SLOT_LEN / 2);

		if (row == 0 && hash == 0)
			continue;
		if (row < HEAD_LEN || row >= data_end)
			return ENS_E_CORRUPT;
		(*used)++;
	}
	return 0;
}

int
view_check_tables(const struct view *view, uint32_t i, uint64_t *ret_used)
{
	const struct cdb *cdb = &view->segments[i];
	uint64_t size = cdb->cdb_fsize, used = 0;
	uint64_t end = number_at(cdb, 0); /* of what was checked so far */
	uint32_t data_end = (uint32_t)end;
	int r = 0;

	if (end < HEAD_LEN || end > size)
		return ENS_E_CORRUPT;
	for (uint64_t t = 0; r == 0 && t < TABLES; t++) {
		uint64_t begin = number_at(cdb, t * SLOT_LEN);
		uint64_t slots = number_at(cdb, t * SLOT_LEN + SLOT_LEN / 2);

		if (begin != end || slots > (size - end) / SLOT_LEN)
			return ENS_E_CORRUPT;
		end += slots * SLOT_LEN;
		r = check_table(cdb, begin, end, data_end, &used);
	}
	if (r == 0 && end != size)
		r = ENS_E_CORRUPT;
	if (r == 0)
		*ret_used = used;
	return r;
}

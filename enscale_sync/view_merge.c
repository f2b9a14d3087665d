/* Merging several segments into one. See segment_writer.h. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/view/segment_key.h"
#include "enscale_sync/segment_writer.h"

/* The segments of one merge, newest first, mapped. */
struct sources {
	struct cdb cdb[VIEW_SEGMENTS_MAX];
	uint32_t count;
};

static void
close_sources(struct sources *sources)
{
	while (sources->count > 0)
		cdb_free(&sources->cdb[--sources->count]);
}

static int
add_source(struct sources *sources, int fd)
{
	if (cdb_init(&sources->cdb[sources->count], fd) != 0)
		return view_cdb_error();
	sources->count++;
	return 0;
}

/* Is this key in a segment that is newer than the one with index i? */
static int
shadowed(struct sources *sources, uint32_t i, const struct record_key *key)
{
	const struct segment_key filed = segment_key_of(key);

	for (uint32_t newer = 0; newer < i; newer++) {
		int r = cdb_find(&sources->cdb[newer], filed.data, filed.len);

		if (r != 0)
			return r;
	}
	return 0;
}

/* Copies what is newest of one segment. */
static int
merge_one(struct segment_writer *writer, struct sources *sources, uint32_t i,
    bool into_base)
{
	struct cdb *cdb = &sources->cdb[i];
	unsigned place;
	int r;

	cdb_seqinit(&place, cdb);
	while ((r = cdb_seqnext(&place, cdb)) > 0) {
		struct bytes record = { cdb_getdata(cdb), cdb_datalen(cdb) };
		struct record_key key;
		int kind;

		if (segment_key_read(cdb_getkey(cdb), cdb_keylen(cdb), &key) !=
		        0 ||
		    record.data == NULL)
			return ENS_E_CORRUPT;
		kind = record_check(record, &key);
		if (kind != 0 && kind != ENS_E_NOTFOUND)
			return kind;
		r = shadowed(sources, i, &key);
		if (r < 0)
			return view_cdb_error();
		if (r > 0 || (into_base && kind == ENS_E_NOTFOUND))
			continue;
		r = segment_writer_put(writer, &key, record);
		if (r != 0)
			return r;
	}
	return r < 0 ? view_cdb_error() : 0;
}

int
view_merge(int dir_fd, const struct manifest_segment *segments, uint32_t count,
    bool into_base, const char *name, int *ret_fd, uint64_t *ret_size)
{
	AUTO(close_sources) struct sources sources = { 0 };
	struct segment_writer segment = { 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		AUTO_FD int fd = openat(dir_fd, segments[i].name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		r = fd < 0 ? -errno : add_source(&sources, fd);
	}
	if (r == 0)
		r = segment_writer_begin(&segment, dir_fd, name);
	for (uint32_t i = 0; r == 0 && i < sources.count; i++)
		r = merge_one(&segment, &sources, i, into_base);
	if (r == 0)
		return segment_writer_finish(&segment, ret_fd, ret_size);
	segment_writer_abort(&segment, dir_fd);
	return r;
}

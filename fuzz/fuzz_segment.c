/* A segment of the view: the walk of those who verify it, and a lookup of
 * each key that it meets. */
#include <config.h>

#include <sys/mman.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/view/view_private.h"
#include "common/view/view_walk.h"
#include "fuzz/fuzz.h"

static int
visit(const struct view_row *row, void *arg)
{
	const struct view *view = arg;
	struct bytes found;
	int r = view_find_raw(view, &row->key, &found);

	/* A lookup that works leads to the row that the walk has met. */
	if (row->reach == 0 && !record_is_tombstone(row->record, &row->key))
		MUST(r == 0 && found.data == row->record.data &&
		    found.len == row->record.len);
	(void)record_check(row->record, &row->key);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view *view = calloc(1, sizeof(*view) + 1);
	int fd = memfd_create("segment", MFD_CLOEXEC);
	uint64_t used;

	MUST(view != NULL && fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (cdb_init(&view->segments[0], fd) == 0) {
		view->open_count = 1;
		(void)view_each_row(view, 0, visit, view);
		(void)view_check_tables(view, 0, &used);
	}
	close(fd);
	view_close(view);
	return 0;
}

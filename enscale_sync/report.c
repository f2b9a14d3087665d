/* Replacing a file that others read. See report.h. */
#include <config.h>

#include "enscale_sync/report.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"

/* From the state as it is now. */
static int
put_from_state(FILE *file, struct state *state, report_put *put,
    const void *arg)
{
	bool busy = state_is_busy(state);
	int r = busy ? 0 : state_begin_read(state);

	if (r != 0)
		return r;
	r = put(file, state, arg);
	if (!busy)
		state_end(state);
	return r;
}

int
report_write(const char *path, struct state *state, report_put *put,
    const void *arg)
{
	AUTO_FREE char *next = NULL;
	FILE *file;
	int r;

	if (asprintf(&next, "%s.new", path) < 0)
		return -ENOMEM;
	file = fopen(next, "we");
	if (file == NULL)
		return -errno;
	r = put_from_state(file, state, put, arg);
	if (fchmod(fileno(file), 0644) != 0 || ferror(file))
		r = -EIO;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(next, path) != 0)
		r = -errno;
	if (r != 0)
		(void)unlink(next);
	return r;
}

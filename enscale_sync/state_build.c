/*
 * The state until it has outlived its first refresh. It is built under another
 * name, in one transaction, and nothing of it is synced until the end: whoever
 * ends before that begins again, as it would have to anyway.
 *
 * Once it is complete, what it says is published at once, and changes are
 * filed as always. Meanwhile a child has the file written, which takes seconds
 * where accounts are many; what has changed since then is little, and is
 * synced before the file gets its name.
 *
 * It is built in a writable mapping. A directory's entryUUIDs are random: a
 * copy of each page that a batch touches would be thirteen times as much to
 * write, and pages kept in memory until a commit would be all of them. Where
 * there is no room a mapping is a fault of memory, so room is taken first.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "enscale_sync/state_private.h"

/* Taken at a time: at least this, or an eighth of what there is. */
#define STEP_LEAST ((uint64_t)1 << 20)
/* For what is allocated by the way: the list of free pages, and such. */
#define PAGES_SPARE 64
/* One value more may split a page on each level of its tree, and add a level. */
#define SPLITS_MAX 8

/* ---- room -------------------------------------------------------------- */

static uint64_t
pages_of(const struct state *state, enum state_table table)
{
	MDB_stat st;

	if (mdb_stat(state->txn, state->tables[table], &st) != 0)
		return 0;
	return st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
}

/* What was there before the transaction, and all that is in it now. Where a
 * large value was replaced, nothing shows what it had: all are counted twice. */
static int
count_used(struct state *state, uint64_t page, uint64_t *ret_used)
{
	MDB_envinfo info;
	uint64_t pages;
	int r = mdb_env_info(state->env, &info);

	if (r != 0)
		return state_error(state, r);
	pages = info.me_last_pgno + 1 + PAGES_SPARE;
	for (enum state_table table = 0; table < T_COUNT; table++)
		pages += pages_of(state, table);
	*ret_used = pages * page + state->large;
	return 0;
}

static int
take(struct state *state, uint64_t need)
{
	uint64_t step = state->room / 8 > STEP_LEAST ? state->room / 8
	                                             : STEP_LEAST;
	int fd, r = mdb_env_get_fd(state->env, &fd);

	if (r != 0)
		return state_error(state, r);
	if (step < need)
		step = need;
	r = posix_fallocate(fd, (off_t)state->room, (off_t)step);
	if (r == ENOSPC && step > need) {
		step = need;
		r = posix_fallocate(fd, (off_t)state->room, (off_t)step);
	}
	if (r == 0)
		state->room += step;
	return -r;
}

int
state_build_room(struct state *state, size_t len)
{
	uint64_t page, need;
	MDB_stat st;
	int r = mdb_env_stat(state->env, &st);

	if (r != 0)
		return state_error(state, r);
	page = st.ms_psize;
	need = SPLITS_MAX * page + len;
	if (len > page / 4)
		state->large += len + page;
	if (state->used + need > state->room) {
		r = count_used(state, page, &state->used);
		if (r == 0 && state->used + need > state->room)
			r = take(state, state->used + need - state->room);
		if (r != 0)
			return r;
	}
	state->used += need;
	return 0;
}

/* ---- the end ----------------------------------------------------------- */

/* Gives back what was not used. */
static int
trim(const struct state *state, const char *path)
{
	return truncate(path, (off_t)state_bytes(state)) == 0 ? 0 : -errno;
}

static int
name(const struct state *state, const char *path)
{
	return rename(path, state->path) == 0 && fsync(state->lock_fd) == 0
	    ? 0
	    : -errno;
}

/* From now on as any other: its pages are copied, and synced. */
static int
open_again(struct state *state)
{
	int r;

	state->building = false;
	mdb_env_close(state->env);
	state->env = NULL;
	r = state_open_file(state, state->path);
	state->stuck |= r != 0;
	return r;
}

static int
finish(struct state *state)
{
	char *path AUTO_FREE = NULL;
	int r;

	if (asprintf(&path, "%s" STATE_BUILDING_SUFFIX, state->path) < 0)
		return -ENOMEM;
	r = state_error(state, mdb_env_sync(state->env, 1));
	if (r == 0)
		r = trim(state, path);
	if (r == 0)
		r = name(state, path);
	return r == 0 ? open_again(state) : r;
}

/* The child: it touches nothing but the file, and does not outlive us. */
__attribute__((noreturn)) static void
sync_apart(int fd, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	_exit(fsync(fd) == 0 ? 0 : 1);
}

static int
start_syncer(struct state *state)
{
	pid_t parent = getpid(), child;
	int fd, r = mdb_env_get_fd(state->env, &fd);

	if (r != 0)
		return state_error(state, r);
	child = fork();
	if (child == 0)
		sync_apart(fd, parent);
	state->syncer = child > 0 ? child : 0;
	return child > 0 ? 0 : -errno;
}

bool
state_is_settled(const struct state *state)
{
	return !state->building || !state->committed.complete;
}

int
state_settle(struct state *state)
{
	if (state_is_settled(state) || state->txn != NULL || state->damaged)
		return 0;
	/* Whatever comes of the child: all of it is synced once more. */
	if (state->syncer == 0 && start_syncer(state) == 0)
		return 0;
	if (state->syncer != 0 && waitpid(state->syncer, NULL, WNOHANG) == 0)
		return 0;
	state->syncer = 0;
	return finish(state);
}

void
state_build_end(struct state *state)
{
	if (state->syncer != 0) {
		(void)kill(state->syncer, SIGKILL);
		while (waitpid(state->syncer, NULL, 0) < 0 && errno == EINTR)
			;
		state->syncer = 0;
	}
	/* What cannot be kept is asked anew. */
	if (!state_is_settled(state) && state->env != NULL && !state->damaged)
		(void)finish(state);
}

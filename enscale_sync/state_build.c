/*
 * The state until its first refresh is complete. It is built under another
 * name, in one transaction, and nothing of it is synced until the end: after an
 * earlier exit it begins again, as it would have to anyway.
 *
 * Once it is complete, it is published at once, and changes are filed as
 * always. Meanwhile a child has the file written to disk, which takes seconds
 * with many accounts; the few changes since then are synced before the file
 * gets its name.
 *
 * It is built in a writable mapping. A directory's entryUUIDs are random:
 * copying each page that a batch touches would mean thirteen times as much to
 * write, and keeping pages in memory until a commit would mean keeping all of
 * them. When the disk is full, a mapping causes a memory fault, so room is
 * allocated first.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/apart.h"
#include "common/base/cleanup.h"
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

/*
 * Here an error is final: a disk may report what it has refused once as written
 * the next time, without having it (fsync(2), NOTES). Nothing more is filed;
 * the process ends, and when it is started again everything is fetched again.
 */
static int
give_up(struct state *state, int r)
{
	state->stuck = true;
	return r;
}

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
	state->building = false;
	mdb_env_close(state->env);
	state->env = NULL;
	return state_open_file(state, state->path);
}

static int
finish(struct state *state)
{
	AUTO_FREE char *path = NULL;
	int r;

	if (asprintf(&path, "%s" STATE_BUILDING_SUFFIX, state->path) < 0)
		return -ENOMEM;
	r = state_error(state, mdb_env_sync(state->env, 1));
	if (r == 0)
		r = trim(state, path);
	if (r == 0)
		r = name(state, path);
	if (r == 0)
		r = open_again(state);
	return r == 0 ? 0 : give_up(state, r);
}

/* ---- a child that writes the file --------------------------------------- */

#define UNWRITTEN 2 /* its exit status when the disk has refused */

__attribute__((noreturn)) static void
write_apart(int fd, pid_t parent)
{
	if (!apart_begin(parent, fd))
		_exit(EXIT_FAILURE);
	_exit(fsync(APART_FD) == 0 ? EXIT_SUCCESS : UNWRITTEN);
}

static int
start_child(struct state *state)
{
	pid_t parent = getpid(), child;
	int fd, r = mdb_env_get_fd(state->env, &fd);

	if (r != 0)
		return state_error(state, r);
	child = fork();
	if (child == 0)
		write_apart(fd, parent);
	state->child = child > 0 ? child : 0;
	return child > 0 ? 0 : -errno;
}

/* -EAGAIN: it is still at it, and WNOHANG was among the options. A child that
 * could not do its work, unlike one that could not write, leaves it to us. */
static int
ask_child(struct state *state, int options)
{
	int status, r;

	do {
		r = waitpid(state->child, &status, options);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return -EAGAIN;
	state->child = 0;
	return r > 0 && WIFEXITED(status) && WEXITSTATUS(status) == UNWRITTEN
	    ? -EIO
	    : 0;
}

bool
state_is_settled(const struct state *state)
{
	return !state->building || !state->committed.complete;
}

static bool
may_settle(const struct state *state)
{
	return !state_is_settled(state) && state->txn == NULL &&
	    state->env != NULL && !state->damaged && !state->stuck;
}

int
state_settle(struct state *state)
{
	int r;

	if (!may_settle(state))
		return 0;
	if (state->child == 0)
		return start_child(state) == 0 ? 0 : finish(state);
	r = ask_child(state, WNOHANG);
	if (r == -EAGAIN)
		return 0;
	return r == 0 ? finish(state) : give_up(state, r);
}

void
state_build_end(struct state *state)
{
	/* It would take us as long, and only it knows what the disk said. */
	if (state->child != 0 && ask_child(state, 0) != 0)
		state->stuck = true;
	/* What cannot be kept is fetched again. */
	if (may_settle(state))
		(void)finish(state);
}

/* The state: its file, its transactions, its rows. See state.h. */
#include <config.h>

#include "enscale_sync/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

const uint8_t state_no_uuid[ENTRY_UUID_LEN];

static const char *const table_names[T_COUNT] = {
	[T_INFO] = "info",
	[T_ENTRIES] = "entries",
	[T_NAMES] = "names",
	[T_CHILDREN] = "children",
	[T_ORPHANS] = "orphans",
	[T_IDS] = "ids",
	[T_MEMBERS] = "members",
	[T_HOST_KEYS] = "host_keys",
	[T_ALIASES] = "aliases",
	[T_CHANGED] = "changed",
	[T_REFUSED] = "refused",
	[T_WARNED] = "warned",
	[T_STASH] = "stash",
	[T_EXCESS] = "excess",
	[T_KEPT] = "kept",
};

bool
state_is_new(const struct state *state)
{
	return state->new;
}

static MDB_val
to_val(struct bytes b)
{
	MDB_val val = { .mv_size = b.len };

	/* LMDB never writes through what it is given. */
	memcpy(&val.mv_data, &b.data, sizeof(val.mv_data));
	return val;
}

int
state_get(struct state *state, enum state_table table, struct bytes key,
    struct bytes *ret_value)
{
	MDB_val k = to_val(key), v;
	int r = mdb_get(state->txn, state->tables[table], &k, &v);

	if (r != 0)
		return state_error(state, r);
	*ret_value = (struct bytes){ v.mv_data, v.mv_size };
	return 0;
}

static int
write_row(struct state *state, enum state_table table, struct bytes key,
    struct bytes value, unsigned int flags)
{
	MDB_val k = to_val(key), v = to_val(value);
	int r = state->building ? state_build_room(state, value.len) : 0;

	if (r != 0)
		return r;
	r = state_error(state,
	    mdb_put(state->txn, state->tables[table], &k, &v, flags));
	state->wrote |= r == 0;
	return r;
}

int
state_store(struct state *state, enum state_table table, struct bytes key,
    struct bytes value)
{
	return write_row(state, table, key, value, 0);
}

int
state_add(struct state *state, enum state_table table, struct bytes key,
    struct bytes value)
{
	return write_row(state, table, key, value, MDB_NOOVERWRITE);
}

int
state_drop(struct state *state, enum state_table table, struct bytes key)
{
	MDB_val k = to_val(key);
	int r = mdb_del(state->txn, state->tables[table], &k, NULL);

	state->wrote |= r == 0;
	return r == MDB_NOTFOUND ? 0 : state_error(state, r);
}

int
state_empty(struct state *state, enum state_table table)
{
	if (state_rows(state, table) == 0)
		return 0;
	state->wrote = true;
	return state_error(state,
	    mdb_drop(state->txn, state->tables[table], 0));
}

uint64_t
state_rows(struct state *state, enum state_table table)
{
	MDB_stat st;

	if (mdb_stat(state->txn, state->tables[table], &st) != 0)
		return 0;
	return st.ms_entries;
}

int
state_seek(struct state *state, enum state_table table, struct bytes from,
    struct state_key *ret_key)
{
	MDB_val k = to_val(from), v;
	MDB_cursor *cursor;
	int r = mdb_cursor_open(state->txn, state->tables[table], &cursor);

	if (r != 0)
		return state_error(state, r);
	r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	r = state_error(state, r);
	if (r == 0 && k.mv_size > sizeof(ret_key->data))
		r = state_distrust(state);
	if (r == 0) {
		memcpy(ret_key->data, k.mv_data, k.mv_size);
		ret_key->len = k.mv_size;
	}
	mdb_cursor_close(cursor);
	return r;
}

int
state_walk_next(struct state *state, enum state_table table,
    struct bytes prefix, struct state_walk *walk)
{
	MDB_val k = to_val(prefix), v;
	int r = 0;

	if (walk->cursor == NULL) {
		r = mdb_cursor_open(state->txn, state->tables[table],
		    &walk->cursor);
		if (r == 0)
			r = mdb_cursor_get(walk->cursor, &k, &v,
			    prefix.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
	} else {
		r = mdb_cursor_get(walk->cursor, &k, &v, MDB_NEXT);
	}
	if (r != 0)
		return state_error(state, r);
	if (k.mv_size < prefix.len ||
	    (prefix.len > 0 && memcmp(k.mv_data, prefix.data, prefix.len) != 0))
		return ENS_E_NOTFOUND;
	walk->key = (struct bytes){ k.mv_data, k.mv_size };
	walk->value = (struct bytes){ v.mv_data, v.mv_size };
	return 0;
}

void
state_walk_end(struct state_walk *walk)
{
	if (walk->cursor != NULL)
		mdb_cursor_close(walk->cursor);
	walk->cursor = NULL;
}

void
state_key_add(struct state_key *key, const void *data, size_t len)
{
	/* Subjects are at most RECORD_KEY_MAX long and the rest is fixed. */
	if (len > sizeof(key->data) - key->len)
		abort();
	memcpy(key->data + key->len, data, len);
	key->len += len;
}

void
state_key_add_u32(struct state_key *key, uint32_t value)
{
	uint8_t be[4];

	for (int i = 3; i >= 0; i--, value >>= 8)
		be[i] = (uint8_t)value;
	state_key_add(key, be, sizeof(be));
}

void
state_key_add_u64(struct state_key *key, uint64_t value)
{
	state_key_add_u32(key, (uint32_t)(value >> 32));
	state_key_add_u32(key, (uint32_t)value);
}

/* ---- transactions ------------------------------------------------------ */

/* Address space, not disk: the file grows as it is filled. It grows by more than
 * half in no transaction but the first. A quarter of all addresses is enough. */
static int
make_room(struct state *state)
{
	MDB_envinfo info;
	MDB_stat st;
	size_t used;
	int r = mdb_env_info(state->env, &info);

	if (r == 0)
		r = mdb_env_stat(state->env, &st);
	if (r != 0)
		return state_error(state, r);
	used = (info.me_last_pgno + 1) * st.ms_psize;
	if (used < info.me_mapsize / 2 || info.me_mapsize > SIZE_MAX / 4)
		return 0;
	return state_error(state,
	    mdb_env_set_mapsize(state->env, info.me_mapsize * 2));
}

static int
begin(struct state *state, bool writing)
{
	int r;

	if (state->txn != NULL)
		return -EBUSY;
	if (state->env == NULL)
		return -EIO; /* state_is_stuck() */
	if (writing) {
		r = make_room(state);
		if (r != 0)
			return r;
	}
	r = mdb_txn_begin(state->env, NULL, writing ? 0 : MDB_RDONLY,
	    &state->txn);
	if (r != 0) {
		state->txn = NULL;
		return state_error(state, r);
	}
	state->writing = writing;
	state->changed = state->wrote = false;
	return 0;
}

int
state_begin_write(struct state *state)
{
	return begin(state, true);
}

int
state_begin_read(struct state *state)
{
	return begin(state, false);
}

int
state_commit(struct state *state)
{
	int r;

	if (state->changed)
		state->info.generation++;
	r = state_write_info(state);
	if (r != 0) {
		state_end(state);
		return r;
	}
	r = state_error(state, mdb_txn_commit(state->txn));
	state->txn = NULL;
	if (r == 0)
		state->committed = state->info;
	else
		state->info = state->committed;
	state->unsynced |= r == 0;
	state->full = state->full && r != 0;
	return r;
}

int
state_sync(struct state *state)
{
	int r;

	if (!state->unsynced || state->building)
		return 0;
	r = state_error(state, mdb_env_sync(state->env, 1));
	/* A write that was refused once may be reported as done the next time.
	 */
	state->stuck |= r != 0;
	state->unsynced = r != 0;
	return r;
}

bool
state_has_written(const struct state *state)
{
	return state->wrote;
}

bool
state_is_busy(const struct state *state)
{
	return state->txn != NULL;
}

bool
state_is_writing(const struct state *state)
{
	return state->txn != NULL && state->writing;
}

void
state_end(struct state *state)
{
	if (state->txn == NULL)
		return;
	mdb_txn_abort(state->txn);
	state->txn = NULL;
	state->info = state->committed;
}

/* ---- the file ---------------------------------------------------------- */

static int
lock_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int
open_tables(struct state *state)
{
	int r = state_begin_write(state);

	for (int i = 0; r == 0 && i < T_COUNT; i++)
		r = state_error(state,
		    mdb_dbi_open(state->txn, table_names[i], MDB_CREATE,
		        &state->tables[i]));
	if (r == 0)
		r = state_read_info(state);
	if (r == 0)
		r = state_commit(state);
	else
		state_end(state);
	return r;
}

/*
 * NOLOCK: the folder's lock keeps others out, and of ourselves there is one,
 * which never reads and writes at the same time; so no reader table and no
 * mutex that outlives us. NOMETASYNC: an operating system that dies may undo
 * the last commit as a whole, cookie included, and the server tells it again;
 * until state_sync(), that is, and publish.h says what follows for the view.
 * While it is built: state_build.c.
 */
int
state_open_file(struct state *state, const char *path)
{
	unsigned int flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOMETASYNC |
	    MDB_NORDAHEAD;
	int r = mdb_env_create(&state->env);

	if (state->building)
		flags |= MDB_NOSYNC | MDB_WRITEMAP;
	if (r != 0) {
		state->env = NULL;
		return state_error(state, r);
	}
	r = mdb_env_set_mapsize(state->env, STATE_GROWTH_MAX);
	if (r == 0)
		r = mdb_env_set_maxdbs(state->env, T_COUNT);
	if (r == 0)
		r = mdb_env_open(state->env, path, flags, 0600);
	r = state_error(state, r);
	if (r == 0 && state->building)
		r = state_build_room(state, 0);
	if (r == 0)
		r = open_tables(state);
	if (r != 0) {
		mdb_env_close(state->env);
		state->env = NULL;
	}
	return r;
}

static void
cleanup_state(struct state **state)
{
	state_close(*state);
}

static int
build_new(struct state *state)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s" STATE_BUILDING_SUFFIX, state->path) < 0)
		return -ENOMEM;
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	state->building = state->new = true;
	return state_open_file(state, path);
}

int
state_open(const char *dir, struct state **ret_state, bool *ret_replaced)
{
	AUTO(cleanup_state) struct state *state = calloc(1, sizeof(*state));
	bool replaced = false;
	int r;

	if (state == NULL)
		return -ENOMEM;
	wire_write_init_growing(&state->entry, RECORD_SIZE_MAX);
	wire_write_init_growing(&state->old, RECORD_SIZE_MAX);
	state->lock_fd = lock_folder(dir);
	if (state->lock_fd < 0)
		return state->lock_fd;
	if (asprintf(&state->path, "%s/%s", dir, STATE_FILE) < 0) {
		state->path = NULL;
		return -ENOMEM;
	}
	if (access(state->path, F_OK) == 0)
		r = state_open_file(state, state->path);
	else
		r = errno == ENOENT ? build_new(state) : -errno;
	if (r == ENS_E_CORRUPT || r == ENS_E_VERSION) {
		/* The directory is authoritative: ask it again. */
		replaced = true;
		state->damaged = false;
		state->info = (struct state_info){ 0 };
		state->committed = state->info;
		r = unlink(state->path) != 0 ? -errno : build_new(state);
	}
	if (r != 0)
		return r;
	*ret_state = state;
	*ret_replaced = replaced;
	state = NULL;
	return 0;
}

void
state_close(struct state *state)
{
	if (state == NULL)
		return;
	state_end(state);
	state_clear_marks(state);
	state_build_end(state);
	if (state->env != NULL)
		mdb_env_close(state->env);
	if (state->lock_fd >= 0)
		close(state->lock_fd);
	wire_write_free(&state->entry);
	wire_write_free(&state->old);
	entry_rows_free(&state->old_rows);
	free(state->path);
	free(state);
}

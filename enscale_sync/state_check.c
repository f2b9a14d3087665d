/*
 * A state that a disk has damaged: detecting it, and getting rid of it. LMDB
 * believes what it reads: a flipped bit in one of its own pages hides rows or
 * makes it read past the end, and a truncated file causes a memory fault.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* A file system with less room is full. */
#define ROOM_LEAST ((uint64_t)1 << 20)

/* ---- what LMDB says ---------------------------------------------------- */

static bool
has_room(const struct state *state)
{
	struct statvfs fs;

	return fstatvfs(state->lock_fd, &fs) != 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_LEAST;
}

int
state_error(struct state *state, int r)
{
	switch (r) {
	case MDB_SUCCESS:
		return 0;
	case MDB_NOTFOUND:
		return ENS_E_NOTFOUND;
	case MDB_KEYEXIST:
		return -EEXIST;
	case MDB_MAP_FULL:
		state->full = true;
		return ENS_E_LIMIT;
	case MDB_VERSION_MISMATCH:
		return ENS_E_VERSION;
	case EIO:
		/* A write that was cut short is one of these, too. */
		return has_room(state) ? -EIO : -ENOSPC;
	case MDB_BAD_TXN:
	case MDB_TXN_FULL:
		/* Nothing is broken: the transaction is, by what went before. */
		return -ECANCELED;
	case MDB_PANIC:
		/* Likewise, but for good: until the file is opened again. */
		state->stuck = true;
		return -EIO;
	default:
		return r > 0 ? -r : state_distrust(state);
	}
}

int
state_distrust(struct state *state)
{
	state->damaged = true;
	return ENS_E_CORRUPT;
}

bool
state_is_full(const struct state *state)
{
	return state->full;
}

bool
state_is_stuck(const struct state *state)
{
	return state->stuck;
}

bool
state_is_damaged(const struct state *state)
{
	return state->damaged;
}

int
state_discard(struct state *state)
{
	state->damaged = true; /* and it never gets its name */
	return unlinkat(state->lock_fd, STATE_FILE, 0) == 0 || errno == ENOENT
	    ? 0
	    : -errno;
}

/* ---- all rows ---------------------------------------------------------- */

/* A table knows how many rows it has: are there as many? */
static int
count_rows(struct state *state, enum state_table table)
{
	struct state_walk walk = { 0 };
	uint64_t count = 0;
	int r;

	while ((r = state_walk_next(state, table, (struct bytes){ NULL, 0 },
	            &walk)) == 0)
		count++;
	state_walk_end(&walk);
	if (r != ENS_E_NOTFOUND)
		return r;
	return count == state_rows(state, table) ? 0 : state_distrust(state);
}

static int
check_entries(struct state *state)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	uint64_t counts[ENTRY_KINDS + 1] = { 0 }, key_values = 0;
	struct state_walk walk = { 0 };
	struct entry entry;
	int r;

	while ((r = state_walk_next(state, T_ENTRIES, (struct bytes){ NULL, 0 },
	            &walk)) == 0) {
		r = walk.key.len == ENTRY_UUID_LEN
		    ? state_find(state, walk.key.data, &rows, &entry)
		    : ENS_E_NOTFOUND;
		if (r != 0)
			break;
		if (entry.refused)
			continue;
		counts[entry.kind]++;
		if (entry.kind == ENTRY_ACCOUNT)
			key_values += entry.account.key_count;
	}
	if (r == ENS_E_NOTFOUND)
		r = memcmp(counts, state_info(state)->entries,
		        sizeof(counts)) == 0 &&
		        key_values == state_info(state)->key_values
		    ? 0
		    : state_distrust(state);
	state_walk_end(&walk);
	return r;
}

int
state_check(struct state *state)
{
	int r = check_entries(state);

	for (enum state_table table = T_NAMES; r == 0 && table <= T_ALIASES;
	     table++)
		r = count_rows(state, table);
	return r;
}

/* ---- faults ------------------------------------------------------------ */

static int fault_dir = -1;

/* A watchdog's signal looks the same, and is no fault of the state's. */
static bool
is_our_own(const siginfo_t *info)
{
	return info->si_code > 0 || info->si_pid == getpid();
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	static const char said[] =
	    "enscale-sync: internal error: removing the state, so that everything is fetched again\n";

	(void)context;
	if (is_our_own(info) && unlinkat(fault_dir, STATE_FILE, 0) == 0 &&
	    write(STDERR_FILENO, said, sizeof(said) - 1) < 0)
		(void)0; /* nobody hears it */
	(void)raise(number);
}

int
state_discard_on_fault(const char *dir)
{
	static const int numbers[] = { SIGBUS, SIGSEGV, SIGABRT };
	struct sigaction action = { .sa_sigaction = on_fault,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_SIGINFO) };

	fault_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fault_dir < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (sigaction(numbers[i], &action, NULL) != 0)
			return -errno;
	}
	return 0;
}

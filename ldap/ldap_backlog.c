/* Reading ahead. See ldap_backlog.h. */
#include <config.h>

#include "ldap/ldap_backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <lber.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/apart.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"

/* What is kept in memory: some hundred entries. */
#define MEMORY ((size_t)256 << 10)
/* At once off the socket: a TLS record, or what a socket holds. */
#define PIECE ((size_t)64 << 10)
/* At once, while the program has something else to do. */
#define FILL_MAX ((size_t)4 << 20)
/* libldap reads a message in two or three pieces. After so many of them the
 * socket is looked at: in far less time than the server needs to fill it. */
#define READS_MAX 64
/* Room in the file is taken, and given back, in steps. */
#define STEP ((off_t)16 << 20)

/* Bytes come off the socket into the memory; while there are some in the file,
 * into the file. libldap gets those in the memory, which is filled from the
 * file when it is empty. */
struct backlog {
	char *dir;       /* owned */
	uint8_t *memory; /* owned: MEMORY bytes, and a piece for the file */
	size_t at, end;  /* of what is in it */
	int fd;          /* -1: no file yet */
	off_t first, last, room, given; /* in the file */
	bool no_file;                   /* there cannot be one */
	bool ended; /* nothing more comes, for this reason */
	int error;  /* 0: the server closed it */
	uint32_t reads;
};

/* ---- the file ---------------------------------------------------------- */

static bool
make_file(struct backlog *backlog)
{
	AUTO_FD int dir_fd = -1;

	if (backlog->fd >= 0 || backlog->no_file)
		return !backlog->no_file;
	dir_fd = open(backlog->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		backlog->fd = apart_file(dir_fd);
	backlog->no_file = backlog->fd < 0;
	return !backlog->no_file;
}

/* Is there as much left as the file has, twice? What is read ahead becomes a
 * state and a view, most often on the same file system. */
static bool
may_grow(const struct backlog *backlog)
{
	uint64_t waiting = (uint64_t)(backlog->last - backlog->first);
	struct statvfs fs;

	return waiting <= LDAP_BACKLOG_MAX - (uint64_t)STEP &&
	    fstatvfs(backlog->fd, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize >=
	    LDAP_BACKLOG_SPARE + 2 * (waiting + (uint64_t)STEP);
}

/* So that writing cannot fail: what is off the socket cannot be put back. */
static bool
take_room(struct backlog *backlog)
{
	if (!make_file(backlog))
		return false;
	if (backlog->last + (off_t)PIECE <= backlog->room)
		return true;
	if (!may_grow(backlog) ||
	    posix_fallocate(backlog->fd, backlog->room, STEP) != 0)
		return false;
	backlog->room += STEP;
	return true;
}

/* What was read from the file is not needed any more. */
static void
give_room(struct backlog *backlog)
{
	if (backlog->first == backlog->last && ftruncate(backlog->fd, 0) == 0) {
		backlog->first = backlog->last = 0;
		backlog->room = backlog->given = 0;
	} else if (backlog->first - backlog->given >= STEP) {
		(void)fallocate(backlog->fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, backlog->given,
		    backlog->first - backlog->given);
		backlog->given = backlog->first;
	}
}

static bool
write_file(struct backlog *backlog, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(backlog->fd, data, len, backlog->last);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		backlog->last += n;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* The memory is empty: its next part. */
static bool
read_file(struct backlog *backlog)
{
	size_t want = MEMORY;
	ssize_t n;

	if (backlog->last - backlog->first < (off_t)MEMORY)
		want = (size_t)(backlog->last - backlog->first);
	do {
		n = pread(backlog->fd, backlog->memory, want, backlog->first);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	backlog->at = 0;
	backlog->end = (size_t)n;
	backlog->first += n;
	give_room(backlog);
	return true;
}

/* ---- the socket -------------------------------------------------------- */

static void
end(struct backlog *backlog, int error)
{
	backlog->ended = true;
	backlog->error = error;
}

static bool
is_empty(const struct backlog *backlog)
{
	return backlog->at == backlog->end && backlog->first == backlog->last;
}

/* Is there something to be had without waiting? A blocking socket waits for
 * the rest of a TLS record, as libldap itself would. */
static bool
is_ready(Sockbuf_IO_Desc *layer)
{
	struct pollfd socket = { .fd = -1, .events = POLLIN };

	if (LBER_SBIOD_CTRL_NEXT(layer, LBER_SB_OPT_DATA_READY, NULL) > 0)
		return true;
	return ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD,
	           &socket.fd) == 1 &&
	    poll(&socket, 1, 0) == 1;
}

/* One piece; false when there is none now, or no room for it. */
static bool
take_piece(Sockbuf_IO_Desc *layer, size_t *taken)
{
	struct backlog *backlog = layer->sbiod_pvt;
	bool to_file = backlog->first < backlog->last ||
	    MEMORY - backlog->end < PIECE;
	uint8_t *to = backlog->memory + (to_file ? MEMORY : backlog->end);
	ber_slen_t n;

	if (backlog->ended || (to_file && !take_room(backlog)) ||
	    !is_ready(layer))
		return false;
	errno = 0;
	n = LBER_SBIOD_READ_NEXT(layer, to, PIECE);
	/* With half a TLS record libldap's layer returns 0, as at the end. */
	if (n <= 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		end(backlog, n < 0 ? errno : 0);
	else if (!to_file)
		backlog->end += (size_t)n;
	else if (!write_file(backlog, to, (size_t)n))
		end(backlog, EIO);
	*taken += n > 0 ? (size_t)n : 0;
	return !backlog->ended;
}

static void
fill(Sockbuf_IO_Desc *layer)
{
	struct backlog *backlog = layer->sbiod_pvt;
	size_t taken = 0;

	backlog->reads = 0;
	if (backlog->at == backlog->end)
		backlog->at = backlog->end = 0;
	while (taken < FILL_MAX && take_piece(layer, &taken))
		;
}

/* ---- what liblber calls ------------------------------------------------ */

static int
set_up(Sockbuf_IO_Desc *layer, void *arg)
{
	layer->sbiod_pvt = arg;
	return 0;
}

static void
free_backlog(struct backlog *backlog)
{
	if (backlog->fd >= 0)
		close(backlog->fd);
	free(backlog->memory);
	free(backlog->dir);
	free(backlog);
}

static int
take_down(Sockbuf_IO_Desc *layer)
{
	free_backlog(layer->sbiod_pvt);
	layer->sbiod_pvt = NULL;
	return 0;
}

static int
control(Sockbuf_IO_Desc *layer, int option, void *arg)
{
	const struct backlog *backlog = layer->sbiod_pvt;

	if (option == LBER_SB_OPT_DATA_READY &&
	    (!is_empty(backlog) || backlog->ended))
		return 1;
	return LBER_SBIOD_CTRL_NEXT(layer, option, arg);
}

/* What is in the memory, up to len bytes; 0 when there is nothing at all. */
static size_t
take_some(struct backlog *backlog, uint8_t *buf, size_t len)
{
	size_t have;

	if (backlog->at == backlog->end && backlog->first < backlog->last &&
	    !read_file(backlog))
		end(backlog, EIO);
	have = backlog->end - backlog->at;
	if (len > have)
		len = have;
	memcpy(buf, backlog->memory + backlog->at, len);
	backlog->at += len;
	return len;
}

/* Less than is wanted makes libldap wait for the socket, so all there is. */
static ber_slen_t
take(Sockbuf_IO_Desc *layer, void *buf, ber_len_t len)
{
	struct backlog *backlog = layer->sbiod_pvt;
	size_t taken = 0, some;

	if (++backlog->reads >= READS_MAX)
		fill(layer);
	do {
		if (is_empty(backlog))
			fill(layer);
		some = take_some(backlog, (uint8_t *)buf + taken, len - taken);
		taken += some;
	} while (some > 0 && taken < len);
	if (taken > 0)
		return (ber_slen_t)taken;
	errno = backlog->ended ? backlog->error : EAGAIN;
	return backlog->ended && backlog->error == 0 ? 0 : -1;
}

static ber_slen_t
give(Sockbuf_IO_Desc *layer, void *buf, ber_len_t len)
{
	return LBER_SBIOD_WRITE_NEXT(layer, buf, len);
}

int
ldap_backlog_add(LDAP *ld, const char *dir)
{
	static Sockbuf_IO calls = {
		.sbi_setup = set_up,
		.sbi_remove = take_down,
		.sbi_ctrl = control,
		.sbi_read = take,
		.sbi_write = give,
	};
	struct backlog *backlog = calloc(1, sizeof(*backlog));
	Sockbuf *socket = NULL;

	if (backlog == NULL)
		return -ENOMEM;
	backlog->fd = -1;
	backlog->memory = malloc(MEMORY + PIECE);
	backlog->dir = strdup(dir);
	if (backlog->memory == NULL || backlog->dir == NULL) {
		free_backlog(backlog);
		return -ENOMEM;
	}
	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &socket) != LDAP_SUCCESS ||
	    socket == NULL ||
	    ber_sockbuf_add_io(socket, &calls, LBER_SBIOD_LEVEL_APPLICATION,
	        backlog) != 0) {
		free_backlog(backlog);
		return ENS_E_LDAP;
	}
	return 0;
}

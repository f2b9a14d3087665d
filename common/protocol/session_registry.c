/*
 * The session registry: short text files in a folder that only root writes.
 * No fsync: the folder is on /run, and no session outlives it.
 *
 *	enscale-session 1
 *	id abcdefghij234567
 *	account 25880
 *	node 124718
 *	uid 1879074072
 *	key SHA256:...
 *	address 198.18.0.10
 *	port 50022		(may be missing)
 *	monitor 4711
 *	start 123456
 *	opened 1763850000
 */
#include <config.h>

#include "common/protocol/session_registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "common/base/text.h"
#include "common/base/write_all.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/login_name.h"

#define LOCK_WAIT_MS 5000

static const char first_line[] = "enscale-session 1";

/* ---- ids ------------------------------------------------------------ */

int
session_id_make(char ret_id[SESSION_ID_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t random[SESSION_ID_LEN];
	ssize_t n;

	do {
		n = getrandom(random, sizeof(random), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof(random))
		return -EIO;
	for (size_t i = 0; i < SESSION_ID_LEN; i++)
		ret_id[i] = alphabet[random[i] % 32];
	ret_id[SESSION_ID_LEN] = '\0';
	return 0;
}

bool
session_id_is_valid(const char *id)
{
	size_t n;

	for (n = 0; n < SESSION_ID_LEN; n++) {
		if (!((id[n] >= 'a' && id[n] <= 'z') ||
		        (id[n] >= '2' && id[n] <= '7')))
			return false;
	}
	return id[n] == '\0';
}

uint32_t
session_name_account(const char *name)
{
	char digits[LOGIN_DIGITS_MAX + 1];
	size_t len = strcspn(name, ".");
	uint32_t account;

	if (len >= sizeof(digits) || name[len] != '.' ||
	    !session_id_is_valid(name + len + 1))
		return 0;
	memcpy(digits, name, len);
	digits[len] = '\0';
	return parse_u32(digits, ACCOUNT_ID_MAX, &account) == 0 ? account : 0;
}

const char *
session_name_id(const char *name)
{
	return name + strcspn(name, ".") + 1;
}

static void
format_name(uint32_t account, const char *id, char ret_name[SESSION_NAME_MAX])
{
	snprintf(ret_name, SESSION_NAME_MAX, "%" PRIu32 ".%s", account, id);
}

/* ---- processes ------------------------------------------------------ */

static ssize_t
read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = read(fd, buf + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* Field number (from 3) of the text behind the name's ")". */
static int
stat_field(const char *text, unsigned int number, uint64_t max,
    uint64_t *ret_value)
{
	char word[24];
	size_t n;

	for (unsigned int i = 3; i < number; i++) {
		text += strcspn(text, " ");
		if (*text++ != ' ')
			return ENS_E_CORRUPT;
	}
	n = strcspn(text, " \n");
	if (n >= sizeof(word))
		return ENS_E_CORRUPT;
	memcpy(word, text, n);
	word[n] = '\0';
	return parse_u64(word, max, ret_value) == 0 ? 0 : ENS_E_CORRUPT;
}

int
process_stat(pid_t pid, uint64_t *ret_start, pid_t *ret_parent)
{
	char path[32], text[1024], *at;
	uint64_t start, parent, threads;
	AUTO_FD int fd = -1;
	ssize_t n;

	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read_all(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	/* The name, field 2, may hold anything; nothing behind it has ")". */
	at = strrchr(text, ')');
	if (at == NULL || at[1] != ' ')
		return ENS_E_CORRUPT;
	at += 2;
	if (stat_field(at, 4, INT32_MAX, &parent) != 0 ||
	    stat_field(at, 20, INT32_MAX, &threads) != 0 ||
	    stat_field(at, 22, UINT64_MAX, &start) != 0)
		return ENS_E_CORRUPT;
	/* The state is the first thread's, which others may outlive. */
	if (*at == 'X' || (*at == 'Z' && threads <= 1))
		return -ESRCH;
	if (ret_start != NULL)
		*ret_start = start;
	if (ret_parent != NULL)
		*ret_parent = (pid_t)parent;
	return 0;
}

/* ---- the file's form ------------------------------------------------ */

static int
format(const struct session *session, char *buf, size_t size)
{
	char key[FINGERPRINT_SHA256_TEXT_LEN + 1];
	int n;

	fingerprint_format_sha256(session->fingerprint, key);
	n = snprintf(buf, size,
	    "%s\n"
	    "id %s\n"
	    "account %" PRIu32 "\n"
	    "node %" PRIu32 "\n"
	    "uid %" PRIu32 "\n"
	    "key %s\n"
	    "address %s\n"
	    "port %" PRIu16 "\n"
	    "monitor %d\n"
	    "start %" PRIu64 "\n"
	    "opened %" PRId64 "\n",
	    first_line, session->id, session->account, session->node,
	    (uint32_t)session->uid, key, session->address, session->port,
	    (int)session->monitor, session->monitor_start, session->opened);
	if (n < 0 || (size_t)n >= size)
		return ENS_E_LIMIT;
	return n;
}

/* Takes the line "name value" off the front and ends value with a NUL;
 * NULL when it is not there. */
static char *
take_line(char **rest, const char *name)
{
	size_t n = strlen(name);
	char *line = *rest, *end = strchr(line, '\n');

	if (end == NULL || strncmp(line, name, n) != 0 || line[n] != ' ')
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line + n + 1;
}

static bool
take_number(char **rest, const char *name, uint64_t max, uint64_t *ret_value)
{
	const char *value = take_line(rest, name);

	return value != NULL && parse_u64(value, max, ret_value) == 0;
}

static bool
parse_fields(char *text, struct session *session)
{
	uint64_t account, node, uid, monitor, start, opened, port = 0;
	const char *id, *key, *address;

	id = take_line(&text, "id");
	if (id == NULL || !session_id_is_valid(id) ||
	    !take_number(&text, "account", ACCOUNT_ID_MAX, &account) ||
	    !take_number(&text, "node", NODE_ID_MAX, &node) ||
	    !take_number(&text, "uid", INT32_MAX, &uid))
		return false;
	key = take_line(&text, "key");
	if (key == NULL || fingerprint_parse(key, session->fingerprint) != 0)
		return false;
	address = take_line(&text, "address");
	if (address == NULL || strlen(address) > ADDRESS_TEXT_MAX ||
	    !text_is_printable(address))
		return false;
	/* A record of before an update has none. */
	if (strncmp(text, "port ", 5) == 0 &&
	    !take_number(&text, "port", UINT16_MAX, &port))
		return false;
	if (!take_number(&text, "monitor", INT32_MAX, &monitor) ||
	    !take_number(&text, "start", UINT64_MAX, &start) ||
	    !take_number(&text, "opened", INT64_MAX, &opened) || *text != '\0')
		return false;
	memcpy(session->id, id, sizeof(session->id));
	memcpy(session->address, address, strlen(address) + 1);
	session->account = (uint32_t)account;
	session->node = (uint32_t)node;
	session->uid = (uid_t)uid;
	session->port = (uint16_t)port;
	session->monitor = (pid_t)monitor;
	session->monitor_start = start;
	session->opened = (int64_t)opened;
	return true;
}

static int
parse(char *text, size_t len, struct session *ret_session)
{
	struct session session = { .account = 0 };
	size_t n = sizeof(first_line) - 1;

	if (strlen(text) != len || len <= n || text[n] != '\n' ||
	    strncmp(text, first_line, n) != 0)
		return strncmp(text, "enscale-session ", 16) == 0
		    ? ENS_E_VERSION
		    : ENS_E_CORRUPT;
	if (!parse_fields(text + n + 1, &session))
		return ENS_E_CORRUPT;
	*ret_session = session;
	return 0;
}

/* ---- publishing and reading ----------------------------------------- */

/* The folder's group may read the record, whoever's umask this is. */
static int
finish(int dir_fd, int fd, const char *data, size_t len)
{
	struct stat folder;
	int r;

	r = write_all(fd, data, len);
	if (r < 0)
		return r;
	if (fstat(dir_fd, &folder) < 0 ||
	    fchown(fd, (uid_t)-1, folder.st_gid) < 0 || fchmod(fd, 0640) < 0)
		return -errno;
	return 0;
}

/* Gives a finished file its name. -EEXIST when that is taken. */
static int
name_file(int dir_fd, int fd, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0
	    ? -errno
	    : 0;
}

int
session_publish(int dir_fd, const struct session *session)
{
	char text[SESSION_FILE_MAX], name[SESSION_NAME_MAX];
	AUTO_FD int fd = -1;
	int n, r;

	if (session->account == 0 || session->account > ACCOUNT_ID_MAX ||
	    !session_id_is_valid(session->id) ||
	    !text_is_printable(session->address))
		return ENS_E_SYNTAX;
	format_name(session->account, session->id, name);
	n = format(session, text, sizeof(text));
	if (n < 0)
		return n;
	/* Without a name: a process that is killed here leaves nothing behind.
	 */
	fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = finish(dir_fd, fd, text, (size_t)n);
	return r == 0 ? name_file(dir_fd, fd, name) : r;
}

int
session_remove(int dir_fd, uint32_t account, const char *id)
{
	char name[SESSION_NAME_MAX];

	if (account > ACCOUNT_ID_MAX || !session_id_is_valid(id))
		return ENS_E_SYNTAX;
	format_name(account, id, name);
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int
session_read(int dir_fd, const char *name, struct session *ret_session)
{
	uint32_t account = session_name_account(name);
	char text[SESSION_FILE_MAX + 1];
	struct session session;
	AUTO_FD int fd = -1;
	ssize_t n;
	int r;

	if (account == 0)
		return ENS_E_NOTFOUND;
	fd = openat(dir_fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ENS_E_NOTFOUND : -errno;
	n = read_all(fd, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (n > SESSION_FILE_MAX)
		return ENS_E_CORRUPT;
	text[n] = '\0';
	r = parse(text, (size_t)n, &session);
	if (r < 0)
		return r;
	if (session.account != account ||
	    strcmp(session.id, session_name_id(name)) != 0)
		return ENS_E_CORRUPT;
	*ret_session = session;
	return 0;
}

bool
session_is_alive(const struct session *session)
{
	uint64_t start;
	const int r = process_stat(session->monitor, &start, NULL);

	return r == 0 ? start == session->monitor_start : r != -ESRCH;
}

static void
close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

static int
open_again(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
session_each_name(int dir_fd, uint32_t account,
    int (*visit)(const char *name, void *arg), void *arg)
{
	AUTO(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	uint32_t owner;
	int fd, r;

	fd = open_again(dir_fd);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		close(fd);
		return r;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		owner = session_name_account(entry->d_name);
		if (owner == 0 || (account != 0 && account != owner))
			continue;
		r = visit(entry->d_name, arg);
		if (r != 0)
			return r;
	}
	return -errno;
}

struct reading {
	int dir_fd;
	int (*visit)(const struct session *, void *);
	void *arg;
	uint32_t broken;
};

static int
read_one(const char *name, void *arg)
{
	struct reading *reading = arg;
	struct session session;
	int r = session_read(reading->dir_fd, name, &session);

	if (r == 0)
		return reading->visit(&session, reading->arg);
	reading->broken += r != ENS_E_NOTFOUND;
	return 0;
}

int
session_each(int dir_fd, uint32_t account,
    int (*visit)(const struct session *, void *), void *arg,
    uint32_t *ret_broken)
{
	struct reading reading = { .dir_fd = dir_fd,
		.visit = visit,
		.arg = arg };
	int r = session_each_name(dir_fd, account, read_one, &reading);

	if (r == 0 && ret_broken != NULL)
		*ret_broken = reading.broken;
	return r;
}

static int
count_one(const struct session *session, void *arg)
{
	int *living = arg;

	*living += session_is_alive(session);
	return 0;
}

int
session_count(int dir_fd, uint32_t account)
{
	int living = 0;
	int r = session_each(dir_fd, account, count_one, &living, NULL);

	return r < 0 ? r : living;
}

int
session_lock(const char *dir)
{
	char path[PATH_MAX];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s.lock", dir) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	r = lock_file(AT_FDCWD, path, LOCK_WAIT_MS);
	return r == -EWOULDBLOCK ? -ETIMEDOUT : r;
}

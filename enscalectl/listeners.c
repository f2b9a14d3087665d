/* See listeners.h. It refuses to connect to anybody. */
#include <config.h>

#include "enscalectl/listeners.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/names/login_name.h"

#define LINE_SIZE 512
#define PATH_SIZE (64 + NAME_MAX)
#define LISTENING "0a" /* TCP_LISTEN */
#define BLANKS    " \t\n"
#define WORDS     4 /* of 32 bits in an address of IPv6 */

/* ---- sockets ------------------------------------------------------------ */

/* The columns of proc_net(5) up to the last that is read. */
enum column {
	COLUMN_NUMBER,
	COLUMN_LOCAL,
	COLUMN_PEER,
	COLUMN_STATE,
	COLUMN_QUEUES,
	COLUMN_TIMER,
	COLUMN_RETRANSMITS,
	COLUMN_UID,
	COLUMN_TIMEOUT,
	COLUMN_INODE,
	COLUMNS,
};

static bool
split(char *line, char *ret_columns[COLUMNS])
{
	char *rest = NULL;
	unsigned i;

	for (i = 0; line[i] != '\0'; i++)
		line[i] = (char)tolower((unsigned char)line[i]);
	for (i = 0; i < COLUMNS; i++) {
		ret_columns[i] = strtok_r(i == 0 ? line : NULL, BLANKS, &rest);
		if (ret_columns[i] == NULL)
			return false;
	}
	return true;
}

/* The kernel prints an address as numbers of 32 bits, each in the order of
 * bytes of this machine. */
static bool
parse_address(const char *hex, bool is_ipv6, char buf[INET6_ADDRSTRLEN])
{
	const size_t count = is_ipv6 ? WORDS : 1;
	uint32_t words[WORDS];
	size_t i;

	if (hex_decode(hex, (uint8_t *)words, count * sizeof(words[0])) != 0)
		return false;
	for (i = 0; i < count; i++)
		words[i] = ntohl(words[i]);
	return inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, words, buf,
	           INET6_ADDRSTRLEN) != NULL;
}

/* Does somebody listen there? */
static bool
parse_line(char *line, bool is_ipv6, uint16_t *ret_port,
    struct listener *ret_listener)
{
	char *columns[COLUMNS], *colon;
	uint8_t port[2];

	if (!split(line, columns) ||
	    strcmp(columns[COLUMN_STATE], LISTENING) != 0)
		return false;
	colon = strchr(columns[COLUMN_LOCAL], ':');
	if (colon == NULL || hex_decode(colon + 1, port, sizeof(port)) != 0)
		return false;
	*colon = '\0';
	*ret_port = (uint16_t)(port[0] << 8 | port[1]);
	ret_listener->is_ipv6 = is_ipv6;
	return parse_address(columns[COLUMN_LOCAL], is_ipv6,
	           ret_listener->address) &&
	    parse_u64(columns[COLUMN_INODE], UINT64_MAX,
	        &ret_listener->inode) == 0;
}

int
listeners_each(uint16_t port,
    int (*visit)(const struct listener *listener, void *arg), void *arg)
{
	static const char *const tables[] = { "/proc/net/tcp",
		"/proc/net/tcp6" };
	struct listener listener;
	char line[LINE_SIZE];
	uint16_t own;
	unsigned i;
	int r = 0;

	for (i = 0; i < 2; i++) {
		AUTO_FILE FILE *file = fopen(tables[i], "re");

		while (r == 0 && file != NULL &&
		    fgets(line, sizeof(line), file) != NULL)
			if (parse_line(line, i == 1, &own, &listener) &&
			    own == port)
				r = visit(&listener, arg);
	}
	return r;
}

/* ---- processes ---------------------------------------------------------- */

static void
cleanup_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

bool
listeners_has(pid_t pid, uint64_t inode)
{
	char path[PATH_SIZE], target[PATH_SIZE], wanted[PATH_SIZE];
	AUTO(cleanup_dir) DIR *dir = NULL;
	struct dirent *entry;
	ssize_t n;

	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), entry->d_name, target,
		    sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, wanted) == 0)
			return true;
	}
	return false;
}

pid_t
listeners_find(uint64_t inode)
{
	AUTO(cleanup_dir) DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint32_t pid;

	while (proc != NULL && (entry = readdir(proc)) != NULL)
		if (parse_u32(entry->d_name, INT32_MAX, &pid) == 0 &&
		    listeners_has((pid_t)pid, inode))
			return (pid_t)pid;
	return 0;
}

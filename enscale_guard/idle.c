/* See idle.h. It opens no terminal. */
#include <config.h>

#include "enscale_guard/idle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"

#define TTY_FIELD    7 /* of proc_pid_stat(5) */
#define NAME_FIELD   2
#define PTS_MAJOR    136
#define STAT_MAX     1024
#define NUMBER_BYTES 16

/* The device of the process' terminal; 0: none. */
static dev_t
find_terminal(pid_t pid)
{
	char path[sizeof("/proc/2147483647/stat")], line[STAT_MAX];
	AUTO_FILE FILE *file = NULL;
	char *at, *word = NULL;
	uint32_t number;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		return 0;
	at = strrchr(line, ')'); /* a name may have one, too */
	for (int field = NAME_FIELD; at != NULL && field <= TTY_FIELD; field++)
		word = strsep(&at, " ");
	if (word == NULL || parse_u32(word, UINT32_MAX, &number) != 0)
		return 0;
	return (dev_t)number;
}

int64_t
idle_seconds(const struct process *process)
{
	dev_t terminal = find_terminal(process->pid);
	char path[sizeof("/dev/pts/") + NUMBER_BYTES];
	struct stat st;
	time_t last;

	/* The start time, looked at last, says whose terminal that was. */
	if (terminal == 0 || major(terminal) != PTS_MAJOR ||
	    !process_is_alive(process))
		return ENS_E_NOTFOUND;
	snprintf(path, sizeof(path), "/dev/pts/%u", minor(terminal));
	if (stat(path, &st) < 0)
		return -errno;
	if (st.st_rdev != terminal)
		return ENS_E_NOTFOUND;
	last = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec
	                                             : st.st_mtim.tv_sec;
	last = time(NULL) - last;
	return last > 0 ? last : 0;
}

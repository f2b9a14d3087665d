/* For LD_PRELOAD: CLOCK_REALTIME with the seconds added that a file says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long
shift(void)
{
	char text[32] = "";
	int fd = open(getenv("SHIFT_FILE"), O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	return strtol(text, NULL, 10);
}

int
clock_gettime(clockid_t id, struct timespec *ret_time)
{
	long r = syscall(SYS_clock_gettime, id, ret_time);

	if (r == 0 && id == CLOCK_REALTIME)
		ret_time->tv_sec += shift();
	return (int)r;
}

time_t
time(time_t *ret_time)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time != NULL)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *ret_time, void *zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret_time->tv_sec = now.tv_sec;
	ret_time->tv_usec = now.tv_nsec / 1000;
	return 0;
}

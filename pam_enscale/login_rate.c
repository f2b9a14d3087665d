/* See login_rate.h. Two minutes are counted, and of the one before as much as
 * is within the last sixty seconds if it was spread evenly. */
#include <config.h>

#include "pam_enscale/login_rate.h"

#include <errno.h>
#include <fcntl.h>

#define MINUTE 60U

/* In the machine's own byte order: the file does not outlive a boot. */
struct place {
	uint32_t account;
	uint32_t minute; /* since boot */
	uint32_t count, before;
};

_Static_assert(sizeof(struct place) == 16, "places do not move");

static off_t
where(uint32_t account)
{
	return (off_t)(account % LOGIN_RATE_PLACES) *
	    (off_t)sizeof(struct place);
}

/* As it is in that minute. */
static int
read_place(int fd, uint32_t account, uint32_t minute, struct place *ret_place)
{
	struct place place = { 0 }, fresh = { account, minute, 0, 0 };

	if (pread(fd, &place, sizeof(place), where(account)) < 0)
		return -errno;
	if (place.account == account && place.minute == minute)
		fresh = place;
	else if (place.account == account && place.minute + 1 == minute)
		fresh.before = place.count;
	*ret_place = fresh;
	return 0;
}

int
login_rate_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

int
login_rate_count(int fd, uint32_t account, uint64_t seconds,
    uint32_t *ret_count)
{
	const uint64_t left = MINUTE - seconds % MINUTE;
	struct place place = { 0 };
	int r = read_place(fd, account, (uint32_t)(seconds / MINUTE), &place);

	/* Rounded up: it is never less than what there was. */
	if (r == 0)
		*ret_count = (uint32_t)(place.count +
		    ((uint64_t)place.before * left + MINUTE - 1) / MINUTE);
	return r;
}

int
login_rate_add(int fd, uint32_t account, uint64_t seconds)
{
	struct place place;
	ssize_t n;
	int r = read_place(fd, account, (uint32_t)(seconds / MINUTE), &place);

	if (r < 0)
		return r;
	place.count++;
	n = pwrite(fd, &place, sizeof(place), where(account));
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(place) ? 0 : -EIO;
}

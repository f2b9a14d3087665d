/*
 * Readers of the view, for test_sync_faults.py: each answer is checked against
 * what may be true at that moment. Account 1 has the number of a change as its
 * name; account 2 exists when that number is even. The file of bounds has the
 * number that was seen by a reader before (low) and the last one that the
 * directory was asked for (high).
 *
 *	view_reader VIEW BOUNDS many COUNT SECONDS	COUNT processes ask on
 *	view_reader VIEW BOUNDS once COUNT	COUNT at once ask once each
 *	view_reader VIEW BOUNDS low NUMBER	waits for it, and makes it low
 *	view_reader VIEW BOUNDS stop		stops itself inside a read
 */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "common/view/view.h"

struct bounds {
	unsigned long low, high;
};

struct asked {
	uint32_t number;
	int account, toggled; /* 0, ENS_E_NOTFOUND, or it cannot be told */
};

static const char *folder;
static struct bounds *bounds;

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned long
load(const unsigned long *from)
{
	return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}

/* Both from one view, which is one moment. */
static struct asked
ask(const struct view *view)
{
	struct asked asked = { 0 };
	struct account_record account;

	asked.account = view_find_account(view, 1, &account);
	if (asked.account == 0 &&
	    parse_u32(account.name, UINT32_MAX, &asked.number) != 0)
		asked.number = UINT32_MAX; /* no change has that one */
	asked.toggled = view_find_account(view, 2, &account);
	return asked;
}

static int
judge(struct asked asked, unsigned long low, unsigned long high)
{
	if (asked.account != 0 || asked.number < low || asked.number > high) {
		printf("error %d, %u of %lu to %lu\n", asked.account,
		    asked.number, low, high);
		return 1;
	}
	/* The two are two changes: the first may be seen without the other. */
	if (asked.toggled != 0 && asked.toggled != ENS_E_NOTFOUND) {
		printf("cannot tell: %d\n", asked.toggled);
		return 1;
	}
	if (low == high && (asked.toggled == 0) != (asked.number % 2 == 0)) {
		printf("account 2 at %u: %d\n", asked.number, asked.toggled);
		return 1;
	}
	return 0;
}

static int
ask_once(void)
{
	unsigned long low = load(&bounds->low);
	struct view *view;
	struct asked asked;
	int r = view_open(folder, &view);

	if (r != 0) {
		printf("no view: %d\n", r);
		return 1;
	}
	asked = ask(view);
	r = judge(asked, low, load(&bounds->high));
	view_close(view);
	return r;
}

static int
ask_on(double seconds)
{
	double end = now() + seconds, worst = 0;
	unsigned long count = 0;

	while (now() < end) {
		double begin = now();

		if (ask_once() != 0)
			return 1;
		if (now() - begin > worst)
			worst = now() - begin;
		count++;
		(void)usleep(50000);
	}
	printf("%lu %f\n", count, worst);
	return 0;
}

/* All begin when the pipe is closed. */
static int
ask_together(uint32_t count, uint32_t seconds)
{
	int gate[2], status, failed = 0;

	if (pipe(gate) != 0)
		return 1;
	for (uint32_t i = 0; i < count; i++) {
		char byte;

		switch (fork()) {
		case -1:
			return 1;
		case 0:
			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0)
				exit(1);
			exit(seconds > 0 ? ask_on(seconds) : ask_once());
		default:
			break;
		}
	}
	close(gate[1]);
	while (wait(&status) > 0)
		failed += status != 0;
	return failed != 0;
}

static int
raise_low(uint32_t number)
{
	double end = now() + 20;

	while (now() < end) {
		struct view *view;
		struct asked asked = { .account = 1 };

		if (view_open(folder, &view) == 0) {
			asked = ask(view);
			view_close(view);
		}
		if (asked.account == 0 && asked.number == number &&
		    (asked.toggled == 0) == (number % 2 == 0)) {
			__atomic_store_n(&bounds->low, number,
			    __ATOMIC_SEQ_CST);
			return 0;
		}
		(void)usleep(2000);
	}
	printf("%u does not come\n", number);
	return 1;
}

/* What it held is as right as it was, and what it opens then is of now. */
static int
stop_inside(void)
{
	unsigned long low = load(&bounds->low), high = load(&bounds->high);
	struct view *view;

	if (view_open(folder, &view) != 0)
		return 1;
	(void)raise(SIGSTOP);
	if (judge(ask(view), low, high) != 0 || view_is_current(view))
		return 1;
	view_close(view);
	return ask_once();
}

int
main(int argc, char **argv)
{
	uint32_t number = 0, seconds = 0;
	int fd = argc < 4 ? -1 : open(argv[2], O_RDWR | O_CLOEXEC);

	folder = argc < 4 ? "" : argv[1];
	bounds = mmap(NULL, sizeof(*bounds), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	if (bounds == MAP_FAILED)
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if ((argc > 4 && parse_u32(argv[4], INT32_MAX, &number) != 0) ||
	    (argc > 5 && parse_u32(argv[5], INT32_MAX, &seconds) != 0))
		return 2;
	if (strcmp(argv[3], "many") == 0 && argc == 6)
		return ask_together(number, seconds);
	if (strcmp(argv[3], "once") == 0 && argc == 5)
		return ask_together(number, 0);
	if (strcmp(argv[3], "low") == 0 && argc == 5)
		return raise_low(number);
	return strcmp(argv[3], "stop") == 0 ? stop_inside() : 2;
}

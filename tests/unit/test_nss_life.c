/*
 * What a process lives through with the NSS module in it: descriptors,
 * chroot, maps that are replaced, threads, forks, and millions of questions.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "tests/unit/nss_fixture.h"

#define QUESTIONS (OWN_SPACE ? 100000 : 10000000)

/* ---- descriptors and roots --------------------------------------------- */

static int
asked_before(void)
{
	struct rlimit limit;
	struct answer answer;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	ask_name(&answer, "227028-25880");
	CHECK(is_entry(&answer, "227028-25880", 25880));
	return 0;
}

static void
who_has_asked_before_needs_no_descriptor(void **state)
{
	(void)state;
	in_a_child(asked_before);
}

static int
closed_standard_descriptors(void)
{
	struct answer answer;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	for (int fd = 0; fd < 16; fd++)
		CHECK(fd > 2 || fcntl(fd, F_GETFD) == -1);
	return 0;
}

static void
no_descriptor_is_left_behind(void **state)
{
	(void)state;
	in_a_child(closed_standard_descriptors);
}

static int
chroot_first(void)
{
	struct answer answer;

	CHECK(chroot("root") == 0 && chdir("/") == 0);
	ask_name(&answer, "25880");
	CHECK(answered(&answer, NSS_STATUS_UNAVAIL, ENOENT));
	return 0;
}

static int
chroot_later(void)
{
	struct answer answer;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	CHECK(chroot("root") == 0 && chdir("/") == 0);
	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	return 0;
}

static void
a_chroot_without_the_map_crashes_nobody(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("root", 0700), 0);
	in_a_child(chroot_first);
	in_a_child(chroot_later);
	assert_int_equal(rmdir("root"), 0);
}

/* ---- replaced maps ----------------------------------------------------- */

/* Makes the map of this process the one of another uid_base. */
static int
replace_map(uint32_t uid_base)
{
	struct account_map_writer *writer = NULL;
	bool replaced = false;
	int r;

	r = account_map_create(ENS_NSS_MAP_FILE, uid_base, 0, &writer,
	    &replaced);
	if (r == 0)
		r = account_map_set(writer, 25880, true);
	account_map_writer_close(writer);
	return r;
}

static int
mappings(void)
{
	AUTO_FILE FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_MAX + 128];
	int count = 0;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		count += strstr(line, ENS_NSS_MAP_FILE) != NULL;
	return count;
}

static int
replaced_often(void)
{
	struct answer answer;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	for (uint32_t i = 1; i <= 40; i++) {
		CHECK(replace_map(BASE - i * 4096) == 0);
		for (int again = 0; again < 3; again++) {
			ask_name(&answer, "25880");
			CHECK(succeeded(&answer));
			CHECK(answer.pw.pw_uid == BASE - i * 4096 + 25880);
			ask_name(&answer, "21296");
			CHECK(not_found(&answer));
		}
		CHECK(mappings() <= 17);
	}
	return 0;
}

static void
a_replaced_map_gives_the_new_answer(void **state)
{
	(void)state;
	in_a_child(replaced_often);
}

static int
between_retired_and_replaced(void)
{
	struct answer answer;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	CHECK(overwrite(offsetof(struct account_map_header, flags),
	          ACCOUNT_MAP_RETIRED) == 0);
	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	CHECK(unlink(ENS_NSS_MAP_FILE) == 0);
	ask_name(&answer, "25880");
	CHECK(answered(&answer, NSS_STATUS_UNAVAIL, ENOENT));
	CHECK(replace_map(BASE - 4096) == 0);
	ask_name(&answer, "25880");
	CHECK(succeeded(&answer) && answer.pw.pw_uid == BASE - 4096 + 25880);
	return 0;
}

static void
a_map_being_replaced_still_answers(void **state)
{
	(void)state;
	in_a_child(between_retired_and_replaced);
}

/* ---- threads, forks, and long lives ------------------------------------ */

static bool ended; /* atomic */

static void *
ask_on(void *arg)
{
	struct answer *answer = arg;
	uint32_t base;

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		sched_yield(); /* so many would let nobody else run */
		ask_name(answer, "25880");
		if (not_found(answer))
			continue; /* a new map that is not filled yet */
		base = answer->pw.pw_uid - 25880;
		if (!succeeded(answer) || base > BASE ||
		    base < BASE - 30 * 4096 || base % 4096 != 0)
			return arg;
		ask_uid(answer, base + 25880);
		if (!succeeded(answer) && !not_found(answer))
			return arg;
	}
	return NULL;
}

#define THREADS 100

static int
threads(void)
{
	static struct answer answers[THREADS];
	struct answer answer;
	pthread_t ids[THREADS];
	void *failed;

	ask_name(&answer, "25880");
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&ids[i], NULL, ask_on, &answers[i]) == 0);
	for (uint32_t i = 1; i <= 20; i++) {
		int status;
		pid_t pid;

		CHECK(replace_map(BASE - i * 4096) == 0);
		pid = fork();
		if (pid == 0) {
			ask_name(&answer, "25880");
			_exit(!succeeded(&answer) ||
			    answer.pw.pw_uid != BASE - i * 4096 + 25880);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(ids[i], &failed) == 0);
		CHECK(failed == NULL);
	}
	return 0;
}

static void
threads_and_forks_share_the_map_without_a_lock(void **state)
{
	(void)state;
	in_a_child(threads);
}

/*
 * Linked in place of account_map_open() (--wrap): whoever has opened the map
 * waits for all the others, so that each has one of its own to offer.
 */
static pthread_barrier_t meeting;
static bool meet; /* set before there are threads */

int __real_account_map_open(const char *path,
    const struct account_map **ret_map);
int __wrap_account_map_open(const char *path,
    const struct account_map **ret_map);

int
__wrap_account_map_open(const char *path, const struct account_map **ret_map)
{
	int r = __real_account_map_open(path, ret_map);

	if (meet)
		pthread_barrier_wait(&meeting);
	return r;
}

static void *
ask_once(void *arg)
{
	struct answer *answer = arg;

	ask_name(answer, "25880");
	return is_entry(answer, "25880", 25880) ? NULL : arg;
}

static int
first_questions_at_once(void)
{
	static struct answer answers[THREADS];
	pthread_t ids[THREADS];
	void *failed;

	CHECK(pthread_barrier_init(&meeting, NULL, THREADS) == 0);
	meet = true;
	for (int i = 0; i < THREADS; i++)
		CHECK(
		    pthread_create(&ids[i], NULL, ask_once, &answers[i]) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(ids[i], &failed) == 0);
		CHECK(failed == NULL);
	}
	CHECK(mappings() == 1);
	return 0;
}

static void
the_first_questions_of_many_threads_leave_one_mapping(void **state)
{
	(void)state;
	in_a_child(first_questions_at_once);
}

/* Pages of this process, as proc_pid_statm(5) counts them; 0: not known. */
static uint32_t
pages(void)
{
	AUTO_FILE FILE *file = fopen("/proc/self/statm", "r");
	char line[256];
	uint32_t count = 0;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		return 0;
	line[strcspn(line, " ")] = '\0';
	return parse_u32(line, UINT32_MAX, &count) == 0 ? count : 0;
}

static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static int
many_questions(void)
{
	struct answer answer;
	uint32_t size;
	int open_before;

	ask_name(&answer, "25880");
	CHECK(mappings() == 1);
	size = pages();
	open_before = descriptors();
	for (int i = 0; i < QUESTIONS; i++) {
		ask_name(&answer, i % 2 == 0 ? "25880" : "25881");
		CHECK(i % 2 == 0 ? succeeded(&answer) : not_found(&answer));
	}
	CHECK(mappings() == 1);
	CHECK(descriptors() == open_before);
	CHECK(OWN_SPACE || (size != 0 && pages() == size));
	return 0;
}

static void
a_long_life_grows_nothing(void **state)
{
	(void)state;
	in_a_child(many_questions);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_asked_before_needs_no_descriptor),
		TEST(no_descriptor_is_left_behind),
		TEST(a_chroot_without_the_map_crashes_nobody),
		TEST(a_replaced_map_gives_the_new_answer),
		TEST(a_map_being_replaced_still_answers),
		TEST(threads_and_forks_share_the_map_without_a_lock),
		TEST(the_first_questions_of_many_threads_leave_one_mapping),
		TEST(a_long_life_grows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/protocol/session_registry.h"

static char folder[] = "/tmp/test_session_registry.XXXXXX";
static int dir_fd;

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

/* The name of its record. */
static const char *
name_of(const struct session *session)
{
	static char name[64];

	snprintf(name, sizeof(name), "%u.%s", session->account, session->id);
	return name;
}

static int
remove_one(const struct session *session, void *arg)
{
	(void)arg;
	return session_remove(dir_fd, session->account, session->id);
}

static int
empty_folder(void **state)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	(void)state;
	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unlinkat(dir_fd, entry->d_name, 0);
	}
	return closedir(dir);
}

static int
remove_folder(void **state)
{
	char lock[sizeof(folder) + 8];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", folder);
	unlink(lock);
	close(dir_fd);
	return rmdir(folder);
}

static struct session
make_session(uint32_t account)
{
	struct session session = { .account = account,
		.node = 124718,
		.uid = 0x70000000 + account,
		.address = "2001:db8::1",
		.monitor = getpid(),
		.opened = 1763850000 };

	assert_int_equal(session_id_make(session.id), 0);
	for (size_t i = 0; i < SHA256_LEN; i++)
		session.fingerprint[i] = (uint8_t)(255 - i);
	assert_int_equal(
	    process_stat(session.monitor, &session.monitor_start, NULL), 0);
	return session;
}

static void
assert_same(const struct session *a, const struct session *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->account, b->account);
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->uid, b->uid);
	assert_memory_equal(a->fingerprint, b->fingerprint, SHA256_LEN);
	assert_string_equal(a->address, b->address);
	assert_int_equal(a->monitor, b->monitor);
	assert_true(a->monitor_start == b->monitor_start);
	assert_true(a->opened == b->opened);
}

static void
ids_are_valid_and_never_the_same(void **state)
{
	char a[SESSION_ID_LEN + 1], b[SESSION_ID_LEN + 1];

	(void)state;
	assert_int_equal(session_id_make(a), 0);
	assert_int_equal(session_id_make(b), 0);
	assert_true(session_id_is_valid(a));
	assert_true(session_id_is_valid(b));
	assert_string_not_equal(a, b);
	assert_false(session_id_is_valid(""));
	assert_false(session_id_is_valid("abcdefghij23456"));
	assert_false(session_id_is_valid("abcdefghij2345677"));
	assert_false(session_id_is_valid("Abcdefghij234567"));
	assert_false(session_id_is_valid("abcdefghij234561"));
	assert_false(session_id_is_valid("../../etc/passwd"));
	assert_false(session_id_is_valid(".bcdefghij234567"));
}

static void
a_published_session_reads_back_as_it_was(void **state)
{
	struct session session = make_session(25880), again;
	struct stat st;

	(void)state;
	umask(077);
	assert_int_equal(session_publish(dir_fd, &session), 0);
	assert_int_equal(session_read(dir_fd, name_of(&session), &again), 0);
	assert_same(&session, &again);
	assert_int_equal(fstatat(dir_fd, name_of(&session), &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(session_is_alive(&again));
	assert_int_equal(session_remove(dir_fd, 25880, session.id), 0);
	assert_int_equal(session_read(dir_fd, name_of(&session), &again),
	    ENS_E_NOTFOUND);
	assert_int_equal(session_remove(dir_fd, 25880, session.id), 0);
}

static void
an_id_is_published_once(void **state)
{
	struct session session = make_session(25880), other = session, again;

	(void)state;
	other.node = 124718;
	assert_int_equal(session_publish(dir_fd, &session), 0);
	assert_int_equal(session_publish(dir_fd, &other), -EEXIST);
	assert_int_equal(session_read(dir_fd, name_of(&session), &again), 0);
	assert_same(&session, &again);
	assert_int_equal(session_count(dir_fd, 25880), 1);
	/* Nothing temporary stays behind. */
	assert_int_equal(session_remove(dir_fd, 25880, session.id), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	close(dir_fd);
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
}

static void
names_that_are_no_records_are_never_opened(void **state)
{
	static const char *const names[] = { "", ".", "..", "abcdefghij234567",
		".abcdefghij234567", "0.abcdefghij234567",
		"025880.abcdefghij234567", "25880.abcdefghij23456",
		"25880.abcdefghij2345678", "25880.abcdefghij23456/",
		"25880.ABCDEFGHIJ234567", "1000000000.abcdefghij234567",
		"268435456.abcdefghij234567", "25880-abcdefghij234567",
		".abcdefghij234567~", "../../etc/passwd" };
	struct session session = make_session(25880);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(session_name_account(names[i]), 0);
		assert_int_equal(session_read(dir_fd, names[i], &session),
		    ENS_E_NOTFOUND);
	}
	assert_int_equal(session_name_account(name_of(&session)), 25880);
	assert_string_equal(session_name_id(name_of(&session)), session.id);
	assert_int_equal(session_remove(dir_fd, 25880, "../../etc/passwd"),
	    ENS_E_SYNTAX);
	memcpy(session.id, "../../../tmp/abc", sizeof(session.id));
	assert_int_equal(session_publish(dir_fd, &session), ENS_E_SYNTAX);
	session = make_session(25880);
	memcpy(session.address, "1.2.3.4\nnode 1", sizeof("1.2.3.4\nnode 1"));
	assert_int_equal(session_publish(dir_fd, &session), ENS_E_SYNTAX);
	session = make_session(0);
	assert_int_equal(session_publish(dir_fd, &session), ENS_E_SYNTAX);
}

static void
write_file(const char *name, const char *text, size_t len)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static ssize_t
read_file(const char *name, char *buf, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY);
	ssize_t n = read(fd, buf, size);

	close(fd);
	return n;
}

static void
cut_and_flipped_records_are_never_another_session(void **state)
{
	struct session session = make_session(25880), again;
	char text[SESSION_FILE_MAX], copy[SESSION_FILE_MAX];
	ssize_t len;
	int r;

	(void)state;
	assert_int_equal(session_publish(dir_fd, &session), 0);
	len = read_file(name_of(&session), text, sizeof(text));
	assert_true(len > 0);
	for (ssize_t n = 0; n < len; n++) {
		write_file(name_of(&session), text, (size_t)n);
		r = session_read(dir_fd, name_of(&session), &again);
		assert_true(r == ENS_E_CORRUPT || r == ENS_E_VERSION);
	}
	for (ssize_t bit = 0; bit < len * 8; bit++) {
		memcpy(copy, text, (size_t)len);
		copy[bit / 8] ^= (char)(1 << bit % 8);
		write_file(name_of(&session), copy, (size_t)len);
		r = session_read(dir_fd, name_of(&session), &again);
		if (r == 0)
			assert_string_equal(again.id, session.id);
		else
			assert_true(r == ENS_E_CORRUPT || r == ENS_E_VERSION);
	}
	copy[len] = 'x';
	memcpy(copy, text, (size_t)len);
	write_file(name_of(&session), copy, (size_t)len + 1);
	assert_int_equal(session_read(dir_fd, name_of(&session), &again),
	    ENS_E_CORRUPT);
	memcpy(copy, "enscale-session 2\n", 18);
	write_file(name_of(&session), copy, (size_t)len);
	assert_int_equal(session_read(dir_fd, name_of(&session), &again),
	    ENS_E_VERSION);
	session_remove(dir_fd, 25880, session.id);
}

static void
a_record_under_another_name_is_corrupt(void **state)
{
	struct session session = make_session(25880), other, again;
	char name[64];

	(void)state;
	assert_int_equal(session_publish(dir_fd, &session), 0);
	snprintf(name, sizeof(name), "%s", name_of(&session));
	for (int i = 0; i < 2; i++) {
		other = session;
		if (i == 0)
			assert_int_equal(session_id_make(other.id), 0);
		else
			other.account = 21296;
		assert_int_equal(
		    renameat(dir_fd, name, dir_fd, name_of(&other)), 0);
		snprintf(name, sizeof(name), "%s", name_of(&other));
		assert_int_equal(session_read(dir_fd, name, &again),
		    ENS_E_CORRUPT);
	}
	assert_int_equal(session_remove(dir_fd, 21296, other.id), 0);
}

static void
links_and_fifos_are_not_followed(void **state)
{
	static const char id[] = "abcdefghij234567";
	static const char name[] = "25880.abcdefghij234567";
	struct session session;
	uint32_t broken = 0;

	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", dir_fd, name), 0);
	assert_int_equal(session_read(dir_fd, name, &session), -ELOOP);
	session_remove(dir_fd, 25880, id);
	assert_int_equal(mkfifoat(dir_fd, name, 0600), 0);
	assert_int_equal(session_read(dir_fd, name, &session), ENS_E_CORRUPT);
	assert_int_equal(session_each(dir_fd, 0, remove_one, NULL, &broken), 0);
	assert_int_equal(broken, 1);
	session_remove(dir_fd, 25880, id);
}

/* Those of the others are not even opened: thousands cost a readdir(3). */
static void
only_the_records_of_the_account_are_read(void **state)
{
	struct session session = make_session(25880);
	struct session longer = make_session(258801);
	uint32_t broken = 0;

	(void)state;
	assert_int_equal(session_publish(dir_fd, &session), 0);
	assert_int_equal(session_publish(dir_fd, &longer), 0);
	assert_int_equal(mkfifoat(dir_fd, "2588.abcdefghij234567", 0600), 0);
	assert_int_equal(session_count(dir_fd, 25880), 1);
	assert_int_equal(session_count(dir_fd, 258801), 1);
	assert_int_equal(session_count(dir_fd, 25), 0);
	assert_int_equal(session_each(dir_fd, 25880, remove_one, NULL, &broken),
	    0);
	assert_int_equal(broken, 0);
	assert_int_equal(session_count(dir_fd, 25880), 0);
	assert_int_equal(session_count(dir_fd, 258801), 1);
}

/* A child that waits to be killed; its name is made to mislead. */
static pid_t
start_child(const char *name)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
only_sessions_whose_monitor_lives_count(void **state)
{
	struct session mine = make_session(25880), other = make_session(21296),
	               dead = make_session(25880), reused;
	int status;

	(void)state;
	dead.monitor = start_child("sleeper");
	assert_int_equal(process_stat(dead.monitor, &dead.monitor_start, NULL),
	    0);
	reused = dead;
	assert_int_equal(session_id_make(reused.id), 0);
	reused.monitor_start--; /* the pid is somebody else's by now */
	assert_int_equal(session_publish(dir_fd, &mine), 0);
	assert_int_equal(session_publish(dir_fd, &other), 0);
	assert_int_equal(session_publish(dir_fd, &dead), 0);
	assert_int_equal(session_publish(dir_fd, &reused), 0);
	assert_int_equal(session_count(dir_fd, 25880), 2);
	kill(dead.monitor, SIGKILL);
	/* Dead and not yet waited for: gone all the same. */
	while (session_is_alive(&dead))
		usleep(1000);
	assert_int_equal(session_count(dir_fd, 25880), 1);
	assert_int_equal(waitpid(dead.monitor, &status, 0), dead.monitor);
	assert_int_equal(process_stat(dead.monitor, NULL, NULL), -ESRCH);
	assert_int_equal(session_count(dir_fd, 25880), 1);
	assert_int_equal(session_count(dir_fd, 21296), 1);
	assert_int_equal(session_count(dir_fd, 1), 0);
}

static void *
run_on(void *arg)
{
	while (pause() != 0)
		;
	return arg;
}

static void
a_process_lives_as_long_as_one_of_its_threads(void **state)
{
	char path[32], text[64] = "";
	pthread_t thread;
	pid_t pid = fork();
	FILE *file;

	(void)state;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, run_on, NULL) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (strstr(text, ") Z ") == NULL) {
		file = fopen(path, "re");
		assert_non_null(file);
		assert_non_null(fgets(text, sizeof(text), file));
		fclose(file);
	}
	assert_int_equal(process_stat(pid, NULL, NULL), 0);
	kill(pid, SIGKILL);
	while (process_stat(pid, NULL, NULL) == 0)
		usleep(1000);
	assert_int_equal(process_stat(pid, NULL, NULL), -ESRCH);
	waitpid(pid, NULL, 0);
}

static void
a_misleading_process_name_misleads_nobody(void **state)
{
	pid_t pid = start_child("x) S 1 (y"), parent = 0;
	uint64_t start = 0;

	(void)state;
	assert_int_equal(process_stat(pid, &start, &parent), 0);
	assert_int_equal(parent, getpid());
	assert_true(start > 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_stat(0, NULL, NULL), -ESRCH);
	assert_int_equal(process_stat(-1, NULL, NULL), -ESRCH);
}

static int
stop_at_second(const struct session *session, void *arg)
{
	(void)session;
	return ++*(int *)arg == 2 ? -7 : 0;
}

static void
the_walk_passes_over_what_is_broken_and_stops_when_told(void **state)
{
	uint32_t broken = 0;
	int seen = 0;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		struct session session = make_session(i);

		assert_int_equal(session_publish(dir_fd, &session), 0);
	}
	write_file("7.abcdefghij234567", "rubbish", 7);
	write_file(".abcdefghij234567~", "half", 4);
	assert_int_equal(
	    session_each(dir_fd, 0, stop_at_second, &seen, &broken), -7);
	assert_int_equal(seen, 2);
	seen = 10;
	assert_int_equal(
	    session_each(dir_fd, 0, stop_at_second, &seen, &broken), 0);
	assert_int_equal(seen, 13);
	assert_int_equal(broken, 1);
	unlinkat(dir_fd, "7.abcdefghij234567", 0);
	unlinkat(dir_fd, ".abcdefghij234567~", 0);
}

static void
a_monitor_that_cannot_be_looked_at_lives(void **state)
{
	struct session session = make_session(25880);
	struct rlimit limit, none;
	bool is_alive;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	is_alive = session_is_alive(&session);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(is_alive);
}

static uint32_t
count_files(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	uint32_t count = 0;

	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

/* The signal comes in the middle of the record: no file may be that long. */
static void
who_is_killed_while_it_writes_leaves_nothing(void **state)
{
	const struct rlimit short_files = { 20, 20 };
	const struct rlimit no_core = { 0, 0 };
	struct session session = make_session(25880);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGXFSZ, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		setrlimit(RLIMIT_FSIZE, &short_files);
		_exit(session_publish(dir_fd, &session) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_files(), 0);
}

static void
whoever_reads_the_folder_cannot_hold_a_login_up(void **state)
{
	char path[sizeof(folder) + 8];
	struct stat st;
	int lock;

	(void)state;
	assert_int_equal(flock(dir_fd, LOCK_EX | LOCK_NB), 0);
	lock = session_lock(folder);
	assert_true(lock >= 0);
	assert_int_equal(flock(dir_fd, LOCK_UN), 0);
	close(lock);
	snprintf(path, sizeof(path), "%s.lock", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
a_lock_that_is_held_times_out(void **state)
{
	int lock = session_lock(folder);
	time_t start = time(NULL);

	(void)state;
	assert_true(lock >= 0);
	assert_int_equal(session_lock(folder), -ETIMEDOUT);
	assert_true(time(NULL) - start >= 4);
	close(lock);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, empty_folder)
	const struct CMUnitTest tests[] = {
		TEST(ids_are_valid_and_never_the_same),
		TEST(a_published_session_reads_back_as_it_was),
		TEST(an_id_is_published_once),
		TEST(names_that_are_no_records_are_never_opened),
		TEST(cut_and_flipped_records_are_never_another_session),
		TEST(a_record_under_another_name_is_corrupt),
		TEST(links_and_fifos_are_not_followed),
		TEST(only_the_records_of_the_account_are_read),
		TEST(only_sessions_whose_monitor_lives_count),
		TEST(a_process_lives_as_long_as_one_of_its_threads),
		TEST(a_misleading_process_name_misleads_nobody),
		TEST(the_walk_passes_over_what_is_broken_and_stops_when_told),
		TEST(a_monitor_that_cannot_be_looked_at_lives),
		TEST(who_is_killed_while_it_writes_leaves_nothing),
		TEST(whoever_reads_the_folder_cannot_hold_a_login_up),
		TEST(a_lock_that_is_held_times_out),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

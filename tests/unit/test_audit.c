/* The audit log on a disk that fills up: whole lines or none. A limit on the
 * size of files does what a full disk does, a short write and then an error. */
#include <config.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_guard/audit.h"

#define LINES 8

static char path[64];
static struct audit *audit;
static char *lines[LINES];

static int
set_up(void **state)
{
	int fd;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/enscale-audit-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return audit_open(path, &audit);
}

static int
append_only(int on)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), flags = 0, r;

	r = ioctl(fd, FS_IOC_GETFLAGS, &flags);
	if (r == 0) {
		flags = on ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
		r = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
	return r;
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < LINES; i++) {
		free(lines[i]);
		lines[i] = NULL;
	}
	append_only(0);
	audit_close(audit);
	return unlink(path);
}

static void
limit_size(off_t more)
{
	struct rlimit limit;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = more < 0 ? limit.rlim_max
	                          : (rlim_t)(st.st_size + more);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The file's lines, without their ends; the last one has to have one. */
static int
read_lines(void)
{
	FILE *file = fopen(path, "re");
	size_t size;
	ssize_t len;
	int count = 0;

	while (count < LINES &&
	    (size = 0, len = getline(&lines[count], &size, file)) > 0) {
		assert_int_equal(lines[count][len - 1], '\n');
		lines[count++][len - 1] = '\0';
	}
	fclose(file);
	return count;
}

static void
expect_event(int line, const char *event)
{
	json_t *object = json_loads(lines[line], 0, NULL);

	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "event")),
	    event);
	json_decref(object);
}

static void
a_full_disk_leaves_no_part_of_a_line(void **state)
{
	(void)state;
	audit_event(audit, "session-seen", NULL, NULL);
	limit_size(10);
	audit_event(audit, "hop-started", NULL, NULL);
	audit_event(audit, "hop-ended", NULL, NULL);
	limit_size(-1);
	audit_event(audit, "session-ended", NULL, NULL);
	assert_int_equal(read_lines(), 2);
	expect_event(0, "session-seen");
	expect_event(1, "session-ended");
}

static void
where_a_part_has_to_stay_the_next_line_begins_anew(void **state)
{
	(void)state;
	audit_event(audit, "session-seen", NULL, NULL);
	if (append_only(1) != 0)
		skip();
	limit_size(10);
	audit_event(audit, "hop-started", NULL, NULL);
	limit_size(-1);
	audit_event(audit, "hop-ended", NULL, NULL);
	audit_event(audit, "session-ended", NULL, NULL);
	assert_int_equal(read_lines(), 4);
	expect_event(0, "session-seen");
	assert_int_equal(strlen(lines[1]), 10);
	expect_event(2, "hop-ended");
	expect_event(3, "session-ended");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_leaves_no_part_of_a_line),
		TEST(where_a_part_has_to_stay_the_next_line_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

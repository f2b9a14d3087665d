/* Who entered an owner's environments: told to the owner, and to nobody else. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "enscale_guard/visits.h"
#include "guard_fixture.h"

#define GUEST       21296U
#define OTHER_GUEST 25881U

static char dir[] = "/tmp/enscale-visits-XXXXXX";
static struct visits *visits;
static const struct hop_what command = { .command = "ls -l" };
static const struct process gone = { .pid = 999999, .start = 1 };

static int
set_up(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	return visits_open(dir, &visits);
}

static int
tear_down(void **state)
{
	char line[64];

	(void)state;
	visits_close(visits);
	snprintf(line, sizeof(line), "rm -r %s", dir);
	return system(line) == 0 ? 0 : -1;
}

static void
begin_as(uint32_t account, const char *environment, uint32_t owner,
    const struct hop_what *what, const struct process *ssh)
{
	const struct node_place place = { .environment = environment,
		.owner = owner };
	struct session session = guard_fixture_session();

	session.account = account;
	visits_begin(visits, &session, NODE, &place, what, ssh);
}

static void
begin(const char *environment, uint32_t owner, const struct process *ssh)
{
	begin_as(GUEST, environment, owner, &command, ssh);
}

static void
end(uint32_t owner, const struct process *ssh, uint32_t exit)
{
	struct session session = guard_fixture_session();

	visits_end(visits, &session, owner, ssh, 61, exit);
}

static const char *
text_of(const json_t *list, size_t i, const char *name)
{
	return json_string_value(
	    json_object_get(json_array_get(list, i), name));
}

static json_int_t
number_of(const json_t *list, size_t i, const char *name)
{
	return json_integer_value(
	    json_object_get(json_array_get(list, i), name));
}

static void
an_owner_sees_who_entered_and_how_it_ended(void **state)
{
	json_t *list;

	(void)state;
	begin("cool-waterfall-59", OWNER, &gone);
	end(OWNER, &gone, 8);
	list = visits_list(visits, OWNER, NULL);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(number_of(list, 0, "account"), GUEST);
	assert_int_equal(number_of(list, 0, "node"), NODE);
	assert_string_equal(text_of(list, 0, "environment"),
	    "cool-waterfall-59");
	assert_string_equal(text_of(list, 0, "address"), ADDRESS);
	assert_string_equal(text_of(list, 0, "command"), "ls -l");
	assert_int_equal(number_of(list, 0, "seconds"), 61);
	assert_int_equal(number_of(list, 0, "exit"), 7);
	assert_true(number_of(list, 0, "time") > 0);
	/* A session's id is its user's. */
	assert_null(json_object_get(json_array_get(list, 0), "visit"));
	assert_null(json_object_get(json_array_get(list, 0), "session"));
	json_decref(list);
}

static void
nobody_else_sees_it(void **state)
{
	json_t *list;

	(void)state;
	begin("cool-waterfall-59", OWNER, &gone);
	begin("nobodys-9", 0, &gone);
	list = visits_list(visits, GUEST, NULL);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	list = visits_list(visits, GUEST, "cool-waterfall-59");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	list = visits_list(visits, OWNER, "nobodys-9");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void
one_environment_is_shown_alone(void **state)
{
	const struct process other = { .pid = 999998, .start = 1 };
	json_t *list;

	(void)state;
	begin("cool-waterfall-59", OWNER, &gone);
	begin("env-3344147", OWNER, &other);
	end(OWNER, &gone, 0);
	end(OWNER, &other, 0);
	list = visits_list(visits, OWNER, "env-3344147");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(list, 0, "environment"), "env-3344147");
	assert_null(json_object_get(json_array_get(list, 0), "exit"));
	json_decref(list);
}

static void
who_is_inside_is_told_apart_from_whose_end_nobody_saw(void **state)
{
	struct process self;
	json_t *list;

	(void)state;
	assert_int_equal(process_find(getpid(), &self), 0);
	begin("cool-waterfall-59", OWNER, &gone);
	begin("cool-waterfall-59", OWNER, &self);
	list = visits_list(visits, OWNER, NULL);
	assert_int_equal(json_array_size(list), 2);
	assert_true(
	    json_is_false(json_object_get(json_array_get(list, 0), "inside")));
	assert_true(
	    json_is_true(json_object_get(json_array_get(list, 1), "inside")));
	assert_null(json_object_get(json_array_get(list, 0), "seconds"));
	json_decref(list);
}

static off_t
size_of(const char *name)
{
	char path[128];
	FILE *file;
	off_t size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	fseeko(file, 0, SEEK_END);
	size = ftello(file);
	fclose(file);
	return size;
}

static void
it_does_not_grow_without_end_and_keeps_the_latest(void **state)
{
	struct process ssh = { .start = 1 };
	json_t *list;
	size_t count;

	(void)state;
	for (pid_t pid = 1000000; pid < 1006000; pid++) {
		ssh.pid = pid;
		begin("cool-waterfall-59", OWNER, &ssh);
		end(OWNER, &ssh, 1);
	}
	assert_in_range(size_of("25880"), VISITS_FILE_MAX / 2, VISITS_FILE_MAX);
	assert_int_equal(size_of("25880.new"), -1);
	list = visits_list(visits, OWNER, NULL);
	count = json_array_size(list);
	assert_in_range(count, 500, 5999);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(number_of(list, i, "seconds"), 61);
	json_decref(list);
	assert_in_range(visits_cost(visits, OWNER), 8, 16);
	assert_int_equal(visits_cost(visits, GUEST), 0);
}

static void
who_comes_often_pushes_out_nobody_else(void **state)
{
	struct process self, ssh = { .start = 1 };
	struct hop_what what = { .terminal = false };
	json_t *list;
	size_t count;

	(void)state;
	memset(what.command, 'x', AUDIT_COMMAND_MAX);
	assert_int_equal(process_find(getpid(), &self), 0);
	begin("cool-waterfall-59", OWNER, &self); /* the guest is inside */
	begin_as(OTHER_GUEST, "cool-waterfall-59", OWNER, &command, &gone);
	end(OWNER, &gone, 1);
	for (pid_t pid = 1000000; pid < 1003000; pid++) {
		ssh.pid = pid;
		begin_as(GUEST, "cool-waterfall-59", OWNER, &what, &ssh);
		end(OWNER, &ssh, 1);
	}
	list = visits_list(visits, OWNER, NULL);
	count = json_array_size(list);
	assert_in_range(count, 400, 2000);
	assert_true(
	    json_is_true(json_object_get(json_array_get(list, 0), "inside")));
	assert_int_equal(number_of(list, 1, "account"), OTHER_GUEST);
	assert_int_equal(number_of(list, 1, "seconds"), 61);
	assert_int_equal(number_of(list, 1, "exit"), 0);
	/* The audit log has all of a command. */
	assert_int_equal(strlen(text_of(list, count - 1, "command")),
	    VISIT_COMMAND_MAX);
	json_decref(list);
}

/* As a guard wrote it that many seconds ago. */
static void
write_old(const char *name, time_t ago)
{
	const struct timespec times[] = { { .tv_sec = time(NULL) - ago },
		{ .tv_sec = time(NULL) - ago } };
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "ae");
	fprintf(file,
	    "{\"visit\":\"x.1.1\",\"time\":%lld,\"environment\":\"a\"}\n",
	    (long long)times[0].tv_sec);
	fclose(file);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
what_is_older_than_a_year_is_not_told(void **state)
{
	json_t *list;

	(void)state;
	write_old("25880", VISITS_SECONDS + 60);
	write_old("25880", VISITS_SECONDS - 60);
	list = visits_list(visits, OWNER, NULL);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void
what_nobody_can_ask_for_is_removed(void **state)
{
	struct view *view = guard_fixture_publish(&(struct facts){ 0 });

	(void)state;
	begin("cool-waterfall-59", OWNER, &gone);
	write_old("999999", 0); /* no account of the view */
	write_old("25880.new", 0);
	assert_false(visits_tidy(visits, view));
	assert_true(size_of("25880") > 0);
	assert_int_equal(size_of("999999"), -1);
	assert_int_equal(size_of("25880.new"), -1);
	write_old("25880", VISITS_SECONDS + 60);
	assert_false(visits_tidy(visits, view));
	assert_int_equal(size_of("25880"), -1);
	view_close(view);
}

static void
what_is_no_line_of_ours_is_passed_over(void **state)
{
	char path[128];
	json_t *list;
	FILE *file;

	(void)state;
	begin("cool-waterfall-59", OWNER, &gone);
	snprintf(path, sizeof(path), "%s/25880", dir);
	file = fopen(path, "ae");
	fputs("{\"visit\":1}\n[]\nrubbish\n{\"visit\":\"x\",\"time\":1}\n"
	      "{\"visit\":\"nobody\",\"seconds\":1}\n{\"visit\":\"half",
	    file);
	fclose(file);
	list = visits_list(visits, OWNER, NULL);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_owner_sees_who_entered_and_how_it_ended),
		TEST(nobody_else_sees_it),
		TEST(one_environment_is_shown_alone),
		TEST(who_is_inside_is_told_apart_from_whose_end_nobody_saw),
		TEST(it_does_not_grow_without_end_and_keeps_the_latest),
		TEST(who_comes_often_pushes_out_nobody_else),
		TEST(what_is_no_line_of_ours_is_passed_over),
		TEST(what_is_older_than_a_year_is_not_told),
		TEST(what_nobody_can_ask_for_is_removed),
	};

	return cmocka_run_group_tests(tests, guard_fixture_make,
	    guard_fixture_free);
}

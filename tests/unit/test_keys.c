/* The built enscale-keys, asked as sshd asks it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/keys/ssh_key.h"
#include "common/names/login_name.h"
#include "tests/unit/view_fixture.h"

#define OPTIONS "restrict,pty,agent-forwarding"

#ifndef __has_feature
#	define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer)
#	define UNDER_SANITIZER 1 /* valgrind cannot run such a program */
#else
#	define UNDER_SANITIZER 0
#endif

static struct view_fixture fixture;
static char program[4096];
static char output[16384];

static int
make(void **state)
{
	const char *build = getenv("ENS_BUILDDIR");

	(void)state;
	snprintf(program, sizeof(program), "%s/enscale_keys/enscale-keys",
	    build != NULL ? build : ".");
	view_fixture_make(&fixture);
	view_fixture_publish_demo(&fixture);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	view_fixture_free(&fixture);
	return 0;
}

/* Runs it with the descriptor as standard output (-1: closed); the exit
 * code, or 1000 and the signal. */
static int
run_to(int out, const char *view, const char *const *arguments)
{
	const char *argv[8] = { "enscale-keys", "--view", view };
	int status;
	pid_t pid;

	for (size_t i = 0; i < 4 && arguments[i] != NULL; i++)
		argv[3 + i] = arguments[i];
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *copy[8];

		memcpy(copy, argv, sizeof(copy));
		signal(SIGPIPE, SIG_DFL);
		if (out >= 0)
			dup2(out, 1);
		else
			close(1);
		execv(program, copy);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status)
	                         : 1000 + WTERMSIG(status);
}

static int
run_in(const char *view, const char *const *arguments)
{
	FILE *file = tmpfile();
	size_t n;
	int code;

	assert_non_null(file);
	code = run_to(fileno(file), view, arguments);
	rewind(file);
	n = fread(output, 1, sizeof(output) - 1, file);
	output[n] = '\0';
	fclose(file);
	return code;
}

static int
run(const char *user, const char *fingerprint)
{
	const char *const arguments[] = { user, fingerprint, NULL };

	return run_in(fixture.view, arguments);
}

static void
gives(const char *options, const struct fixture_key *key)
{
	char want[2048];

	snprintf(want, sizeof(want), "%s %s\n", options, key->text);
	assert_string_equal(output, want);
}

static void
a_key_of_the_account_is_one_line(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 1);

	(void)state;
	assert_int_equal(run("25880", key.fingerprint_text), 0);
	gives(OPTIONS, &key);
	assert_int_equal(run("227028-25880", key.fingerprint_text), 0);
	gives(OPTIONS, &key);
}

/* The sentence is told later, by those who can. */
static void
the_suspended_get_their_key(void **state)
{
	struct fixture_key key = view_fixture_key(30311, 0);

	(void)state;
	assert_int_equal(run("30311", key.fingerprint_text), 0);
	gives(OPTIONS, &key);
}

static void
what_is_unknown_gives_nothing_and_succeeds(void **state)
{
	static const char *const users[] = { "root", "", "0", "025880",
		"25880-", "21296", "99999", "999999999", "25880\n",
		"-oProxyCommand=x" };
	struct fixture_key key = view_fixture_key(25880, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		assert_int_equal(run(users[i], key.fingerprint_text), 0);
		assert_string_equal(output, "");
	}
	key = view_fixture_key(25880, 77);
	assert_int_equal(run("25880", key.fingerprint_text), 0);
	assert_string_equal(output, "");
}

static void
what_cannot_be_told_exits_with_one(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0);
	const char *const good[] = { "25880", key.fingerprint_text, NULL };
	char cut[64];

	(void)state;
	assert_int_equal(
	    run("25880", "MD5:9d:84:d5:f5:c0:a6:36:83:3e:a3:7d:5a:6a:48:83:21"),
	    1);
	assert_string_equal(output, "");
	memcpy(cut, key.fingerprint_text, sizeof(cut));
	cut[strlen(cut) - 1] = '\0';
	assert_int_equal(run("25880", cut), 1);
	assert_int_equal(run("25880", ""), 1);
	assert_int_equal(run_in("/nonexistent", good), 1);
	assert_string_equal(output, "");
	assert_int_equal(run_in(fixture.root, good), 1);
}

/* The mark of native mode is any file that is there. */
static int
run_native(const char *user, const char *fingerprint)
{
	const char *const arguments[] = { "--native", "/dev/null", user,
		fingerprint };

	return run_in(fixture.view, arguments);
}

static void
in_native_mode_a_node_that_may_be_entered_is_open_and_nothing_else(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0);

	(void)state;
	assert_int_equal(run_native("124718-25880", key.fingerprint_text), 0);
	gives("restrict,pty,agent-forwarding,port-forwarding,"
	      "permitopen=\"198.19.0.18:22\"",
	    &key);
	assert_int_equal(run_native("25880", key.fingerprint_text), 0);
	gives("restrict,pty,agent-forwarding", &key);
	assert_int_equal(run_native("999999-25880", key.fingerprint_text), 0);
	gives("restrict,pty,agent-forwarding", &key);
	assert_int_equal(run("124718-25880", key.fingerprint_text), 0);
	gives("restrict,pty,agent-forwarding", &key);
}

static void
wrong_arguments_exit_with_one(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0);
	const char *const cases[][5] = {
		{ NULL },
		{ "25880", NULL },
		{ "25880", key.fingerprint_text, "ssh-ed25519", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run_in(fixture.view, cases[i]), 1);
		assert_string_equal(output, "");
	}
}

static void
type_and_key_are_checked_when_given(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0),
	                   other = view_fixture_key(25880, 1);
	const char *arguments[] = { "25880", key.fingerprint_text,
		"ssh-ed25519", key.text + 12, NULL };

	(void)state;
	assert_int_equal(run_in(fixture.view, arguments), 0);
	gives(OPTIONS, &key);
	arguments[2] = "ssh-ed2551";
	assert_int_equal(run_in(fixture.view, arguments), 1);
	assert_string_equal(output, "");
	arguments[2] = "ssh-ed25519";
	arguments[3] = other.text + 12;
	assert_int_equal(run_in(fixture.view, arguments), 1);
	arguments[3] = "";
	assert_int_equal(run_in(fixture.view, arguments), 1);
	assert_string_equal(output, "");
}

static void
in_native_mode_a_key_with_a_from_list_opens_its_node_too(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 24);

	(void)state;
	view_fixture_begin(&fixture, false);
	view_fixture_put_key(&fixture, 25880, 24, "198.18.0.0/15", 0);
	view_fixture_commit(&fixture);
	assert_int_equal(run_native("124718-25880", key.fingerprint_text), 0);
	gives("restrict,pty,agent-forwarding,port-forwarding,"
	      "permitopen=\"198.19.0.18:22\",from=\"198.18.0.0/15\"",
	    &key);
}

static void
options_of_the_key_are_given_in_utc(void **state)
{
	struct fixture_key key[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		key[i] = view_fixture_key(25880, 20 + i);
	view_fixture_begin(&fixture, false);
	view_fixture_put_key(&fixture, 25880, 20, "10.0.0.0/8,!10.9.*", 0);
	view_fixture_put_key(&fixture, 25880, 21, "", 4102444799);
	view_fixture_put_key(&fixture, 25880, 22, "::1", 4102444799);
	view_fixture_put_key(&fixture, 25880, 23, "", time(NULL) - 1);
	view_fixture_commit(&fixture);
	setenv("TZ", "UTC-5", 1);
	assert_int_equal(run("25880", key[0].fingerprint_text), 0);
	gives(OPTIONS ",from=\"10.0.0.0/8,!10.9.*\"", &key[0]);
	assert_int_equal(run("25880", key[1].fingerprint_text), 0);
	gives(OPTIONS ",expiry-time=\"20991231235959Z\"", &key[1]);
	assert_int_equal(run("25880", key[2].fingerprint_text), 0);
	gives(OPTIONS ",from=\"::1\",expiry-time=\"20991231235959Z\"", &key[2]);
	assert_int_equal(run("25880", key[3].fingerprint_text), 0);
	assert_string_equal(output, "");
}

static void
what_options_take_away_is_not_given(void **state)
{
	static const struct {
		uint8_t options;
		const char *line, *native;
	} cases[] = {
		{ KEY_NO_PTY, "restrict,agent-forwarding",
		    "restrict,agent-forwarding,port-forwarding,"
		    "permitopen=\"198.19.0.18:22\"" },
		{ KEY_NO_AGENT, "restrict,pty",
		    "restrict,pty,port-forwarding,"
		    "permitopen=\"198.19.0.18:22\"" },
		{ KEY_NO_PORTS, OPTIONS, OPTIONS },
		{ KEY_NARROWED | KEY_VERIFY, "restrict,verify-required",
		    "restrict,verify-required" },
		{ KEY_NO_PORTS | KEY_VERIFY | KEY_NO_TOUCH,
		    OPTIONS ",verify-required,no-touch-required",
		    OPTIONS ",verify-required,no-touch-required" },
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture_key key = view_fixture_key(25880, 60 + i);

		view_fixture_begin(&fixture, false);
		view_fixture_put_options(&fixture, 25880, 60 + i,
		    cases[i].options);
		view_fixture_commit(&fixture);
		assert_int_equal(run("25880", key.fingerprint_text), 0);
		gives(cases[i].line, &key);
		assert_int_equal(
		    run_native("124718-25880", key.fingerprint_text), 0);
		gives(cases[i].native, &key);
	}
}

/* A view that holds what enscale-sync would never write. */
static void
records_that_would_break_the_line_are_refused(void **state)
{
	static const char *const froms[] = { "a\"", "a b", "a\\",
		"a\",command=\"x" };

	(void)state;
	for (uint32_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
		struct fixture_key key = view_fixture_key(25880, 40 + i);

		view_fixture_begin(&fixture, false);
		view_fixture_put_key(&fixture, 25880, 40 + i, froms[i], 0);
		view_fixture_commit(&fixture);
		assert_int_equal(run("25880", key.fingerprint_text), 1);
		assert_string_equal(output, "");
	}
}

static void
a_broken_record_exits_with_one_and_a_deleted_one_with_nothing(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 60);
	struct record_key name = record_key_key(25880, key.fingerprint);

	(void)state;
	view_fixture_begin(&fixture, false);
	view_fixture_put_raw(&fixture, &name, "rubbish", 7);
	view_fixture_commit(&fixture);
	assert_int_equal(run("25880", key.fingerprint_text), 1);
	assert_string_equal(output, "");
	view_fixture_begin(&fixture, false);
	view_fixture_delete(&fixture, &name);
	view_fixture_commit(&fixture);
	assert_int_equal(run("25880", key.fingerprint_text), 0);
	assert_string_equal(output, "");
}

/* A blob that is no key is never written, whatever it looks like as text. */
static void
a_blob_that_is_no_key_is_refused(void **state)
{
	static const char *const blobs[] = { "", "x\ncommand=\"id\" ssh-rsa A",
		"\0\0\0\13ssh-ed25519" };
	static const size_t lengths[] = { 0, 22, 15 };
	struct fixture_key key = view_fixture_key(25880, 61);
	struct record_key name = record_key_key(25880, key.fingerprint);

	(void)state;
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
		const struct key_record record = { .account = 25880,
			.fingerprint = key.fingerprint,
			.blob = { (const uint8_t *)blobs[i], lengths[i] },
			.title = "",
			.from = "" };
		AUTO(wire_write_free) struct wire_writer writer;

		wire_write_init_growing(&writer, RECORD_SIZE_MAX);
		if (record_encode_key(&writer, &record) != 0)
			continue; /* nor can it be published */
		view_fixture_begin(&fixture, false);
		view_fixture_put_raw(&fixture, &name, writer.data, writer.len);
		view_fixture_commit(&fixture);
		assert_int_equal(run("25880", key.fingerprint_text), 1);
		assert_string_equal(output, "");
	}
}

/* What an account with this many keys costs, in instructions. */
static uint64_t
cost(uint32_t account, uint32_t keys)
{
	struct fixture_key key = view_fixture_key(account, keys / 2);
	char command[8192], line[256];
	uint64_t instructions = 0;
	FILE *said;

	snprintf(command, sizeof(command),
	    "valgrind --tool=callgrind --callgrind-out-file=/dev/null %s --view %s %u %s 2>&1 >%s/line",
	    program, fixture.view, account, key.fingerprint_text, fixture.root);
	said = popen(command, "r");
	assert_non_null(said);
	while (fgets(line, sizeof(line), said) != NULL) {
		char *at = strstr(line, "Collected : ");

		if (at == NULL)
			continue;
		at += strlen("Collected : ");
		at[strcspn(at, "\n")] = '\0';
		assert_int_equal(parse_u64(at, UINT64_MAX, &instructions), 0);
	}
	assert_int_equal(pclose(said), 0);
	return instructions;
}

static void
ten_thousand_keys_cost_what_one_does(void **state)
{
	uint64_t one, many;

	(void)state;
	if (UNDER_SANITIZER ||
	    system("valgrind --version >/dev/null 2>&1") != 0)
		skip();
	view_fixture_begin(&fixture, false);
	view_fixture_put_account(&fixture, 60001, ACCOUNT_ACTIVE, 0, 0);
	view_fixture_put_account(&fixture, 60002, ACCOUNT_ACTIVE, 0, 0);
	view_fixture_put_key(&fixture, 60001, 0, "", 0);
	for (uint32_t i = 0; i < 10000; i++)
		view_fixture_put_key(&fixture, 60002, i, "", 0);
	view_fixture_commit(&fixture);
	one = cost(60001, 1);
	many = cost(60002, 10000);
	assert_true(one > 10000 && many > 10000);
	/* 1.02, for the chance of two keys in one place of the hash table. */
	assert_true(many < one + one / 50);
}

static void
a_view_that_cannot_be_read_exits_with_one(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0);
	const char *const good[] = { "25880", key.fingerprint_text, NULL };
	char folder[128], path[FIXTURE_PATH_SIZE];
	FILE *file;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/other", fixture.root);
	view_fixture_manifest(folder, path);
	assert_int_equal(mkdir(folder, 0700), 0);
	/* Of another version, broken, cut, and one whose segment is missing. */
	for (int i = 0; i < 4; i++) {
		static const char *const texts[] = { "enscale-view 999\n",
			"rubbish\n", "" };
		char command[2 * FIXTURE_PATH_SIZE + 8];

		file = fopen(path, "w");
		assert_non_null(file);
		if (i < 3)
			fputs(texts[i], file);
		fclose(file);
		if (i == 3) {
			char whole[FIXTURE_PATH_SIZE];

			view_fixture_manifest(fixture.view, whole);
			snprintf(command, sizeof(command), "cp %s %s", whole,
			    path);
			assert_int_equal(system(command), 0);
		}
		assert_int_equal(run_in(folder, good), 1);
		assert_string_equal(output, "");
	}
	/* One that is a fifo makes nobody wait. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(run_in(folder, good), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
nobody_to_write_to_is_no_death_by_signal(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 0);
	const char *const arguments[] = { "25880", key.fingerprint_text, NULL };
	int ends[2], full;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(run_to(ends[1], fixture.view, arguments), 1);
	close(ends[1]);
	assert_int_equal(run_to(-1, fixture.view, arguments), 1);
	full = open("/dev/full", O_WRONLY);
	if (full >= 0) {
		assert_int_equal(run_to(full, fixture.view, arguments), 1);
		close(full);
	}
}

static void
nothing_is_written_to_stderr(void **state)
{
	char name[96];
	struct stat st;
	int saved = dup(2), fd;

	(void)state;
	snprintf(name, sizeof(name), "%s/stderr", fixture.root);
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	dup2(fd, 2);
	run("25880", "MD5:x");
	dup2(saved, 2);
	close(saved);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	assert_int_equal(st.st_size, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_the_account_is_one_line),
		cmocka_unit_test(the_suspended_get_their_key),
		cmocka_unit_test(what_is_unknown_gives_nothing_and_succeeds),
		cmocka_unit_test(what_cannot_be_told_exits_with_one),
		cmocka_unit_test(
		    in_native_mode_a_node_that_may_be_entered_is_open_and_nothing_else),
		cmocka_unit_test(
		    in_native_mode_a_key_with_a_from_list_opens_its_node_too),
		cmocka_unit_test(wrong_arguments_exit_with_one),
		cmocka_unit_test(type_and_key_are_checked_when_given),
		cmocka_unit_test(options_of_the_key_are_given_in_utc),
		cmocka_unit_test(what_options_take_away_is_not_given),
		cmocka_unit_test(records_that_would_break_the_line_are_refused),
		cmocka_unit_test(
		    a_broken_record_exits_with_one_and_a_deleted_one_with_nothing),
		cmocka_unit_test(a_blob_that_is_no_key_is_refused),
		cmocka_unit_test(a_view_that_cannot_be_read_exits_with_one),
		cmocka_unit_test(ten_thousand_keys_cost_what_one_does),
		cmocka_unit_test(nobody_to_write_to_is_no_death_by_signal),
		cmocka_unit_test(nothing_is_written_to_stderr),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}

/* Reading the audit log as root, from a folder in which the guard writes: what
 * lies there neither holds us up nor reaches the terminal as it is. */
#include <config.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscalectl/audit_files.h"
#include "enscalectl/verb.h"

#define SEEN_SIZE 1024
#define HUGE_LINE (1024 * 1024)
#define LINE(event) \
	"{\"time\":\"2026-11-30T12:00:00.000Z\",\"event\":\"" event "\"}\n"

static char dir[64], path[128], seen[SEEN_SIZE];
static size_t longest;
static unsigned complaints;

/* ---- what the program has ------------------------------------------------- */

void
complain(const char *format, ...)
{
	(void)format;
	complaints++;
}

int
complain_usage(const char *verb)
{
	(void)verb;
	return EXIT_USAGE;
}

/* ---- the folder ------------------------------------------------------------ */

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/enscale-audit-show-XXXXXX");
	seen[0] = '\0';
	longest = 0;
	complaints = 0;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/audit.log", dir);
	return 0;
}

static int
tear_down(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -r %s", dir);
	return system(line) == 0 ? 0 : -1;
}

static const char *
name_of(const char *suffix)
{
	static char name[160];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return name;
}

static void
add(const char *suffix, const char *text)
{
	FILE *file = fopen(name_of(suffix), "ae");

	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void
pack(const char *suffix)
{
	char line[256];

	snprintf(line, sizeof(line), "gzip -k %s", name_of(suffix));
	assert_int_equal(system(line), 0);
}

static void
see(const char *line, void *arg)
{
	const size_t len = strlen(line);

	(void)arg;
	longest = len > longest ? len : longest;
	if (len < 16)
		snprintf(seen + strlen(seen), SEEN_SIZE - strlen(seen), "%s ",
		    line);
}

static unsigned
read_all(void)
{
	alarm(60);
	return audit_files_each(path, 0, false, see, NULL);
}

/* ---- which files ----------------------------------------------------------- */

static void
what_is_no_plain_file_is_refused_at_once(void **state)
{
	(void)state;
	add("", "last\n");
	assert_int_equal(mkfifo(name_of(".1"), 0600), 0);
	assert_int_equal(symlink("/dev/zero", name_of(".2")), 0);
	assert_int_equal(symlink("/dev/zero", name_of(".3.gz")), 0);
	assert_int_equal(read_all(), 3);
	assert_int_equal(complaints, 3);
	assert_string_equal(seen, "last ");
}

static void
neither_is_the_last_one_read_when_it_is_none(void **state)
{
	(void)state;
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(read_all(), 1);
}

static void
a_line_without_end_takes_no_memory(void **state)
{
	char *line = malloc(HUGE_LINE + 2);

	(void)state;
	memset(line, 'x', HUGE_LINE);
	memcpy(line + HUGE_LINE, "\n", 2);
	add(".1", line);
	free(line);
	pack(".1");
	assert_int_equal(unlink(name_of(".1")), 0);
	add("", "last\npart");
	assert_int_equal(read_all(), 0);
	assert_string_equal(seen, "last ");
	assert_in_range(longest, 65536, HUGE_LINE / 2);
}

static void
what_is_being_packed_is_read_once(void **state)
{
	(void)state;
	add(".2", "two\n");
	add(".2.gz", "a part of a packed file");
	add(".3", "three\n");
	pack(".3");
	assert_int_equal(unlink(name_of(".3")), 0);
	add("", "last\n");
	assert_int_equal(read_all(), 0);
	assert_non_null(strstr(seen, "two "));
	assert_non_null(strstr(seen, "three "));
	assert_int_equal(strlen(seen), strlen("two three last "));
}

static void
what_is_moved_away_meanwhile_is_read_once(void **state)
{
	(void)state;
	add("", "last\n");
	/* As if it was renamed between being opened and the folder read. */
	assert_int_equal(link(path, name_of(".1")), 0);
	assert_int_equal(read_all(), 0);
	assert_string_equal(seen, "last ");
}

/* ---- what is shown --------------------------------------------------------- */

/* What the verb prints with that option, or without (NULL). */
static void
show(const char *option, char ret_text[SEEN_SIZE])
{
	static struct context context;
	char verb[] = "audit", word[16] = "", *argv[] = { verb, word, NULL };
	int kept = dup(STDOUT_FILENO), fd;
	ssize_t len;

	snprintf(context.config.audit_log, sizeof(context.config.audit_log),
	    "%s", path);
	snprintf(word, sizeof(word), "%s", option != NULL ? option : "");
	if (option == NULL)
		argv[1] = NULL;
	fd = open(name_of(".shown"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	assert_int_equal(audit_show(&context, option != NULL, argv + 1),
	    EXIT_YES);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	len = pread(fd, ret_text, SEEN_SIZE - 1, 0);
	close(fd);
	assert_true(len > 0);
	ret_text[len] = '\0';
}

static void
nothing_in_the_log_reaches_the_terminal_as_it_is(void **state)
{
	static const char *const options[] = { NULL, "--json" };
	static const char *const evil[] = { "\x1b", "\x7f", "\xc2\x9b",
		"\xe2\x80\xae" };
	char text[SEEN_SIZE];

	(void)state;
	add("",
	    "{\"time\":\"2026-11-30T12:00:00.000Z\xc2\x9b\","
	    "\"event\":\"operator\\u001b\",\"a\xc2\x9b\":1,"
	    "\"arguments\":{\"\xe2\x80\xae\":\"\xc2\x9b[2J\x7f\"},"
	    "\"text\":\"a \xc2\x9b\xe2\x80\xae z\xc3\xbc\"}\n");
	for (int i = 0; i < 2; i++) {
		show(options[i], text);
		for (int j = 0; j < 4; j++)
			assert_null(strstr(text, evil[j]));
	}
	show(NULL, text);
	assert_non_null(strstr(text, "z\xc3\xbc"));
}

static void
an_empty_line_is_no_fault(void **state)
{
	char text[SEEN_SIZE];

	(void)state;
	add("", LINE("login") "\n" LINE("session-ended"));
	show(NULL, text);
	assert_non_null(strstr(text, "session-ended"));
	assert_int_equal(complaints, 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_plain_file_is_refused_at_once),
		TEST(neither_is_the_last_one_read_when_it_is_none),
		TEST(a_line_without_end_takes_no_memory),
		TEST(what_is_being_packed_is_read_once),
		TEST(what_is_moved_away_meanwhile_is_read_once),
		TEST(nothing_in_the_log_reaches_the_terminal_as_it_is),
		TEST(an_empty_line_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/base/errors.h"
#include "common/protocol/login_refusal.h"
#include "enscale_guard/audit.h"
#include "enscale_guard/audit_socket.h"
#include "guard_fixture.h"

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
expect_number(int line, const char *name, json_int_t number)
{
	json_t *object = json_loads(lines[line], 0, NULL);

	assert_int_equal(json_integer_value(json_object_get(object, name)),
	    number);
	json_decref(object);
}

static void
a_full_disk_leaves_no_part_of_a_line(void **state)
{
	(void)state;
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	limit_size(10);
	audit_event(audit, AUDIT_EVENT_HOP_STARTED, NULL, NULL);
	audit_event(audit, AUDIT_EVENT_HOP_ENDED, NULL, NULL);
	limit_size(-1);
	audit_event(audit, AUDIT_EVENT_SESSION_ENDED, NULL, NULL);
	assert_int_equal(read_lines(), 3);
	expect_event(0, "login");
	/* What is missing is counted where it is missing. */
	expect_event(1, "lines-lost");
	expect_number(1, "count", 2);
	expect_event(2, "session-ended");
}

static void
where_a_part_has_to_stay_the_next_line_begins_anew(void **state)
{
	(void)state;
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	if (append_only(1) != 0)
		skip();
	limit_size(10);
	audit_event(audit, AUDIT_EVENT_HOP_STARTED, NULL, NULL);
	limit_size(-1);
	assert_int_equal(audit_reopen(audit), 0); /* it is the same file */
	audit_event(audit, AUDIT_EVENT_HOP_ENDED, NULL, NULL);
	audit_event(audit, AUDIT_EVENT_SESSION_ENDED, NULL, NULL);
	assert_int_equal(read_lines(), 5);
	expect_event(0, "login");
	assert_int_equal(strlen(lines[1]), 10);
	expect_event(2, "lines-lost");
	expect_event(3, "hop-ended");
	expect_event(4, "session-ended");
}

static void
write_part(void)
{
	FILE *file = fopen(path, "ae");

	fputs("{\"time\":", file);
	assert_int_equal(fclose(file), 0);
}

static void
what_a_power_failure_left_does_not_swallow_the_next_line(void **state)
{
	(void)state;
	audit_close(audit);
	write_part();
	assert_int_equal(audit_open(path, &audit), 0);
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	audit_event(audit, AUDIT_EVENT_SESSION_ENDED, NULL, NULL);
	audit_close(audit);
	assert_int_equal(audit_open(path, &audit), 0);
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	assert_int_equal(read_lines(), 4);
	expect_event(1, "login");
	expect_event(2, "session-ended");
	expect_event(3, "login");
}

static void
a_file_put_in_its_place_may_end_in_a_part(void **state)
{
	(void)state;
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	assert_int_equal(unlink(path), 0);
	write_part();
	assert_int_equal(audit_reopen(audit), 0);
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	assert_int_equal(read_lines(), 2);
	expect_event(1, "login");
}

/* ---- what a line says ---------------------------------------------------- */

static json_t *
audited(enum audit_event event, const struct session *session,
    const struct audit_fields *fields)
{
	json_t *object;

	audit_event(audit, event, session, fields);
	assert_int_equal(read_lines(), 1);
	object = json_loads(lines[0], 0, NULL);
	assert_non_null(object);
	return object;
}

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
a_line_says_whose_hop_it_was_and_where(void **state)
{
	struct view *view = guard_fixture_publish(&(struct facts){ 0 });
	struct session session = guard_fixture_session();
	json_t *line;

	(void)state;
	session.port = 50022;
	audit_look_up_in(audit, &view);
	line = audited(AUDIT_EVENT_HOP_ENDED, &session,
	    &(struct audit_fields){ .node = NODE, .seconds = 61, .exit = 7 });
	assert_string_equal(text_of(line, "event"), "hop-ended");
	assert_string_equal(text_of(line, "session"), SESSION);
	assert_int_equal(number_of(line, "account"), OWNER);
	assert_string_equal(text_of(line, "key_title"), "laptop");
	assert_string_equal(text_of(line, "address"), ADDRESS);
	assert_int_equal(number_of(line, "port"), 50022);
	assert_int_equal(number_of(line, "node"), NODE);
	assert_string_equal(text_of(line, "environment"), "cool-waterfall-59");
	assert_int_equal(number_of(line, "owner"), OWNER);
	assert_string_equal(text_of(line, "role"), "owner");
	assert_string_equal(text_of(line, "system_user"), "apache");
	assert_int_equal(number_of(line, "seconds"), 61);
	assert_int_equal(number_of(line, "exit"), 7);
	assert_non_null(text_of(line, "gateway"));
	assert_string_equal(strchr(text_of(line, "time"), '.') + 4, "Z");
	/* Not of this event, though there is a place for it. */
	assert_null(json_object_get(line, "command"));
	json_decref(line);
	view_close(view);
}

static void
what_is_not_known_is_left_out(void **state)
{
	const struct session session = guard_fixture_session();
	json_t *line = audited(AUDIT_EVENT_HOP_ENDED, &session,
	    &(struct audit_fields){ .node = NODE, .exit = -1 });

	(void)state;
	assert_int_equal(number_of(line, "node"), NODE);
	assert_null(json_object_get(line, "environment"));
	assert_null(json_object_get(line, "exit"));
	assert_null(json_object_get(line, "port"));
	json_decref(line);
}

static void
a_command_of_any_bytes_is_one_line(void **state)
{
	json_t *line = audited(AUDIT_EVENT_HOP_STARTED, NULL,
	    &(struct audit_fields){ .command = "a\nb\"c\xff\x1b[2J" });

	(void)state;
	assert_string_equal(text_of(line, "command"), "a?b\"c??[2J");
	json_decref(line);
}

static void
every_event_is_found_by_its_name(void **state)
{
	enum audit_event found;

	(void)state;
	for (int i = 0; i < AUDIT_EVENT_COUNT; i++) {
		assert_int_equal(
		    audit_event_find(audit_event_rows[i].name, &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(audit_event_find("login-", &found), ENS_E_NOTFOUND);
}

/* ---- the system's log ---------------------------------------------------- */

static int
listen_at(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s.log", path);
	unlink(address->sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)),
	    0);
	return fd;
}

static void
the_system_s_log_gets_lines_also_after_its_restart_and_delays_none(void **state)
{
	struct sockaddr_un address = { 0 };
	char said[1024];
	int fd = listen_at(&address);

	(void)state;
	audit_use_syslog(audit, address.sun_path);
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	assert_true(recv(fd, said, sizeof(said), 0) > 0);
	assert_memory_equal(said, "<86>enscale-guard[", 18);
	assert_non_null(strstr(said, "]: {\"time\":"));
	close(fd);
	audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL); /* nobody listens */
	fd = listen_at(&address);
	/* Nobody reads: it must not wait. */
	for (int i = 0; i < 2000; i++)
		audit_event(audit, AUDIT_EVENT_LOGIN, NULL, NULL);
	assert_true(recv(fd, said, sizeof(said), 0) > 0);
	close(fd);
	unlink(address.sun_path);
}

/* ---- what others tell ------------------------------------------------------ */

static struct guard guard;

static void
tell(const char *id, uid_t uid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct login_refusal refusal = { .session = guard_fixture_session() };
	uint8_t buf[LOGIN_REFUSAL_MAX];
	struct wire_writer writer;
	pid_t pid;
	int fd;

	memcpy(refusal.session.id, id, SESSION_ID_LEN + 1);
	wire_write_init(&writer, buf, sizeof(buf));
	login_refusal_encode(&writer, &refusal);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s.sock", path);
	pid = fork();
	if (pid == 0) {
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		_exit(setresuid(uid, uid, uid) == 0 &&
		            sendto(fd, buf, writer.len, 0,
		                (struct sockaddr *)&address,
		                sizeof(address)) > 0
		        ? 0
		        : 1);
	}
	assert_int_equal(waitpid(pid, &fd, 0), pid);
	assert_int_equal(fd, 0);
}

static void
only_root_tells_of_refused_logins(void **state)
{
	json_t *line;

	(void)state;
	if (getuid() != 0)
		skip();
	assert_true(sd_event_new(&guard.event) >= 0);
	guard.audit = audit;
	snprintf(guard.audit_socket, sizeof(guard.audit_socket), "%s.sock",
	    path);
	assert_int_equal(audit_socket_open(&guard), 0);
	/* It is closed to others, and does not rely on that. */
	assert_int_equal(chmod(guard.audit_socket, 0666), 0);
	tell("aaaaaaaaaaaaaaaa", 65534);
	tell("bbbbbbbbbbbbbbbb", 0);
	assert_true(sd_event_run(guard.event, 1000000) > 0);
	assert_int_equal(read_lines(), 1);
	line = json_loads(lines[0], 0, NULL);
	assert_string_equal(text_of(line, "event"), "login-refused");
	assert_string_equal(text_of(line, "session"), "bbbbbbbbbbbbbbbb");
	json_decref(line);
	audit_socket_close(&guard);
	sd_event_unref(guard.event);
	unlink(guard.audit_socket);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_full_disk_leaves_no_part_of_a_line),
		TEST(where_a_part_has_to_stay_the_next_line_begins_anew),
		TEST(what_a_power_failure_left_does_not_swallow_the_next_line),
		TEST(a_file_put_in_its_place_may_end_in_a_part),
		TEST(a_line_says_whose_hop_it_was_and_where),
		TEST(what_is_not_known_is_left_out),
		TEST(a_command_of_any_bytes_is_one_line),
		TEST(every_event_is_found_by_its_name),
		TEST(only_root_tells_of_refused_logins),
		TEST(
		    the_system_s_log_gets_lines_also_after_its_restart_and_delays_none),
	};

	return cmocka_run_group_tests(tests, guard_fixture_make,
	    guard_fixture_free);
}

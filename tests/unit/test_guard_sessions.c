/*
 * Who a peer is, and how a session ends, with real processes: this program
 * plays the guard, a child sshd's monitor, its child the shell, and a child
 * of that ssh. All have one uid, so no right is needed.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_guard/ending.h"
#include "enscale_guard/guard_socket.h"
#include "enscale_guard/judge.h"
#include "enscale_guard/left_over.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/operator_sessions.h"
#include "enscale_guard/operator_socket.h"
#include "enscale_guard/peer.h"
#include "enscale_guard/shell.h"
#include "guard_fixture.h"

#define FAMILY 3 /* monitor, shell, ssh */

enum member {
	MONITOR,
	SHELL,
	SSH,
};

static struct guard guard;
static char dir[] = "/tmp/enscale-sessions-XXXXXX";
static struct process family[FAMILY];
static int shell_fd = -1; /* the guard's end of the shell's connection */
static int report[2] = { -1, -1 };
static unsigned appeared, over, dead;
static bool folders_fail; /* to be written to the disk */

/* ---- processes --------------------------------------------------------- */

/* What a member does before it waits: the shell connects, each tells its
 * pid. */
static void
act(int member, const struct sockaddr_un *address)
{
	pid_t pid = getpid();

	if (member == SHELL &&
	    connect(socket(AF_UNIX, SOCK_STREAM, 0),
	        (const struct sockaddr *)address, sizeof(*address)) < 0)
		_exit(1);
	if (write(report[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
}

/* Each is the parent of the next, and all wait for a signal. */
static void
run_family(const struct sockaddr_un *address, bool deaf)
{
	if (deaf)
		signal(SIGTERM, SIG_IGN);
	for (int member = MONITOR; member < FAMILY; member++) {
		act(member, address);
		if (member + 1 == FAMILY || fork() != 0)
			break;
	}
	for (;;)
		pause();
}

static int
listen_at(struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	assert_int_equal(listen(fd, 1), 0);
	*ret_address = address;
	return fd;
}

static void
start_family(bool deaf)
{
	struct sockaddr_un address;
	int fd = listen_at(&address);
	pid_t pid;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	if (fork() == 0)
		run_family(&address, deaf);
	for (int i = 0; i < FAMILY; i++) {
		assert_int_equal(read(report[0], &pid, sizeof(pid)),
		    sizeof(pid));
		assert_int_equal(process_find(pid, &family[i]), 0);
	}
	shell_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(shell_fd >= 0);
	close(fd);
}

static bool
is_gone(enum member member)
{
	waitpid(family[MONITOR].pid, NULL, WNOHANG);
	return !process_is_alive(&family[member]);
}

static void
end_family(void)
{
	for (int i = 0; i < FAMILY; i++)
		if (family[i].pid != 0)
			process_signal(&family[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	memset(family, 0, sizeof(family));
	if (shell_fd >= 0)
		close(shell_fd);
	for (int i = 0; i < 2; i++) {
		if (report[i] >= 0)
			close(report[i]);
		report[i] = -1;
	}
	shell_fd = -1;
}

/* ---- the guard --------------------------------------------------------- */

static void
on_appeared(struct session_entry *entry, void *arg)
{
	(void)arg;
	appeared++;
	judge_remember(entry, true);
	live_hop_take_in(&guard, entry);
	judge_session(&guard, entry);
}

static void
on_over(struct session_entry *entry, void *arg)
{
	(void)arg;
	over++;
	process_list_prune(&entry->members);
	if (!entry->ending && entry->members.count > 0)
		ending_processes(&guard, &entry->session, &entry->members);
	if (entry->published)
		left_over_look(&guard, &entry->session);
	live_hop_clear(&guard, entry);
	guard_socket_session_over(entry);
}

static void
on_dead(const struct session *session, void *arg)
{
	(void)arg;
	dead++;
	left_over_record(&guard, session);
}

static void
path_of(const char *name, char *buf, size_t size)
{
	assert_true(snprintf(buf, size, "%s/%s", dir, name) < (int)size);
}

static void
open_guard(void)
{
	const struct session_table_events events = { .appeared = on_appeared,
		.over = on_over,
		.dead = on_dead };

	config_init(&guard.config);
	/* So that this program's uid is the owner's. */
	guard.config.uid_base = getuid() - OWNER;
	path_of("sessions", guard.sessions_dir, sizeof(guard.sessions_dir));
	path_of("hops", guard.hops_dir, sizeof(guard.hops_dir));
	assert_true(sd_event_new(&guard.event) >= 0);
	admission_init(&guard.admission, 100);
	assert_int_equal(turns_new(guard.event, &guard.turns), 0);
	assert_int_equal(live_hop_open(&guard), 0);
	assert_int_equal(left_over_open(&guard), 0);
	assert_int_equal(session_table_new(guard.sessions_dir, guard.event,
	                     guard.turns, &events, &guard.sessions),
	    0);
	assert_int_equal(judge_open(&guard), 0);
	assert_int_equal(session_table_rescan(guard.sessions), 0);
}

static void
close_guard(void)
{
	struct session_entry *entry;

	guard_socket_close(&guard);
	ending_close(&guard);
	left_over_close(&guard);
	judge_close(&guard);
	for (entry = session_table_first(guard.sessions); entry != NULL;
	     entry = session_table_next(entry))
		live_hop_clear(&guard, entry);
	session_table_free(guard.sessions);
	live_hop_close(&guard);
	turns_free(guard.turns);
	admission_clear(&guard.admission);
	sd_event_unref(guard.event);
	guard.event = NULL;
}

static int
set_up(void **state)
{
	char path[128];

	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	path_of("sessions", path, sizeof(path));
	mkdir(path, 0700);
	appeared = over = dead = 0;
	folders_fail = false;
	guard.view = guard_fixture_publish(&(struct facts){ 0 });
	open_guard();
	return 0;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	close_guard();
	end_family();
	view_close(guard.view);
	guard.view = NULL;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? 0 : -1;
}

/* Runs the loop until the condition or for so many milliseconds. */
static void
turn(int milliseconds)
{
	for (int i = 0; i < milliseconds / 20; i++)
		sd_event_run(guard.event, 20000);
}

/* The same until that one has ended; a busy machine may take its time. */
static bool
ends(enum member member)
{
	for (int i = 0; i < 500 && !is_gone(member); i++)
		turn(20);
	return is_gone(member);
}

static struct session
session_of(const struct process *monitor)
{
	struct session session = guard_fixture_session();

	session.uid = getuid();
	session.monitor = monitor->pid;
	session.monitor_start = monitor->start;
	return session;
}

static void
publish(const struct session *session)
{
	int fd = open(guard.sessions_dir, O_RDONLY | O_DIRECTORY);

	assert_int_equal(session_publish(fd, session), 0);
	close(fd);
}

static void
withdraw(const struct session *session)
{
	int fd = open(guard.sessions_dir, O_RDONLY | O_DIRECTORY);

	assert_int_equal(session_remove(fd, session->account, session->id), 0);
	close(fd);
}

static int
identify(struct peer *ret_peer, struct session_entry **ret_entry)
{
	return peer_identify(shell_fd, peer_ticks(), guard.config.uid_base,
	    guard.sessions, ret_peer, ret_entry);
}

/* ---- what operators say ------------------------------------------------- */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;

	if (folders_fail && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

static void
open_notices(void)
{
	char path[256];

	path_of("", guard.config.state_dir, sizeof(guard.config.state_dir));
	path_of("metrics", guard.metrics_file, sizeof(guard.metrics_file));
	path_of("guard", path, sizeof(path));
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	assert_int_equal(notices_open(&guard), 0);
}

static void
what_holds_after_a_failure_is_what_the_file_says(void **state)
{
	const struct notice notice = { .since = 1, .by = "root" };
	struct notices *notices = &guard.notices;

	(void)state;
	open_notices();
	folders_fail = true;
	assert_int_equal(notices_drain(&guard, &notice), -EIO);
	assert_true(notices->is_drained);
	assert_true(notices_is_drain(&guard, &notice));
	assert_false(notices_is_drain(&guard, NULL));
	assert_int_equal(notices_drain(&guard, NULL), -EIO);
	assert_false(notices->is_drained);
	assert_true(notices_is_drain(&guard, NULL));
	folders_fail = false;
	/* Nothing can have the name of a folder. */
	assert_int_equal(mkdir(notices->announcement_file, 0700), 0);
	assert_true(notices_announce(&guard, &notice) < 0);
	assert_false(notices->is_announced);
	assert_false(notices_is_announcement(&guard, &notice));
	notices_close(&guard);
}

static void
a_drain_that_cannot_be_read_is_one(void **state)
{
	FILE *file;

	(void)state;
	open_notices();
	file = fopen(guard.notices.drain_file, "w");
	assert_non_null(file);
	fputs("enscale-notice 2\n", file);
	assert_int_equal(fclose(file), 0);
	open_notices();
	assert_true(guard.notices.is_drained);
	assert_int_equal(notices_drain(&guard, NULL), 0);
	assert_false(guard.notices.is_drained);
	notices_close(&guard);
}

/* ---- who it is --------------------------------------------------------- */

static void
a_peer_below_a_registered_monitor_is_its_sessions(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct process other;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	/* Without a turn of the loop: the record is fetched when it is missed. */
	assert_int_equal(identify(&peer, &entry), 0);
	assert_int_equal(appeared, 1);
	assert_string_equal(entry->session.id, SESSION);
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.chain_len, 2);
	assert_true(process_equal(&peer.chain[0], &family[SHELL]));
	assert_true(process_equal(&peer.chain[1], &family[MONITOR]));
	/* Strictly above the peer and below its monitor there is nobody. */
	assert_false(peer_descends_from(&peer, &family[SHELL]));
	assert_false(peer_descends_from(&peer, &family[MONITOR]));
	assert_int_equal(peer_process(shell_fd, peer_ticks(), &other), 0);
	assert_true(process_equal(&other, &family[SHELL]));
}

static void
without_peer_pidfd_the_pid_and_its_start_tell(void **state)
{
	struct process process;

	(void)state;
	start_family(false);
	assert_int_equal(peer_process_by_pid(shell_fd, peer_ticks(), &process),
	    0);
	assert_true(process_equal(&process, &family[SHELL]));
	assert_int_equal(
	    peer_process_by_pid(shell_fd, family[SHELL].start - 1, &process),
	    -ESRCH);
}

static void
a_peer_of_no_session_is_nobody(void **state)
{
	struct session_entry *entry;
	struct peer peer;

	(void)state;
	start_family(false);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
}

static void
a_session_of_another_uid_is_not_the_peers(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	session.uid++;
	publish(&session);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
}

static void
a_session_whose_account_is_not_the_uids_is_not_believed(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	session.account = 21296;
	publish(&session);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
}

static void
a_monitor_of_another_start_is_another_process(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	session.monitor_start++;
	publish(&session);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
	assert_int_equal(session_table_count(guard.sessions), 0);
}

static void
the_peer_is_not_its_own_monitor(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[SHELL]);
	publish(&session);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
}

static void
a_peer_that_has_ended_is_nobody(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	assert_int_equal(process_signal(&family[SHELL], SIGKILL), 0);
	while (process_is_alive(&family[SHELL]))
		usleep(1000);
	assert_int_equal(identify(&peer, &entry), -ESRCH);
}

static void
an_orphan_belongs_to_no_session(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(true);
	session = session_of(&family[MONITOR]);
	publish(&session);
	assert_int_equal(process_signal(&family[MONITOR], SIGKILL), 0);
	while (!is_gone(MONITOR))
		usleep(1000);
	assert_true(process_is_alive(&family[SHELL]));
	assert_int_not_equal(identify(&peer, &entry), 0);
}

static void
a_record_that_is_withdrawn_counts_no_longer(void **state)
{
	struct session_entry *entry;
	struct session session;
	struct peer peer;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	assert_int_equal(identify(&peer, &entry), 0);
	withdraw(&session);
	turn(60);
	assert_int_equal(identify(&peer, &entry), ENS_E_NOTFOUND);
	/* The process is still watched: what is left of it ends with it. */
	assert_int_equal(session_table_count(guard.sessions), 1);
}

static void
a_record_of_before_is_taken_in_at_the_start(void **state)
{
	struct session session;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	close_guard();
	appeared = 0;
	open_guard();
	assert_int_equal(appeared, 1);
	assert_int_equal(session_table_count(guard.sessions), 1);
	/* Its processes are known, although no shell has spoken yet. */
	assert_true(process_list_has(
	    &session_table_first(guard.sessions)->members, &family[SSH]));
}

static bool
is_recorded(const struct session *session)
{
	char name[SESSION_NAME_MAX + 16], path[256];

	snprintf(name, sizeof(name), "sessions/%u.%s", session->account,
	    session->id);
	path_of(name, path, sizeof(path));
	return access(path, F_OK) == 0;
}

static void
a_dead_monitor_s_record_of_before_is_removed(void **state)
{
	struct session session;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	close_guard();
	assert_int_equal(process_signal(&family[MONITOR], SIGKILL), 0);
	while (!is_gone(MONITOR))
		usleep(1000);
	appeared = 0;
	open_guard();
	assert_int_equal(appeared, 0);
	assert_int_equal(dead, 1);
	assert_true(is_recorded(&session));
	for (int i = 0; i < 100 && is_recorded(&session); i++)
		turn(100);
	assert_false(is_recorded(&session));
}

static void
a_living_session_keeps_its_record_whatever_is_withdrawn(void **state)
{
	struct session session;

	(void)state;
	start_family(false);
	session = session_of(&family[MONITOR]);
	publish(&session);
	left_over_look(&guard, &session);
	turn(1000);
	assert_true(is_recorded(&session));
	assert_false(is_gone(SSH));
}

/* ---- how it ends ------------------------------------------------------- */

static struct session_entry *
begin_session(uint32_t node, bool deaf)
{
	struct session session;
	struct client *client;
	struct shell *shell;

	start_family(deaf);
	session = session_of(&family[MONITOR]);
	session.node = node;
	publish(&session);
	client = admission_enter(&guard.admission, getuid());
	assert_non_null(client);
	guard_socket_accepted(shell_fd, client, &guard);
	shell_fd = -1; /* the guard's now */
	shell = LIST_FIRST(&guard.shells);
	assert_non_null(shell->entry);
	hop_declare(&shell->hop, NODE, false, bucket_now());
	assert_int_equal(live_hop_add(&guard, shell, &family[SSH]), 0);
	hop_sign(&shell->hop);
	return shell->entry;
}

static void
republish(const struct facts *facts)
{
	view_close(guard.view);
	guard.view = guard_fixture_publish(facts);
	judge_all(&guard);
}

static void
a_suspended_account_s_session_ends(void **state)
{
	(void)state;
	begin_session(0, false);
	republish(&(struct facts){ .suspended = true });
	/* The hop's ssh before anything else has turned. */
	while (!is_gone(SSH))
		usleep(1000);
	assert_false(is_gone(SHELL));
	assert_true(ends(SHELL));
	assert_true(ends(MONITOR));
	turn(100);
	assert_int_equal(over, 1);
	assert_int_equal(session_table_count(guard.sessions), 0);
}

static void
what_does_not_listen_is_killed(void **state)
{
	(void)state;
	begin_session(0, true);
	republish(&(struct facts){ .keyless = true });
	turn(500);
	assert_false(is_gone(SSH));
	assert_false(is_gone(SHELL));
	assert_false(is_gone(MONITOR));
	assert_true(ends(SSH));
	assert_true(ends(SHELL));
	assert_true(ends(MONITOR));
}

static void
a_stopped_environment_ends_the_hop_alone(void **state)
{
	struct session_entry *entry = begin_session(0, false);

	(void)state;
	republish(&(struct facts){ .stopped = true });
	turn(2400);
	assert_true(is_gone(SSH));
	assert_false(is_gone(SHELL));
	assert_false(is_gone(MONITOR));
	assert_int_equal(over, 0);
	live_hop_prune(&guard, entry);
	assert_null(LIST_FIRST(&entry->hops));
}

static void
a_session_of_one_node_ends_with_its_hop(void **state)
{
	(void)state;
	begin_session(NODE, false);
	republish(&(struct facts){ .withdrawn = true });
	assert_true(ends(SSH));
	assert_true(ends(SHELL));
	assert_true(ends(MONITOR));
}

static void
an_answer_that_is_too_long_is_a_sentence(void **state)
{
	char *text = calloc(1, GUARD_REPLY_MAX + 1), line[1024] = "";
	struct client *client = admission_enter(&guard.admission, getuid());
	int fds[2];

	(void)state;
	assert_non_null(client);
	assert_non_null(text);
	memset(text, 'x', GUARD_REPLY_MAX);
	assert_int_equal(socketpair(AF_UNIX,
	                     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	                     fds),
	    0);
	guard_socket_accepted(fds[0], client, &guard);
	shell_tell(LIST_FIRST(&guard.shells), json_pack("{s:s}", "text", text));
	free(text);
	assert_true(read(fds[1], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "\"code\":122"));
	assert_non_null(strstr(line, "\"verdict\":\"too-long\""));
	assert_string_equal(line + strlen(line) - 2, "}\n");
	close(fds[1]);
}

/* The tunnel of native mode: its sshd opens what the guard never hears of. */
static void
begin_tunnel(uint32_t node, int64_t age)
{
	struct session session;
	struct client *client;

	start_family(false);
	session = session_of(&family[MONITOR]);
	session.node = node;
	session.opened = time(NULL) - age;
	publish(&session);
	client = admission_enter(&guard.admission, getuid());
	assert_non_null(client);
	guard_socket_accepted(shell_fd, client, &guard);
	shell_fd = -1; /* the guard's now */
}

static void
a_shell_that_waits_keeps_no_tunnel_open(void **state)
{
	(void)state;
	guard.config.native = true;
	begin_tunnel(NODE, 60);
	hop_declare(&LIST_FIRST(&guard.shells)->hop, NODE, false, bucket_now());
	republish(&(struct facts){ .withdrawn = true });
	assert_true(ends(MONITOR));
}

static void
a_tunnel_ends_also_when_native_mode_is_off_by_then(void **state)
{
	(void)state;
	begin_tunnel(NODE, 60);
	republish(&(struct facts){ .withdrawn = true });
	assert_true(ends(MONITOR));
}

static void
a_tunnel_of_the_future_ends_at_once(void **state)
{
	(void)state;
	begin_tunnel(NODE, -3600);
	republish(&(struct facts){ .withdrawn = true });
	assert_true(ends(MONITOR));
}

static void
a_new_tunnel_ends_at_once(void **state)
{
	(void)state;
	begin_tunnel(NODE, 0);
	republish(&(struct facts){ .withdrawn = true });
	assert_true(session_table_first(guard.sessions)->ending);
	assert_true(ends(MONITOR));
}

static void
who_was_refused_from_the_beginning_gets_time_to_say_so(void **state)
{
	(void)state;
	republish(&(struct facts){ .withdrawn = true });
	begin_tunnel(NODE, 3);
	turn(100);
	assert_false(is_gone(MONITOR));
	assert_true(ends(MONITOR));
}

static void
a_tunnel_ends_when_its_node_moves(void **state)
{
	(void)state;
	guard.config.native = true;
	begin_tunnel(NODE, 60);
	republish(&(struct facts){ .name = "Eda" });
	turn(100);
	assert_false(is_gone(MONITOR));
	republish(&(struct facts){ .address = "198.19.0.19" });
	assert_true(ends(MONITOR));
}

static void
without_native_mode_a_node_may_move(void **state)
{
	(void)state;
	begin_tunnel(NODE, 60);
	republish(&(struct facts){ .address = "198.19.0.19" });
	turn(2400);
	assert_false(is_gone(MONITOR));
}

static void
an_expired_key_ends_its_session_at_that_time(void **state)
{
	(void)state;
	begin_session(0, false);
	republish(&(struct facts){ .key_expires = time(NULL) + 3 });
	turn(100);
	assert_false(is_gone(SSH));
	assert_true(ends(SSH));
	assert_true(ends(MONITOR));
}

static void
cannot_tell_ends_nothing(void **state)
{
	(void)state;
	begin_session(NODE, false);
	view_close(guard.view);
	guard.view = NULL;
	guard.view_error = ENS_E_VIEW;
	judge_all(&guard);
	turn(400);
	assert_false(is_gone(SSH));
	assert_false(is_gone(MONITOR));
	guard.view_error = 0;
}

/* In the view's files, as they are mapped: a name that no user can have. */
static void
damage(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
	    "cd %s && for f in $(grep -rl %s .); do "
	    "dd if=/dev/zero of=$f bs=1 count=%zu conv=notrunc status=none "
	    "seek=$(grep -abo %s $f | head -1 | cut -d: -f1); done",
	    guard_fixture_view_dir(), name, strlen(name), name);
	assert_int_equal(system(command), 0);
}

static void
a_kill_that_cannot_tell_of_all_ends_the_others_and_says_so(void **state)
{
	struct session_entry *entry = begin_session(0, false);
	struct live_hop *unknown = calloc(1, sizeof(*unknown));
	struct operator_client asker = { .guard = &guard, .who.by = "root" };
	const struct request_fields fields = {
		.environment = "cool-waterfall-59"
	};
	json_t *answer;

	(void)state;
	assert_non_null(unknown);
	unknown->node = NODE_SECOND;
	unknown->ssh = family[SHELL];
	LIST_INSERT_HEAD(&entry->hops, unknown, of_session);
	damage("mysql");
	answer = operator_sessions_kill(&asker, &fields);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_string_equal(
	    json_string_value(json_object_get(answer, "verdict")),
	    "incomplete");
	assert_int_equal(json_integer_value(json_object_get(answer, "hops")),
	    1);
	assert_int_equal(json_integer_value(json_object_get(answer, "failed")),
	    1);
	assert_false(unknown->ending);
	json_decref(answer);
	/* Another time there is nothing that can be told. */
	answer = operator_sessions_kill(&asker, &fields);
	assert_string_equal(
	    json_string_value(json_object_get(answer, "verdict")),
	    "cannot-tell");
	json_decref(answer);
	assert_true(ends(SSH));
}

/* Hops whose ssh has ended already: they are only counted. */
static void
a_kill_of_many_ends_some_and_says_that_there_are_more(void **state)
{
	struct session_entry *entry = begin_session(0, false);
	struct operator_client asker = { .guard = &guard, .who.by = "root" };
	struct request_fields fields = { .node = NODE };
	struct live_hop *hop;
	json_t *answer;

	(void)state;
	for (int i = 1; i < OPERATOR_SESSIONS_KILL_MAX; i++) {
		hop = calloc(1, sizeof(*hop));
		assert_non_null(hop);
		hop->node = NODE;
		LIST_INSERT_HEAD(&entry->hops, hop, of_session);
	}
	answer = operator_sessions_kill(&asker, &fields);
	assert_int_equal(json_integer_value(json_object_get(answer, "hops")),
	    OPERATOR_SESSIONS_KILL_MAX);
	assert_true(json_is_true(json_object_get(answer, "more")));
	json_decref(answer);
	fields.more = true;
	hop_declare(&LIST_FIRST(&guard.shells)->hop, NODE, false, bucket_now());
	answer = operator_sessions_kill(&asker, &fields);
	assert_int_equal(json_integer_value(json_object_get(answer, "hops")),
	    1);
	json_decref(answer);
	/* Once each; and nothing more is no refusal, for who asks for that. */
	answer = operator_sessions_kill(&asker, &fields);
	assert_int_equal(json_integer_value(json_object_get(answer, "hops")),
	    0);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_true(json_is_false(json_object_get(answer, "more")));
	json_decref(answer);
	assert_true(ends(SSH));
}

static void
what_is_left_of_a_killed_monitor_ends(void **state)
{
	(void)state;
	begin_session(0, false);
	assert_int_equal(process_signal(&family[MONITOR], SIGKILL), 0);
	while (!is_gone(MONITOR))
		usleep(1000);
	assert_true(ends(SHELL));
	assert_true(ends(SSH));
	assert_int_equal(over, 1);
}

static void
a_hop_outlives_its_connection_and_a_restart(void **state)
{
	struct session_entry *entry = begin_session(0, false);
	struct shell *shell = LIST_FIRST(&guard.shells);

	(void)state;
	/* The shell says that it is over, and lies. */
	hop_clear(&shell->hop);
	live_hop_release(&guard, shell);
	assert_non_null(LIST_FIRST(&entry->hops));
	/* A restart, as main.c does it: the files stay. */
	while (!LIST_EMPTY(&entry->hops)) {
		struct live_hop *hop = LIST_FIRST(&entry->hops);

		LIST_REMOVE(hop, of_session);
		free(hop);
	}
	close_guard();
	open_guard();
	entry = session_table_first(guard.sessions);
	assert_non_null(entry);
	assert_non_null(LIST_FIRST(&entry->hops));
	assert_int_equal(LIST_FIRST(&entry->hops)->node, NODE);
	republish(&(struct facts){ .stopped = true });
	assert_true(ends(SSH));
	assert_false(is_gone(MONITOR));
}

static void
files_of_hops_that_are_over_are_removed(void **state)
{
	char path[128];

	(void)state;
	path_of("hops/" SESSION ".124718.999999.1", path, sizeof(path));
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(access(path, F_OK), 0);
	live_hop_tidy(&guard);
	assert_int_equal(access(path, F_OK), -1);
	path_of("hops/rubbish", path, sizeof(path));
	close(open(path, O_CREAT | O_WRONLY, 0600));
	live_hop_tidy(&guard);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- processes alone --------------------------------------------------- */

static void
no_signal_reaches_a_later_process_of_the_same_pid(void **state)
{
	struct process other;

	(void)state;
	start_family(false);
	other = family[SSH];
	other.start--;
	assert_int_equal(process_signal(&other, SIGKILL), -ESRCH);
	assert_true(process_is_alive(&family[SSH]));
	other.pid = 1;
	assert_int_equal(process_signal(&other, 0), -ESRCH);
	other.pid = -1;
	assert_int_equal(process_signal(&other, 0), -ESRCH);
	other.pid = 0;
	assert_int_equal(process_signal(&other, 0), -ESRCH);
}

static void
all_descendants_are_found(void **state)
{
	struct process_list list = { 0 };

	(void)state;
	start_family(false);
	assert_int_equal(process_list_add(&list, &family[MONITOR]), 0);
	assert_int_equal(process_list_add_descendants(&list), 0);
	assert_int_equal(list.count, FAMILY);
	assert_true(process_list_has(&list, &family[SHELL]));
	assert_true(process_list_has(&list, &family[SSH]));
	process_list_clear(&list);
	assert_int_equal(process_list_add_children(&list, &family[MONITOR]), 0);
	assert_int_equal(list.count, 1);
	assert_true(process_list_has(&list, &family[SHELL]));
	process_list_clear(&list);
}

/* Of processes that do not exist, but for this one. */
static void
a_list_of_many_knows_each_of_them(void **state)
{
	struct process_list list = { 0 };
	struct process self, other;

	(void)state;
	assert_null(process_list_find(&list, 2));
	assert_int_equal(process_find(getpid(), &self), 0);
	for (int i = 0; i < 2; i++)
		for (pid_t pid = 2; pid < 20000; pid++) {
			other = (struct process){ .pid = pid, .start = 1 };
			assert_int_equal(process_list_add(&list, &other), 0);
		}
	assert_int_equal(list.count, 19998);
	assert_int_equal(process_list_add(&list, &self), 0);
	other = self;
	other.start = 2;
	assert_false(process_list_has(&list, &other));
	assert_int_equal(process_list_find(&list, 4711)->start, 1);
	assert_null(process_list_find(&list, 4194305));
	process_list_prune(&list);
	assert_int_equal(list.count, 1);
	assert_true(process_list_has(&list, &self));
	assert_null(process_list_find(&list, self.pid == 4711 ? 4712 : 4711));
	process_list_clear(&list);
}

#define MANY 1500 /* more than a page of their pids */

static void
have_children(int ready)
{
	for (int i = 0; i < MANY; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
the_children_of_a_large_family_are_found_and_nobody_else(void **state)
{
	struct process_list list = { 0 };
	struct process parent;
	pid_t pid, its_parent;
	size_t strangers = 0, count;
	int ready[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		have_children(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(process_find(pid, &parent), 0);
	assert_int_equal(process_list_add_children(&list, &parent), 0);
	count = list.count;
	for (size_t i = 0; i < count; i++)
		strangers += process_stat(list.items[i].pid, NULL,
		                 &its_parent) != 0 ||
		    its_parent != pid;
	process_list_clear(&list);
	kill(pid, SIGKILL);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(count, MANY);
	assert_int_equal(strangers, 0);
}

static void *
start_one(void *arg)
{
	pid_t *pid = arg;

	*pid = fork();
	for (;;)
		pause();
	return NULL;
}

static void
children_of_other_threads_are_children(void **state)
{
	struct process_list list = { 0 };
	volatile pid_t child = 0;
	struct process self, other;
	pthread_t thread;
	bool found;

	(void)state;
	assert_int_equal(process_find(getpid(), &self), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, start_one, (void *)(uintptr_t)&child),
	    0);
	while (child == 0)
		usleep(1000);
	assert_int_equal(process_list_add_children(&list, &self), 0);
	found = process_find(child, &other) == 0 &&
	    process_list_has(&list, &other);
	process_list_clear(&list);
	kill(child, SIGKILL);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	assert_true(found);
}

/* Orphans come to this program, not to the machine's init, and do not stay. */
static int
make(void **state)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return guard_fixture_make(state);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_peer_below_a_registered_monitor_is_its_sessions),
		TEST(without_peer_pidfd_the_pid_and_its_start_tell),
		TEST(a_peer_of_no_session_is_nobody),
		TEST(a_session_of_another_uid_is_not_the_peers),
		TEST(a_session_whose_account_is_not_the_uids_is_not_believed),
		TEST(a_monitor_of_another_start_is_another_process),
		TEST(the_peer_is_not_its_own_monitor),
		TEST(a_peer_that_has_ended_is_nobody),
		TEST(an_orphan_belongs_to_no_session),
		TEST(a_record_that_is_withdrawn_counts_no_longer),
		TEST(a_record_of_before_is_taken_in_at_the_start),
		TEST(a_dead_monitor_s_record_of_before_is_removed),
		TEST(a_living_session_keeps_its_record_whatever_is_withdrawn),
		TEST(a_suspended_account_s_session_ends),
		TEST(what_does_not_listen_is_killed),
		TEST(a_stopped_environment_ends_the_hop_alone),
		TEST(a_session_of_one_node_ends_with_its_hop),
		TEST(an_answer_that_is_too_long_is_a_sentence),
		TEST(a_shell_that_waits_keeps_no_tunnel_open),
		TEST(a_tunnel_ends_also_when_native_mode_is_off_by_then),
		TEST(a_tunnel_of_the_future_ends_at_once),
		TEST(a_new_tunnel_ends_at_once),
		TEST(who_was_refused_from_the_beginning_gets_time_to_say_so),
		TEST(a_tunnel_ends_when_its_node_moves),
		TEST(without_native_mode_a_node_may_move),
		TEST(an_expired_key_ends_its_session_at_that_time),
		TEST(what_holds_after_a_failure_is_what_the_file_says),
		TEST(a_drain_that_cannot_be_read_is_one),
		TEST(cannot_tell_ends_nothing),
		TEST(a_kill_of_many_ends_some_and_says_that_there_are_more),
		TEST(
		    a_kill_that_cannot_tell_of_all_ends_the_others_and_says_so),
		TEST(what_is_left_of_a_killed_monitor_ends),
		TEST(a_hop_outlives_its_connection_and_a_restart),
		TEST(files_of_hops_that_are_over_are_removed),
		TEST(no_signal_reaches_a_later_process_of_the_same_pid),
		TEST(all_descendants_are_found),
		TEST(a_list_of_many_knows_each_of_them),
		TEST(the_children_of_a_large_family_are_found_and_nobody_else),
		TEST(children_of_other_threads_are_children),
	};

	return cmocka_run_group_tests(tests, make, guard_fixture_free);
}

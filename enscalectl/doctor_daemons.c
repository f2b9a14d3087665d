/*
 * What enscale-sync publishes, as those read it that decide by it, and whether
 * it, the guard and enscale-keyd are there. See doctor.h. It refuses to take
 * what root can read for what they can.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "common/view/view.h"
#include "enscalectl/doctor.h"
#include "enscalectl/status.h"
#include "enscalectl/view_verify.h"

/* ---- enscale-sync ------------------------------------------------------- */

static enum doctor_state
judge_sync(struct doctor *doctor, const json_t *sync)
{
	const char *error = json_string_value(
	    json_object_get(sync, "last_error"));
	json_int_t silence = status_sync_silence(sync);

	if (!json_is_object(sync))
		return doctor_fail(doctor, "it has written no status yet");
	if (silence > 0)
		return doctor_fail(doctor,
		    "it has been silent for %lld seconds", (long long)silence);
	if (status_sync_is_in_step(sync))
		return doctor_note(doctor, "in step with the directory");
	doctor_mend(doctor, "enscalectl status says what it waits for");
	return doctor_warn(doctor, "%s%s%s", status_sync_stage(sync),
	    error != NULL && error[0] != '\0' ? ": " : "",
	    error != NULL ? error : "");
}

enum doctor_state
doctor_sync(struct doctor *doctor)
{
	char path[CONFIG_PATH_MAX];
	enum doctor_state state;
	AUTO_FD int fd = -1;
	json_t *sync;

	fd = config_path(doctor->context->config.run_dir, CONFIG_SYNC_SOCKET,
	    path);
	if (fd == 0)
		fd = local_socket_connect(path, SOCK_SEQPACKET, DOCTOR_SECONDS);
	if (fd < 0)
		return doctor_fail(doctor,
		    "enscale-sync does not run, so no change to the directory, "
		    "not even a revocation, has an effect here: %s",
		    error_text(fd));
	sync = status_load_sync(doctor->context);
	state = judge_sync(doctor, sync);
	json_decref(sync);
	return state;
}

/* ---- the view ----------------------------------------------------------- */

static enum doctor_state
judge_age(struct doctor *doctor, const struct view *view)
{
	int64_t max = doctor->context->config.offline_max_age;
	int64_t age = time(NULL) - view_as_of(view);

	if (max == 0 || age <= max)
		return doctor_note(doctor,
		    "generation %llu, in step %lld seconds ago",
		    (unsigned long long)view_generation(view), (long long)age);
	doctor_mend(doctor,
	    "enscalectl status says what enscale-sync waits for");
	return doctor_fail(doctor,
	    "it is %lld seconds old, and offline_max_age is %lld: nobody is "
	    "let in",
	    (long long)age, (long long)max);
}

int
doctor_open_view(const struct doctor *doctor, char ret_path[CONFIG_PATH_MAX],
    struct view **ret_view)
{
	int r = config_path(doctor->context->config.state_dir, CONFIG_VIEW_DIR,
	    ret_path);

	return r != 0 ? r : view_open(ret_path, ret_view);
}

static enum doctor_state
open_view(struct doctor *doctor)
{
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	int r = doctor_open_view(doctor, path, &view);

	return r == 0 ? judge_age(doctor, view)
	              : doctor_fail(doctor, "\"%s\": %s", path, error_text(r));
}

enum doctor_state
doctor_view(struct doctor *doctor)
{
	static const char *const readers[] = { DOCTOR_KEYS_USER,
		DOCTOR_GUARD_USER };
	enum doctor_state state = DOCTOR_OK;
	char seen[DOCTOR_FINDING_MAX];
	size_t i;

	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		state = doctor_look_as(doctor, readers[i], open_view);
		if (state == DOCTOR_OK)
			continue;
		memcpy(seen, doctor->finding, sizeof(seen));
		return doctor_fail(doctor, "user \"%s\": %s", readers[i], seen);
	}
	return state;
}

/* ---- all of it ---------------------------------------------------------- */

/* The first one. */
static void
keep_first(const char *text, void *arg)
{
	struct doctor *doctor = arg;

	if (doctor->finding[0] == '\0')
		(void)doctor_fail(doctor, "%s", text);
}

enum doctor_state
doctor_records(struct doctor *doctor)
{
	struct view_check check = { .report = keep_first, .arg = doctor };
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	int r = doctor_open_view(doctor, path, &view);

	if (r == 0)
		r = view_verify_all(doctor->context, view, &check);
	if (r != 0)
		return doctor_fail(doctor, "%s", error_text(r));
	if (check.wrong > 0)
		return DOCTOR_FAILURE;
	return doctor_note(doctor, "%llu rows are consistent",
	    (unsigned long long)check.rows);
}

/* ---- the guard ---------------------------------------------------------- */

#define HELLO "{\"op\":\"hello\"}\n"

/* Who has no session is refused, or hung up on: somebody is there. */
static int
say_hello(int fd)
{
	char byte;

	if (send(fd, HELLO, strlen(HELLO), MSG_NOSIGNAL) < 0)
		return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
	if (recv(fd, &byte, 1, 0) >= 0 || errno == ECONNRESET)
		return 0;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

/* An ssh that asks without a session would be noted down: the second socket is
 * only connected to. */
static int
knock(const char *path, bool hello)
{
	AUTO_FD int fd = local_socket_connect(path, SOCK_STREAM,
	    DOCTOR_SECONDS / 2);

	if (fd < 0)
		return fd;
	return hello ? say_hello(fd) : 0;
}

static enum doctor_state
knock_at_both(struct doctor *doctor)
{
	static const char *const names[] = { CONFIG_GUARD_SOCKET,
		CONFIG_AGENT_SOCKET };
	char path[CONFIG_PATH_MAX];
	size_t i;
	int r;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		r = config_path(doctor->context->config.run_dir, names[i],
		    path);
		if (r == 0)
			r = knock(path, i == 0);
		if (r != 0)
			return doctor_fail(doctor, "\"%s\": %s", path,
			    error_text(r));
	}
	return DOCTOR_OK;
}

/* Whom the guard does not take for an account. */
enum doctor_state
doctor_guard(struct doctor *doctor)
{
	return doctor_look_as(doctor, "nobody", knock_at_both);
}

/* ---- the writer of keys ------------------------------------------------- */

static enum doctor_state
knock_at_keyd(struct doctor *doctor)
{
	char path[CONFIG_PATH_MAX];
	int r = config_path(doctor->context->config.run_dir, CONFIG_KEYD_SOCKET,
	    path);

	if (r == 0)
		r = knock(path, false);
	return r == 0 ? DOCTOR_OK
	              : doctor_fail(doctor, "\"%s\": %s", path, error_text(r));
}

/* Only the guard asks it. */
enum doctor_state
doctor_keyd(struct doctor *doctor)
{
	return doctor->context->config.manage
	    ? doctor_look_as(doctor, DOCTOR_GUARD_USER, knock_at_keyd)
	    : doctor_note(doctor, "users do not change their keys here");
}

/* enscalectl status: is the directory followed, is there a view and how old is
 * it, does the guard answer, how many sessions are open, and can anybody log in
 * (doctor.h). It refuses to call anything healthy that it could not check. */
#include <config.h>

#include "enscalectl/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "common/protocol/session_registry.h"
#include "common/view/view.h"
#include "enscale_shell/guard_client.h"
#include "enscalectl/doctor.h"
#include "enscalectl/verb.h"

/* What enscale-sync says of itself (enscale_sync/status.h), below run_dir. */
#define SYNC_FILE        "metrics/sync.json"
#define SYNC_SILENCE_MAX 20 /* it speaks every five seconds */
#define SYNC_LINE_MAX    2048
/* From one look at it to the next, and for how long at most. */
#define WAIT_NANOSECONDS 100000000
#define WAIT_SECONDS_MAX 86400

static int
show_view(const struct context *context)
{
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	int64_t age;
	int r;

	r = config_path(context->config.state_dir, CONFIG_VIEW_DIR, path);
	if (r == 0)
		r = view_open(path, &view);
	if (r != 0) {
		printf("%-12scannot be read: %s\n", "view", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	age = time(NULL) - view_as_of(view);
	printf("%-12sgeneration %llu, in step %lld seconds ago\n", "view",
	    (unsigned long long)view_generation(view), (long long)age);
	if (context->config.offline_max_age == 0 ||
	    age <= context->config.offline_max_age)
		return EXIT_YES;
	printf("%-12solder than offline_max_age: nobody is let in\n", "");
	return EXIT_NO;
}

/* ---- enscale-sync ------------------------------------------------------ */

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_text(const char *label, const char *text)
{
	char printable[ENTRY_DN_MAX];

	text_printable(text != NULL ? text : "", printable, sizeof(printable));
	printf("%-12s%s\n", label, printable);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void
print_entries(const json_t *sync)
{
	const json_t *entries = json_object_get(sync, "entries");

	printf("%-12s%lld accounts, %lld keys and %lld as values of accounts, "
	       "%lld environments, %lld nodes\n",
	    "entries", (long long)number(entries, "account"),
	    (long long)number(entries, "key"),
	    (long long)number(sync, "key_values"),
	    (long long)number(entries, "environment"),
	    (long long)number(entries, "node"));
	printf("%-12s%lld refused, %lld without a parent, %lld held back, "
	       "%lld left out, %lld with a warning\n",
	    "", (long long)number(sync, "refused"),
	    (long long)number(sync, "orphans"), (long long)number(sync, "held"),
	    (long long)number(sync, "left_out"),
	    (long long)number(sync, "warnings"));
}

/* Which entries they are, and why: the first hundred of a kind. */
static void
print_lines(const char *label, const json_t *entries)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		print_text(label, text_of(entry, "dn"));
		print_text("", text_of(entry, "reason"));
	}
}

static bool
is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

bool
status_sync_is_in_step(const json_t *sync)
{
	return is_true(sync, "in_step");
}

json_int_t
status_sync_silence(const json_t *sync)
{
	json_int_t silence = (json_int_t)time(NULL) - number(sync, "time");

	return silence > SYNC_SILENCE_MAX ? silence : 0;
}

const char *
status_sync_stage(const json_t *sync)
{
	if (status_sync_is_in_step(sync))
		return "in step";
	if (is_true(sync, "waits"))
		return "not in step: the published view stays in use until a full refresh is complete";
	if (number(sync, "held") > 0)
		return "not in step: something is held back";
	return is_true(sync, "comparing") ? "comparing" : "not in step";
}

static void
print_progress(const json_t *sync)
{
	if (strcmp(text_of(sync, "connection"), "refreshing") == 0)
		printf("%-12s%lld entries so far, %lld a second\n", "",
		    (long long)number(sync, "received"),
		    (long long)number(sync, "receive_rate"));
	if (number(sync, "compared") > 0)
		printf("%-12scompared with the directory %lld seconds ago, "
		       "%lld entries differed since the start\n",
		    "",
		    (long long)((json_int_t)time(NULL) -
		        number(sync, "compared")),
		    (long long)number(sync, "differences"));
}

static void
print_held(const json_t *sync)
{
	if (number(sync, "held") == 0)
		return;
	print_text("held back",
	    text_of(sync, "held_reason")[0] != '\0'
	        ? text_of(sync, "held_reason")
	        : "the directory shows something older than what is "
	          "known here");
	print_text("",
	    "look at the directory; then enscalectl sync accept accepts it");
	print_lines("held back", json_object_get(sync, "held_entries"));
}

static int
print_sync(const json_t *sync)
{
	bool in_step = status_sync_is_in_step(sync);
	json_int_t silence = status_sync_silence(sync);
	bool silent = silence > 0;
	char line[SYNC_LINE_MAX];

	if (silent)
		printf("%-12shas been silent for %lld seconds; before that:\n",
		    "sync", (long long)silence);
	snprintf(line, sizeof(line), "%s %s%s, %s", text_of(sync, "connection"),
	    text_of(sync, "source"),
	    strcmp(text_of(sync, "method"), "poll") == 0 ? ", by polling" : "",
	    status_sync_stage(sync));
	print_text(silent ? "" : "sync", line);
	print_progress(sync);
	print_held(sync);
	print_entries(sync);
	print_lines("refused", json_object_get(sync, "refused_entries"));
	print_lines("warning", json_object_get(sync, "warned_entries"));
	print_lines("over limit", json_object_get(sync, "left_out_entries"));
	print_lines("no parent", json_object_get(sync, "orphan_entries"));
	if (!in_step && text_of(sync, "last_error")[0] != '\0')
		print_text("last error", text_of(sync, "last_error"));
	if (silent)
		return EXIT_CANNOT_TELL;
	return in_step ? EXIT_YES : EXIT_NO;
}

json_t *
status_load_sync(const struct context *context)
{
	char path[CONFIG_PATH_MAX];
	json_error_t error;

	if (config_path(context->config.run_dir, SYNC_FILE, path) != 0)
		return NULL;
	return json_load_file(path, JSON_REJECT_DUPLICATES, &error);
}

/* It has just been started, say. */
static void
wait_until_in_step(const struct context *context, uint32_t seconds)
{
	const struct timespec pause = { .tv_nsec = WAIT_NANOSECONDS };
	time_t end = time(NULL) + seconds;
	bool in_step;
	json_t *sync;

	do {
		sync = status_load_sync(context);
		in_step = status_sync_is_in_step(sync) &&
		    status_sync_silence(sync) == 0;
		json_decref(sync);
		if (!in_step)
			(void)nanosleep(&pause, NULL);
	} while (!in_step && time(NULL) < end);
}

static int
show_sync(const struct context *context)
{
	json_t *sync = status_load_sync(context);
	int code;

	if (json_is_object(sync)) {
		code = print_sync(sync);
	} else {
		print_text("sync", "has left no status");
		code = EXIT_CANNOT_TELL;
	}
	json_decref(sync);
	return code;
}

/* ---- the guard and the sessions ---------------------------------------- */

/* Whoever asks from outside a session is hung up on, or refused: both show
 * that somebody is there. */
static int
show_guard(const struct context *context)
{
	struct guard_client *client = NULL;
	char path[CONFIG_PATH_MAX];
	json_t *request, *reply = NULL;
	int r;

	request = json_pack("{s:s}", "op", "hello");
	r = request == NULL
	    ? -ENOMEM
	    : config_path(context->config.run_dir, CONFIG_GUARD_SOCKET, path);
	if (r == 0)
		r = guard_client_connect(path, &client);
	if (r == 0)
		r = guard_client_ask(client, request, &reply);
	json_decref(request);
	json_decref(reply);
	guard_client_close(client);
	if (r != 0 && r != -EPIPE && r != -ECONNRESET) {
		printf("%-12sdoes not answer: %s\n", "guard", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	printf("%-12sanswers\n", "guard");
	return EXIT_YES;
}

struct count {
	uint32_t alive, dead;
};

static int
count_session(const struct session *session, void *arg)
{
	struct count *count = arg;

	if (session_is_alive(session))
		count->alive++;
	else
		count->dead++;
	return 0;
}

static int
show_sessions(const struct context *context)
{
	char path[CONFIG_PATH_MAX];
	struct count count = { 0 };
	uint32_t broken = 0;
	AUTO_FD int dir = -1;
	int r;

	r = config_path(context->config.run_dir, CONFIG_SESSIONS_DIR, path);
	if (r == 0) {
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			r = -errno;
	}
	if (r == 0)
		r = session_each(dir, 0, count_session, &count, &broken);
	if (r != 0) {
		printf("%-12scannot be read: %s\n", "sessions", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	printf("%-12s%u open", "sessions", count.alive);
	if (count.dead > 0)
		printf(", %u left behind", count.dead);
	if (broken > 0)
		printf(", %u broken", broken);
	putchar('\n');
	return EXIT_YES;
}

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

int
status_show(const struct context *context, int argc, char **argv)
{
	uint32_t seconds;
	int code;

	if (argc == 2 && strcmp(argv[0], "--wait") == 0 &&
	    parse_u32(argv[1], WAIT_SECONDS_MAX, &seconds) == 0)
		wait_until_in_step(context, seconds);
	else if (argc != 0)
		return complain_usage("status");
	code = show_sync(context);
	code = worse(code, show_view(context));
	code = worse(code, show_guard(context));
	code = worse(code, show_sessions(context));
	return worse(code, doctor_show_in_status(context));
}

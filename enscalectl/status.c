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

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "common/protocol/session_registry.h"
#include "common/view/view.h"
#include "enscale_shell/guard_client.h"
#include "enscalectl/doctor.h"
#include "enscalectl/gate.h"
#include "enscalectl/options.h"
#include "enscalectl/output.h"
#include "enscalectl/verb.h"

/* What enscale-sync says of itself (enscale_sync/status.h), below run_dir. */
#define SYNC_FILE        "metrics/sync.json"
#define SYNC_SILENCE_MAX 20 /* it speaks every five seconds */
#define SYNC_LINE_MAX    2048
/* From one look at it to the next, and for how long at most. */
#define WAIT_NANOSECONDS 100000000
#define WAIT_SECONDS_MAX 86400

/* What was seen. An error: it could not be. */
struct sight {
	json_t *sync; /* owned; NULL: it has left no status */
	int view_error;
	uint64_t generation;
	int64_t as_of;
	bool too_old; /* nobody is let in */
	int guard_error;
	int sessions_error;
	uint32_t open, left_behind, broken;
	char drained[GATE_TEXT_MAX]; /* since when, by whom; "": it is not */
};

/* ---- enscale-sync ------------------------------------------------------ */

const struct status_list status_lists[STATUS_LISTS] = {
	{ "held back", "held_entries", "held" },
	{ "refused", "refused_entries", "refused" },
	{ "warning", "warned_entries", "warnings" },
	{ "over limit", "left_out_entries", "left_out" },
	{ "no parent", "orphan_entries", "orphans" },
};

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
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

/* ---- looking ------------------------------------------------------------ */

static void
look_at_view(const struct context *context, struct sight *sight)
{
	const int64_t max = context->config.offline_max_age;
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	int r = config_path(context->config.state_dir, CONFIG_VIEW_DIR, path);

	if (r == 0)
		r = view_open(path, &view);
	sight->view_error = r;
	if (r != 0)
		return;
	sight->generation = view_generation(view);
	sight->as_of = view_as_of(view);
	sight->too_old = max != 0 && time(NULL) - sight->as_of > max;
}

/* Whoever asks from outside a session is hung up on, or refused: both show
 * that somebody is there. */
static void
look_at_guard(const struct context *context, struct sight *sight)
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
	sight->guard_error = r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int
count_session(const struct session *session, void *arg)
{
	struct sight *sight = arg;

	if (session_is_alive(session))
		sight->open++;
	else
		sight->left_behind++;
	return 0;
}

static void
look_at_sessions(const struct context *context, struct sight *sight)
{
	char path[CONFIG_PATH_MAX];
	AUTO_FD int dir = -1;
	int r = config_path(context->config.run_dir, CONFIG_SESSIONS_DIR, path);

	if (r == 0) {
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = dir < 0 ? -errno
		            : session_each(dir, 0, count_session, sight,
		                  &sight->broken);
	}
	sight->sessions_error = r;
}

/* That it cannot be told is a line of doctor's. */
static void
look_at_drain(const struct context *context, struct sight *sight)
{
	if (gate_find_drain(&context->config, sight->drained) != 0)
		sight->drained[0] = '\0';
}

static void
cleanup_sight(struct sight *sight)
{
	json_decref(sight->sync);
}

static void
look(const struct context *context, struct sight *ret_sight)
{
	*ret_sight = (struct sight){ .sync = status_load_sync(context) };
	if (!json_is_object(ret_sight->sync)) {
		json_decref(ret_sight->sync);
		ret_sight->sync = NULL;
	}
	look_at_view(context, ret_sight);
	look_at_guard(context, ret_sight);
	look_at_sessions(context, ret_sight);
	look_at_drain(context, ret_sight);
}

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

/* The exit code, but for what doctor finds. */
static int
judge(const struct sight *sight)
{
	int code = EXIT_YES;

	if (!status_sync_is_in_step(sight->sync) || sight->too_old)
		code = EXIT_NO;
	if (sight->sync == NULL || status_sync_silence(sight->sync) > 0 ||
	    sight->view_error != 0 || sight->guard_error != 0 ||
	    sight->sessions_error != 0)
		code = EXIT_CANNOT_TELL;
	return code;
}

/* ---- in words ----------------------------------------------------------- */

static void
print_text(const char *label, const char *text)
{
	char printable[ENTRY_DN_MAX];

	text_printable(text, printable, sizeof(printable));
	printf("%-12s%s\n", label, printable);
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
print_list(const json_t *sync, const struct status_list *list)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(sync, list->member), i, entry) {
		print_text(list->state, text_of(entry, "dn"));
		print_text("", text_of(entry, "reason"));
	}
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
	print_list(sync, &status_lists[0]);
}

static void
print_sync(const json_t *sync)
{
	json_int_t silence = status_sync_silence(sync);
	char line[SYNC_LINE_MAX];

	if (silence > 0)
		printf("%-12shas been silent for %lld seconds; before that:\n",
		    "sync", (long long)silence);
	snprintf(line, sizeof(line), "%s %s%s, %s", text_of(sync, "connection"),
	    text_of(sync, "source"),
	    strcmp(text_of(sync, "method"), "poll") == 0 ? ", by polling" : "",
	    status_sync_stage(sync));
	print_text(silence > 0 ? "" : "sync", line);
	print_progress(sync);
	print_held(sync);
	print_entries(sync);
	for (size_t i = 1; i < STATUS_LISTS; i++)
		print_list(sync, &status_lists[i]);
	if (!status_sync_is_in_step(sync) &&
	    text_of(sync, "last_error")[0] != '\0')
		print_text("last error", text_of(sync, "last_error"));
}

static void
print_view(const struct sight *sight)
{
	if (sight->view_error != 0) {
		printf("%-12scannot be read: %s\n", "view",
		    error_text(sight->view_error));
		return;
	}
	printf("%-12sgeneration %llu, in step %lld seconds ago\n", "view",
	    (unsigned long long)sight->generation,
	    (long long)(time(NULL) - sight->as_of));
	if (sight->too_old)
		printf("%-12solder than offline_max_age: nobody is let in\n",
		    "");
}

static void
print_sessions(const struct sight *sight)
{
	if (sight->sessions_error != 0) {
		printf("%-12scannot be read: %s\n", "sessions",
		    error_text(sight->sessions_error));
		return;
	}
	printf("%-12s%u open", "sessions", sight->open);
	if (sight->left_behind > 0)
		printf(", %u left behind", sight->left_behind);
	if (sight->broken > 0)
		printf(", %u broken", sight->broken);
	putchar('\n');
}

static int
print_all(const struct context *context, const struct sight *sight)
{
	if (sight->sync != NULL)
		print_sync(sight->sync);
	else
		print_text("sync", "has left no status");
	print_view(sight);
	if (sight->guard_error != 0)
		printf("%-12sdoes not answer: %s\n", "guard",
		    error_text(sight->guard_error));
	else
		printf("%-12sanswers\n", "guard");
	print_sessions(sight);
	if (sight->drained[0] != '\0')
		print_text("drained", sight->drained);
	return doctor_show_in_status(context);
}

/* ---- as JSON ------------------------------------------------------------ */

static json_t *
error_or_null(int error)
{
	return error == 0 ? json_null() : json_string(error_text(error));
}

/* null while it has left no status. */
static void
add_sync(json_t *object, const json_t *sync)
{
	static const struct {
		const char *name, *member;
		bool of_entries;
	} counts[] = {
		{ "accounts", "account", true },
		{ "keys", "key", true },
		{ "key_values", "key_values", false },
		{ "environments", "environment", true },
		{ "nodes", "node", true },
		{ "refused", "refused", false },
		{ "without_parent", "orphans", false },
		{ "held_back", "held", false },
		{ "left_out", "left_out", false },
		{ "with_warning", "warnings", false },
		{ "differences", "differences", false },
	};
	static const char *const texts[] = { "connection", "source", "method",
		"held_reason", "last_error" };
	const json_t *from;
	size_t i;

	(void)json_object_set_new(object, "in_step",
	    json_boolean(status_sync_is_in_step(sync)));
	(void)json_object_set_new(object, "stage",
	    sync != NULL ? json_string(status_sync_stage(sync)) : json_null());
	(void)json_object_set_new(object, "silent_seconds",
	    sync != NULL ? json_integer(status_sync_silence(sync))
	                 : json_null());
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		(void)json_object_set_new(object, texts[i],
		    output_text(text_of(sync, texts[i])));
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		from = counts[i].of_entries ? json_object_get(sync, "entries")
		                            : sync;
		(void)json_object_set_new(object, counts[i].name,
		    sync != NULL ? json_integer(number(from, counts[i].member))
		                 : json_null());
	}
	(void)json_object_set_new(object, "compared",
	    output_time(number(sync, "compared")));
}

static json_t *
count_or_null(const struct sight *sight, uint32_t count)
{
	return sight->sessions_error == 0 ? json_integer(count) : json_null();
}

static int
print_json(const struct context *context, const struct sight *sight)
{
	json_t *object = json_object();
	struct output output;
	int code;

	add_sync(object, sight->sync);
	(void)json_object_set_new(object, "generation",
	    sight->view_error == 0 ? json_integer((json_int_t)sight->generation)
	                           : json_null());
	(void)json_object_set_new(object, "as_of", output_time(sight->as_of));
	(void)json_object_set_new(object, "too_old",
	    json_boolean(sight->too_old));
	(void)json_object_set_new(object, "view_error",
	    error_or_null(sight->view_error));
	(void)json_object_set_new(object, "guard_error",
	    error_or_null(sight->guard_error));
	(void)json_object_set_new(object, "sessions",
	    count_or_null(sight, sight->open));
	(void)json_object_set_new(object, "sessions_left_behind",
	    count_or_null(sight, sight->left_behind));
	(void)json_object_set_new(object, "sessions_broken",
	    count_or_null(sight, sight->broken));
	(void)json_object_set_new(object, "drained",
	    output_text(sight->drained));
	code = doctor_add_to_status(context, object);
	output_begin(&output, true);
	output_record(&output, object);
	output_end(&output);
	return code;
}

/* ---- the verbs ---------------------------------------------------------- */

enum option_code {
	OPT_JSON = 1,
	OPT_WAIT,
};

struct request_of_status {
	uint32_t seconds;
	bool json;
};

static bool
take_option(void *arg, int option, const char *value)
{
	struct request_of_status *request = arg;

	if (option == OPT_JSON)
		request->json = true;
	return option == OPT_JSON ||
	    parse_u32(value, WAIT_SECONDS_MAX, &request->seconds) == 0;
}

int
status_show(const struct context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "wait", required_argument, NULL, OPT_WAIT },
		{ NULL, 0, NULL, 0 },
	};
	struct request_of_status request = { 0, false };
	AUTO(cleanup_sight) struct sight sight = { NULL };
	int first, code;

	if (!options_read(options, argc, argv, take_option, &request, &first) ||
	    first != argc)
		return complain_usage("status");
	if (request.seconds > 0)
		wait_until_in_step(context, request.seconds);
	look(context, &sight);
	code = request.json ? print_json(context, &sight)
	                    : print_all(context, &sight);
	return worse(code, judge(&sight));
}

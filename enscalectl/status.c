/* enscalectl status: is the view there and how old, does the guard answer,
 * who is in. It refuses to call anything well that it could not see. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/session_registry.h"
#include "common/view.h"
#include "enscale_shell/guard_client.h"
#include "enscalectl/verb.h"

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

/* Whoever asks from outside a session is refused, which is an answer. */
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
	if (r != 0) {
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
		r = session_each(dir, count_session, &count, &broken);
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
	int code;

	(void)argv;
	if (argc != 0)
		return complain_usage("status");
	code = show_view(context);
	code = worse(code, show_guard(context));
	return worse(code, show_sessions(context));
}

/* enscalectl sync: sends a request to the running enscale-sync, and lists what
 * that says of entries. It changes nothing by itself, and says so when
 * enscale-sync is not running. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/local_socket.h"
#include "enscalectl/output.h"
#include "enscalectl/request.h"
#include "enscalectl/status.h"
#include "enscalectl/verb.h"

/* It answers in the turns of its loop, which are short. */
#define ANSWER_SECONDS 10

static int
explain_error(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		complain("enscale-sync is not running: nothing is listening on "
		         "\"%s\"",
		    path);
		break;
	case -EACCES:
		complain("\"%s\": only root may ask enscale-sync", path);
		break;
	case -EAGAIN:
		complain("enscale-sync did not answer within %d seconds",
		    ANSWER_SECONDS);
		break;
	default:
		complain("\"%s\": %s", path, error_text(error));
		break;
	}
	return EXIT_CANNOT_TELL;
}

static int
ask(const struct context *context, const char *word)
{
	char path[CONFIG_PATH_MAX], answer[CONTROL_ANSWER_MAX + 1];
	AUTO_FD int fd = -1;
	ssize_t n;

	if (config_path(context->config.run_dir, CONFIG_SYNC_SOCKET, path) != 0)
		return EXIT_CANNOT_TELL;
	fd = local_socket_connect(path, SOCK_SEQPACKET, ANSWER_SECONDS);
	if (fd < 0)
		return explain_error(path, fd);
	if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0)
		return explain_error(path, -errno);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		return explain_error(path, n < 0 ? -errno : -EACCES);
	answer[n] = '\0';
	if (strncmp(answer, "yes ", 4) == 0) {
		puts(answer + 4);
		return EXIT_YES;
	}
	complain("%s", strncmp(answer, "no ", 3) == 0 ? answer + 3 : answer);
	return EXIT_NO;
}

bool
sync_is_running(const struct config *config)
{
	char path[CONFIG_PATH_MAX];
	AUTO_FD int fd = -1;

	if (config_path(config->run_dir, CONFIG_SYNC_SOCKET, path) != 0)
		return false;
	fd = local_socket_connect(path, SOCK_SEQPACKET, ANSWER_SECONDS);
	/* Who may not ask it knows no better. */
	return fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED);
}

int
sync_accept(const struct context *context, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? complain_usage("sync accept")
	                 : ask(context, "accept");
}

int
sync_refresh(const struct context *context, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? complain_usage("sync refresh")
	                 : ask(context, "refresh");
}

/* ---- what it does not use as it is --------------------------------------- */

static const char *
text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static void
list_entries(const json_t *sync, const struct status_list *list,
    struct output *output)
{
	const json_t *entries = json_object_get(sync, list->member), *entry;
	json_int_t count = json_integer_value(
	    json_object_get(sync, list->count));
	size_t i;

	json_array_foreach(entries, i, entry) {
		output_record(output,
		    json_pack("{s:s, s:o, s:o}", "state", list->state, "entry",
		        output_text(text_of(entry, "dn")), "reason",
		        output_text(text_of(entry, "reason"))));
	}
	if (count > (json_int_t)json_array_size(entries))
		complain("%s: %zu of %lld are shown: mend these first",
		    list->state, json_array_size(entries), (long long)count);
}

int
sync_refused(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "sync refused", 0, 0, NULL,
		REQUEST_LOCAL };
	AUTO_JSON json_t *sync = NULL;
	struct request request;
	struct output output;
	json_int_t silence;
	int code = request_read(context, &form, argc, argv, &request);

	if (code != EXIT_YES)
		return code;
	sync = status_load_sync(context);
	if (!json_is_object(sync)) {
		complain("enscale-sync has left no status: enscalectl doctor "
		         "says why");
		return EXIT_CANNOT_TELL;
	}
	silence = status_sync_silence(sync);
	if (silence > 0)
		complain("enscale-sync has been silent for %lld seconds: this "
		         "is from before",
		    (long long)silence);
	output_begin(&output, request.json);
	for (size_t i = 0; i < STATUS_LISTS; i++)
		list_entries(sync, &status_lists[i], &output);
	output_end(&output);
	return silence > 0 ? EXIT_CANNOT_TELL : EXIT_YES;
}

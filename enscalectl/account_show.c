/* enscalectl account show: what support needs, on one screen. It refuses to
 * pass over what it could not read. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "common/protocol/session_registry.h"
#include "enscalectl/history.h"
#include "enscalectl/key_list.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/request.h"

/* What is shown, and where. */
struct show {
	const struct config *config;
	struct directory *directory;
	struct directory_entry account;
	const char *text; /* its number */
	uint32_t number;
	struct history history;
	struct output output;
};

/* ---- keys --------------------------------------------------------------- */

/* Of the log's time, which has a fraction, the second. */
static json_t *
last_used(const struct show *show, const struct entry_key *key)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	const char *time;

	if (key == NULL)
		return json_null();
	fingerprint_format_sha256(key->fingerprint, text);
	time = json_string_value(json_object_get(show->history.used, text));
	return output_text(time);
}

static int
show_key(const struct entry_key *key, const struct entry *entry, void *arg)
{
	struct show *show = arg;
	json_t *object = record_key(key, show->number, entry, true);

	(void)json_object_set_new(object, "last_used", last_used(show, key));
	output_record(&show->output, object);
	return EXIT_YES;
}

/* ---- environments ------------------------------------------------------- */

static bool
is_row_of(const struct entry_member *row, const struct entry *account,
    uint32_t number)
{
	return row->account != 0 ? row->account == number
	                         : entry_goes_by(account, &row->name);
}

/* Of several rows the owner's counts, else the lower. */
static enum environment_role
find_role(const struct entry *environment, const struct entry *account,
    uint32_t number)
{
	const struct entry_member *row = environment->environment.members;
	enum environment_role role = ROLE_NONE;

	if (environment->refused)
		return ROLE_NONE;
	for (uint32_t i = 0; i < environment->environment.member_count; i++) {
		if (!is_row_of(&row[i], account, number) || role == ROLE_OWNER)
			continue;
		if (role == ROLE_NONE || row[i].role == ROLE_OWNER ||
		    row[i].role < role)
			role = row[i].role;
	}
	return role;
}

static int
show_environment(const struct entry *entry, void *arg)
{
	struct show *show = arg;
	enum environment_role role = find_role(entry, &show->account.entry,
	    show->number);

	output_record(&show->output,
	    json_pack("{s:s, s:o, s:o, s:s, s:o, s:o}", "kind", "environment",
	        "cn",
	        entry->refused ? json_null()
	                       : output_text(entry->environment.name),
	        "state",
	        entry->refused ? json_null()
	                       : output_text(environment_state_text(
	                             entry->environment.state)),
	        "role", environment_role_text(role), "dn",
	        output_text(entry->dn), "refused",
	        entry->refused ? output_text(entry->reason) : json_null()));
	return EXIT_YES;
}

static int
show_environments(struct show *show)
{
	char filter[DIRECTORY_FILTER_MAX] = "", own[DIRECTORY_FILTER_MAX];
	bool fits = true;

	directory_filter(show->config, ENTRY_ENVIRONMENT, NULL, NULL, own);
	directory_filter_add(filter, "(&%s(|", own);
	for (int i = 0; i < ACCESS_ROWS; i++)
		fits = fits &&
		    directory_filter_member(filter, show->config,
		        access_rows[i].attribute, show->text, &show->account);
	if (!fits) {
		complain("account %u has too many names to look for",
		    show->number);
		return EXIT_CANNOT_TELL;
	}
	directory_filter_add(filter, "))");
	return directory_each(show->directory, NULL, 0, filter,
	    show_environment, show);
}

/* ---- this gateway ------------------------------------------------------- */

static int
show_session(const struct session *session, void *arg)
{
	struct show *show = arg;
	char key[FINGERPRINT_SHA256_TEXT_LEN + 1];

	if (!session_is_alive(session))
		return 0;
	fingerprint_format_sha256(session->fingerprint, key);
	output_record(&show->output,
	    json_pack("{s:s, s:o, s:o, s:o, s:s, s:o}", "kind", "session",
	        "session", output_text(session->id), "opened",
	        output_time(session->opened), "address",
	        output_text(session->address), "key", key, "node_id",
	        session->node > 0 ? json_integer(session->node) : json_null()));
	return 0;
}

static int
show_sessions(struct show *show)
{
	char path[CONFIG_PATH_MAX];
	AUTO_FD int dir = -1;
	int r = config_path(show->config->run_dir, CONFIG_SESSIONS_DIR, path);

	if (r == 0) {
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = dir < 0
		    ? -errno
		    : session_each(dir, show->number, show_session, show, NULL);
	}
	if (r == -ENOENT)
		return EXIT_YES; /* no gateway runs here */
	if (r == 0)
		return EXIT_YES;
	complain("open sessions cannot be read: \"%s\": %s", path,
	    error_text(r));
	return EXIT_CANNOT_TELL;
}

/* A member of an event, which is as printable as whoever wrote the log has it. */
static json_t *
text_of(const json_t *event, const char *member)
{
	return output_text(json_string_value(json_object_get(event, member)));
}

static void
show_refusals(struct show *show)
{
	const json_t *event;
	json_int_t node;
	size_t i;

	json_array_foreach(show->history.refusals, i, event) {
		node = json_integer_value(json_object_get(event, "node"));
		output_record(&show->output,
		    json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind",
		        "refusal", "time", text_of(event, "time"), "event",
		        text_of(event, "event"), "session",
		        text_of(event, "session"), "node_id",
		        node > 0 ? json_integer(node) : json_null(), "sentence",
		        text_of(event, "sentence")));
	}
}

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

static int
show_all(struct show *show)
{
	int code;

	if (show->account.entry.refused)
		complain("\"%s\" is refused by gateways: %s", show->account.dn,
		    show->account.entry.reason);
	output_details(&show->output,
	    record_account(&show->account.entry, true));
	output_title(&show->output, "keys");
	code = key_list_each(show->directory, &show->account, show_key, show);
	output_title(&show->output, "environments");
	code = worse(code, show_environments(show));
	output_title(&show->output, "open sessions here");
	code = worse(code, show_sessions(show));
	output_title(&show->output, "last refusals here");
	show_refusals(show);
	return code;
}

static int
read_history(struct show *show)
{
	const char *path = show->config->audit_log;
	int r = history_read(path, show->number, &show->history);

	if (r == 0 || r == -ENOENT)
		return EXIT_YES;
	complain("last uses and refusals cannot be read: \"%s\": %s", path,
	    error_text(r));
	return EXIT_CANNOT_TELL;
}

static void
finish(struct show *show)
{
	cleanup_history(&show->history);
	cleanup_directory_entry(&show->account);
	directory_close(show->directory);
}

int
account_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account show", 1, 1, NULL,
		0 };
	AUTO(finish) struct show show = { .config = &context->config };
	struct request request;
	int code = request_read(context, &form, argc, argv, &request), seen;

	if (code == EXIT_YES)
		code = request_number(request.words[0], ACCOUNT_ID_MAX,
		    "an account", &show.number);
	if (code == EXIT_YES)
		code = request_open(&request, &show.directory);
	if (code == EXIT_YES)
		code = directory_find_named(show.directory, ENTRY_ACCOUNT,
		    request.words[0], &show.account);
	if (code != EXIT_YES)
		return code;
	show.text = request.words[0];
	seen = read_history(&show);
	output_begin(&show.output, request.json);
	code = show_all(&show);
	output_end(&show.output);
	return worse(code, seen);
}

/* See published.h. It refuses to call a change done that logins do not see. */
#include <config.h>

#include "enscalectl/published.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/view/view.h"
#include "enscalectl/output.h"
#include "enscalectl/verb.h"

#define LOOK_EVERY   1000000L /* nanoseconds */
#define SENTENCE_MAX 2048

/* ---- the same? ---------------------------------------------------------- */

static bool
fields_are_same(const struct field_table *table, const void *a, const void *b,
    bool loosely)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->rows[i];

		if (loosely &&
		    (field->attribute == SCHEMA_STATE ||
		        field->attribute == SCHEMA_SERVICE_TYPE))
			continue;
		if (field_is_text(field)
		        ? strcmp(field_text(field, a), field_text(field, b)) !=
		            0
		        : field_number(field, a) != field_number(field, b))
			return false;
	}
	return true;
}

static bool
has_account(const struct view *view, const struct published *wanted)
{
	struct account_record record;
	int r = view_find_account(view, wanted->entry->id, &record);

	return wanted->gone ? r == ENS_E_NOTFOUND
	                    : r == 0 &&
	        fields_are_same(&account_fields, &record.fields,
	            &wanted->entry->account.fields, false);
}

static bool
has_key(const struct view *view, const struct published *wanted)
{
	struct key_record record;
	int r = view_find_key(view, wanted->account,
	    wanted->entry->key.fingerprint, &record);

	return wanted->gone ? r == ENS_E_NOTFOUND
	                    : r == 0 &&
	        fields_are_same(&key_fields, &record.fields,
	            &wanted->entry->key.fields, false);
}

/* Who is listed by name is not known here. */
static bool
has_members(const struct environment_record *record, const struct entry *entry)
{
	const struct entry_member *members = entry->environment.members;
	uint32_t count = entry->environment.member_count;
	bool named = count > 0 && members[count - 1].account == 0;
	enum environment_role role;

	if (!named && record->member_count != count)
		return false;
	for (uint32_t i = 0; i < count && members[i].account != 0; i++) {
		role = environment_record_role(record, members[i].account);
		if (named ? role == ROLE_NONE : role != members[i].role)
			return false;
	}
	return true;
}

static bool
has_environment(const struct view *view, const struct published *wanted)
{
	const struct entry *entry = wanted->entry;
	struct environment_record record;
	int r = view_find_environment(view, entry->environment.name, &record);

	return wanted->gone ? r == ENS_E_NOTFOUND
	                    : r == 0 &&
	        fields_are_same(&environment_fields, &record.fields,
	            &entry->environment.fields, false) &&
	        has_members(&record, entry) &&
	        (wanted->member == 0 ||
	            environment_record_role(&record, wanted->member) ==
	                wanted->role);
}

static bool
has_host_keys(const struct node_record *record, const struct entry *entry)
{
	const struct entry_host_key *key = entry->node.host_keys;
	uint32_t i, count = entry->node.host_key_count;
	struct bytes cursor, blob;
	bool has;

	if (record->host_key_count != count)
		return false;
	for (i = 0; i < count; i++) {
		has = false;
		cursor = record->host_keys;
		while (!has && node_record_next_host_key(&cursor, &blob) == 0)
			has = bytes_equal(blob, key[i].blob);
		if (!has)
			return false;
	}
	return true;
}

static bool
has_node(const struct view *view, const struct published *wanted)
{
	struct node_record record;
	int r = view_find_node(view, wanted->entry->id, &record);

	return wanted->gone
	    ? r == ENS_E_NOTFOUND
	    : r == 0 && strcmp(record.environment, wanted->environment) == 0 &&
	        fields_are_same(&node_fields, &record.fields,
	            &wanted->entry->node.fields, wanted->loosely) &&
	        has_host_keys(&record, wanted->entry);
}

/* ---- now, or later ------------------------------------------------------ */

static int
open_view(const struct config *config, struct view **ret_view)
{
	char path[CONFIG_PATH_MAX];
	int r = config_path(config->state_dir, CONFIG_VIEW_DIR, path);

	return r != 0 ? r : view_open(path, ret_view);
}

static bool
has(const struct view *view, const struct published *wanted)
{
	switch (wanted->entry->kind) {
	case ENTRY_ACCOUNT:
		return has_account(view, wanted);
	case ENTRY_KEY:
		return has_key(view, wanted);
	case ENTRY_ENVIRONMENT:
		return has_environment(view, wanted);
	case ENTRY_NODE:
		return has_node(view, wanted);
	case ENTRY_OTHER:
	default:
		return false;
	}
}

bool
published_has(const struct config *config, const struct published *wanted)
{
	AUTO(cleanup_view) struct view *view = NULL;

	return open_view(config, &view) == 0 && has(view, wanted);
}

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without the folder nobody has ever followed a directory here. */
static bool
is_gateway(const struct config *config)
{
	char path[CONFIG_PATH_MAX];

	return config_path(config->state_dir, CONFIG_VIEW_DIR, path) == 0 &&
	    (access(path, F_OK) == 0 || errno != ENOENT);
}

/* A view that is followed. */
struct watch {
	const struct config *config;
	struct view *view; /* owned */
	bool asked;        /* whether anybody brings more */
};

static void
cleanup_watch(const struct watch *watch)
{
	view_close(watch->view);
}

static int
await_one(struct watch *watch, const struct published *wanted)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY };
	const int64_t end = milliseconds() + (int64_t)PUBLISHED_SECONDS * 1000;
	int r = 0;

	while (r == 0 && !has(watch->view, wanted)) {
		if (!watch->asked && !sync_is_running(watch->config))
			return -ECONNREFUSED;
		watch->asked = true;
		while (view_is_current(watch->view) && milliseconds() < end)
			nanosleep(&pause, NULL);
		if (milliseconds() >= end)
			return -ETIMEDOUT;
		view_close(watch->view);
		watch->view = NULL;
		r = open_view(watch->config, &watch->view);
	}
	return r;
}

int
published_await_each(const struct config *config, published_next *next,
    void *arg, int64_t *ret_milliseconds)
{
	const int64_t begin = milliseconds();
	AUTO(cleanup_watch) struct watch watch = { .config = config };
	struct published wanted;
	int r = is_gateway(config) ? open_view(config, &watch.view)
	                           : ENS_E_NOTFOUND;

	while (r == 0 && next(arg, &wanted))
		r = await_one(&watch, &wanted);
	if (r == 0)
		*ret_milliseconds = milliseconds() - begin;
	return r;
}

static bool
next_one(void *arg, struct published *ret_wanted)
{
	const struct published **wanted = arg;

	if (*wanted == NULL)
		return false;
	*ret_wanted = **wanted;
	*wanted = NULL;
	return true;
}

int
published_await(const struct config *config, const struct published *wanted,
    int64_t *ret_milliseconds)
{
	return published_await_each(config, next_one, &wanted,
	    ret_milliseconds);
}

/* ---- in words ----------------------------------------------------------- */

static void
say_json(const char *done, const char *dn, int r, int64_t took)
{
	struct output output;

	output_begin(&output, true);
	output_record(&output,
	    json_pack("{s:o, s:o, s:o}", "done", output_text(done), "dn",
	        output_text(dn), "milliseconds",
	        r == 0 ? json_integer((json_int_t)took) : json_null()));
	output_end(&output);
}

static void
say(const char *done, int r, int64_t took)
{
	if (r == 0)
		printf("%s: this gateway has it after %lld ms\n", done,
		    (long long)took);
	else if (r == ENS_E_NOTFOUND)
		printf("%s: no gateway runs here\n", done);
	else
		printf("%s\n", done);
}

void
published_complain(int error)
{
	if (error == ENS_E_NOTFOUND)
		complain("no gateway runs here");
	else if (error == -ECONNREFUSED)
		complain(
		    "enscale-sync is not running: this gateway has it when "
		    "it does");
	else if (error == -ETIMEDOUT)
		complain("this gateway does not have the entry after %d s: "
		         "enscalectl status says what it follows, and what it "
		         "refuses",
		    PUBLISHED_SECONDS);
	else
		complain("whether this gateway has it cannot be told: %s",
		    error_text(error));
}

int
published_say(const struct config *config, const struct published *wanted,
    bool json, const char *dn, const char *format, ...)
{
	char done[SENTENCE_MAX];
	int64_t took = 0;
	int r = published_await(config, wanted, &took);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(done, sizeof(done), format, args);
	va_end(args);
	if (json)
		say_json(done, dn, r, took);
	else
		say(done, r, took);
	if (r == 0 || r == ENS_E_NOTFOUND)
		return EXIT_YES;
	fflush(stdout);
	published_complain(r);
	return EXIT_CANNOT_TELL;
}

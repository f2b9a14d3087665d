/* enscalectl view: shows or checks everything that is published. It opens what
 * readers open, so a running gateway is not disturbed; it repairs nothing. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/names/account_map.h"
#include "common/view/view_walk.h"
#include "enscalectl/verb.h"
#include "enscalectl/view_check.h"
#include "enscalectl/view_json.h"
#include "enscalectl/view_verify.h"

/* Lines about what is wrong; the rest is counted. */
#define LINES_MAX 100
/* View and map are published one after the other: where they differ, both
 * are looked at again, so often, so many milliseconds apart. */
#define MAP_TRIES 10
#define MAP_PAUSE 100

static int
open_view(const struct context *context, struct view **ret_view)
{
	char path[CONFIG_PATH_MAX];
	int r = config_path(context->config.state_dir, CONFIG_VIEW_DIR, path);

	if (r == 0)
		r = view_open(path, ret_view);
	if (r != 0)
		complain("cannot read the view: %s", error_text(r));
	return r;
}

/* ---- dump -------------------------------------------------------------- */

static void
print_plain(const json_t *value)
{
	AUTO_FREE char *text = json_dumps(value,
	    JSON_COMPACT | JSON_ENCODE_ANY);
	AUTO_FREE char *printable = NULL;
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	printable = malloc(len + 1);
	if (printable == NULL)
		return;
	(void)text_printable(text, printable, len + 1);
	(void)fputs(printable, stdout);
}

/* For eyes: the kind, then what is not empty. */
static void
print_line(json_t *object)
{
	const char *name;
	json_t *value;

	(void)fputs(json_string_value(json_object_get(object, "kind")), stdout);
	json_object_foreach(object, name, value) {
		if (strcmp(name, "kind") == 0 ||
		    (json_is_string(value) && json_string_length(value) == 0))
			continue;
		printf(" %s=", name);
		print_plain(value);
	}
	(void)putchar('\n');
}

static int
print_object(json_t *object, bool json)
{
	if (object == NULL)
		return -ENOMEM;
	if (!json) {
		print_line(object);
	} else {
		/* Plain ASCII, so that nothing in it is for a terminal. */
		(void)json_dumpf(object, stdout,
		    JSON_COMPACT | JSON_ENSURE_ASCII);
		(void)putchar('\n');
	}
	json_decref(object);
	return ferror(stdout) ? -EIO : 0;
}

struct dump {
	bool json;
	bool broken; /* something could not be shown */
};

static int
dump_row(const struct view_row *row, void *arg)
{
	struct dump *dump = arg;
	json_t *object;
	int r;

	if (row->hidden)
		return 0;
	r = view_json(row->record, &row->key, &object);
	if (r == ENS_E_NOTFOUND)
		return 0;
	if (r != 0) {
		dump->broken = true;
		complain("%s: row at %" PRIu32 ": %s", row->segment,
		    row->offset, error_text(r));
		return 0;
	}
	return print_object(object, dump->json);
}

int
view_dump(const struct context *context, int argc, char **argv)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct dump dump = { .json = argc == 1 &&
		    strcmp(argv[0], "--json") == 0 };
	int r;

	if (argc != 0 && !dump.json)
		return complain_usage("view dump");
	if (open_view(context, &view) != 0)
		return EXIT_CANNOT_TELL;
	r = print_object(json_pack("{s:s, s:I, s:I}", "kind", "view",
	                     "generation", (json_int_t)view_generation(view),
	                     "as_of", (json_int_t)view_as_of(view)),
	    dump.json);
	for (uint32_t i = 0; r == 0 && i < view_segment_count(view); i++) {
		r = view_each_row(view, i, dump_row, &dump);
		if (r == ENS_E_CORRUPT) {
			dump.broken = true;
			complain("%s: truncated inside a row",
			    view_segment_name(view, i));
			r = 0;
		}
	}
	if (r == 0 && !dump.broken)
		return EXIT_YES;
	if (r == 0)
		complain(
		    "the output above is incomplete: see enscalectl view verify");
	else
		complain("stopped: %s", error_text(r));
	return EXIT_CANNOT_TELL;
}

/* ---- verify ------------------------------------------------------------ */

static void
print_wrong(const char *text, void *arg)
{
	uint64_t *lines = arg;
	char printable[1024];

	if ((*lines)++ >= LINES_MAX)
		return;
	(void)text_printable(text, printable, sizeof(printable));
	printf("wrong: %s\n", printable);
}

/* Accounts in which map and view differ. */
struct doubts {
	uint32_t accounts[LINES_MAX];
	uint32_t count;
	uint64_t more; /* that found no room */
	const struct account_map *map;
};

static void
doubt(struct doubts *doubts, uint32_t account)
{
	if (doubts->count < LINES_MAX)
		doubts->accounts[doubts->count++] = account;
	else
		doubts->more++;
}

static int
doubt_unmapped(const struct view_row *row, void *arg)
{
	struct doubts *doubts = arg;
	struct account_record account;

	if (row->hidden || row->key.len == 0 ||
	    row->key.data[0] != RECORD_ACCOUNT ||
	    record_decode_account(row->record, &row->key, &account) != 0)
		return 0;
	if (!account_map_has(doubts->map, account.account))
		doubt(doubts, account.account);
	return 0;
}

static void
doubt_all(const struct view *view, struct doubts *doubts)
{
	struct account_record record;
	uint32_t account = 0;

	for (uint32_t i = 0; i < view_segment_count(view); i++)
		(void)view_each_row(view, i, doubt_unmapped, doubts);
	while (account_map_next(doubts->map, account, &account) == 0) {
		if (view_find_account(view, account, &record) != 0)
			doubt(doubts, account);
		account++;
	}
}

/* Looks again at those that differed; false when the view is gone. */
static bool
doubt_again(const struct context *context, struct doubts *doubts)
{
	const struct timespec pause = { .tv_nsec = MAP_PAUSE * 1000000L };
	AUTO(cleanup_view) struct view *view = NULL;
	struct account_record record;
	uint32_t kept = 0;

	(void)nanosleep(&pause, NULL);
	if (open_view(context, &view) != 0)
		return false;
	for (uint32_t i = 0; i < doubts->count; i++) {
		uint32_t account = doubts->accounts[i];

		if ((view_find_account(view, account, &record) == 0) !=
		    account_map_has(doubts->map, account))
			doubts->accounts[kept++] = account;
	}
	doubts->count = kept;
	return true;
}

static int
verify_map(const struct context *context, const struct view *view,
    struct view_check *check)
{
	struct doubts doubts = { .count = 0 };
	char path[CONFIG_PATH_MAX], line[128];
	int r = config_path(context->config.state_dir, CONFIG_MAP_FILE, path);

	if (r == 0)
		r = account_map_open(path, &doubts.map);
	if (r != 0) {
		complain("cannot read \"%s\": %s", path, error_text(r));
		return r;
	}
	if (account_map_uid_base(doubts.map) != context->config.uid_base) {
		check->wrong++;
		check->report("account map: has another uid_base", check->arg);
	}
	doubt_all(view, &doubts);
	for (int i = 0; i < MAP_TRIES && doubts.count > 0; i++) {
		if (!doubt_again(context, &doubts))
			break;
	}
	for (uint32_t i = 0; i < doubts.count; i++) {
		(void)snprintf(line, sizeof(line), "account %" PRIu32 ": %s",
		    doubts.accounts[i],
		    account_map_has(doubts.map, doubts.accounts[i])
		        ? "in the account map, not in the view"
		        : "in the view, not in the account map");
		check->report(line, check->arg);
	}
	check->wrong += doubts.count;
	if (doubts.count > 0)
		check->wrong += doubts.more;
	account_map_close(doubts.map);
	return 0;
}

int
view_verify_all(const struct context *context, const struct view *view,
    struct view_check *check)
{
	view_check_all(check, view);
	return verify_map(context, view, check);
}

static void
say_counts(const struct view *view, const struct view_check *check)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < view_segment_count(view); i++)
		size += view_segment_size(view, i);
	printf("generation %" PRIu64 ": %" PRIu32 " segments, %" PRIu64
	       " bytes, %" PRIu64 " rows\n",
	    view_generation(view), view_segment_count(view), size, check->rows);
	for (size_t i = 0; i < VIEW_KINDS; i++)
		printf("%s%" PRIu64 " %s", i == 0 ? "" : ", ",
		    check->records[i], view_kinds[i].name);
	(void)putchar('\n');
}

int
view_verify(const struct context *context, int argc, char **argv)
{
	AUTO(cleanup_view) struct view *view = NULL;
	uint64_t lines = 0;
	struct view_check check = { .report = print_wrong, .arg = &lines };

	(void)argv;
	if (argc != 0)
		return complain_usage("view verify");
	if (open_view(context, &view) != 0)
		return EXIT_CANNOT_TELL;
	if (view_verify_all(context, view, &check) != 0)
		return EXIT_CANNOT_TELL;
	say_counts(view, &check);
	if (check.wrong == 0) {
		puts("everything agrees");
		return EXIT_YES;
	}
	if (lines > LINES_MAX)
		printf("and %" PRIu64 " more\n", check.wrong - LINES_MAX);
	printf("Errors: %" PRIu64 ". To publish everything again while this "
	       "view stays in use:\n"
	       "    systemctl kill --signal=USR1 enscale-sync\n"
	       "and verify again. If that does not help, the state is broken "
	       "too:\n"
	       "    systemctl stop enscale-sync\n"
	       "    rm %s/%s/state.mdb\n"
	       "    systemctl start enscale-sync\n",
	    check.wrong, context->config.state_dir, CONFIG_STATE_DIR);
	return EXIT_NO;
}

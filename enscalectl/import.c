/* enscalectl import: many accounts, keys, environments and nodes at once. See
 * import.h. It refuses to delete anything: what a file does not have stays. */
#include <config.h>

#include "enscalectl/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/import_progress.h"
#include "enscalectl/published.h"

/* ---- the summary -------------------------------------------------------- */

struct counts {
	json_int_t of[IMPORT_STATES];
};

static struct counts
count_kind(const struct import *import, enum entry_kind kind)
{
	struct counts counts = { { 0 } };

	for (uint32_t i = 0; i < import->count; i++)
		if (import->items[i]->kind == kind)
			counts.of[import->items[i]->state]++;
	if (kind == ENTRY_OTHER) {
		counts.of[IMPORT_REFUSED] = import->unreadable;
		counts.of[IMPORT_SAME] = import->skipped;
	}
	return counts;
}

/* Of a dry run what would be done is counted as done. */
static json_t *
summary_of(const struct import *import, enum entry_kind kind)
{
	struct counts counts = count_kind(import, kind);
	const json_int_t *of = counts.of;
	json_int_t add = of[IMPORT_TO_ADD], change = of[IMPORT_TO_CHANGE];
	bool dry_run = import->request->dry_run;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "kind",
	    entry_kind_text(kind), "added",
	    of[IMPORT_ADDED] + (dry_run ? add : 0), "changed",
	    of[IMPORT_CHANGED] + (dry_run ? change : 0), "unchanged",
	    of[IMPORT_SAME], "refused", of[IMPORT_REFUSED], "unknown",
	    of[IMPORT_UNKNOWN], "left", dry_run ? 0 : add + change);
}

/* A row for each kind; the last is for what is none of them. */
static void
print_summary(const struct import *import)
{
	struct output output;

	output_begin(&output, import->request->json);
	for (size_t i = 0; i < COLUMNS_KINDS; i++)
		output_record(&output, summary_of(import, columns_kinds[i]));
	output_record(&output, summary_of(import, ENTRY_OTHER));
	output_end(&output);
}

static uint32_t
count_state(const struct import *import, enum import_state state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < import->count; i++)
		count += import->items[i]->state == state;
	return count;
}

/* ---- doing it ----------------------------------------------------------- */

static void
say_unfinished(const struct import *import)
{
	uint32_t unknown = count_state(import, IMPORT_UNKNOWN);
	uint32_t left = count_state(import, IMPORT_TO_ADD) +
	    count_state(import, IMPORT_TO_CHANGE);

	if (unknown > 0)
		complain("whether %u of the changes were made is not known",
		    unknown);
	if (left > 0)
		complain("%u changes were not made", left);
	if (unknown + left > 0)
		complain("import the same again: it goes on where this ended");
}

/* What this gateway does not have is said; that none is here is not amiss. */
static int
await(struct import *import)
{
	int64_t took = 0;
	int r;

	if (count_state(import, IMPORT_ADDED) +
	        count_state(import, IMPORT_CHANGED) ==
	    0)
		return EXIT_YES;
	r = import_await(import, &took);
	if (r == 0 && !import->request->json)
		printf("this gateway has it after %" PRId64 " ms\n", took);
	else if (r == ENS_E_NOTFOUND && !import->request->json)
		puts("no gateway runs here");
	if (r == 0 || r == ENS_E_NOTFOUND)
		return EXIT_YES;
	(void)fflush(stdout);
	published_complain(r);
	return EXIT_CANNOT_TELL;
}

static int
do_it(struct import *import)
{
	int code = import_write(import);

	print_summary(import);
	(void)fflush(stdout);
	say_unfinished(import);
	if (code == EXIT_YES)
		code = await(import);
	return code;
}

static int
run(struct import *import)
{
	const struct request *request = import->request;
	int code = request->keys_folder != NULL
	    ? import_read_keys(import, request->keys_folder)
	    : import_read(import, request->words[0]);

	if (code == EXIT_YES && !import_is_over(import))
		code = request_open(request, &import->directory);
	if (code == EXIT_YES && !import_is_over(import))
		code = import_look(import);
	import_about(import, NULL, 0);
	if (code != EXIT_YES) {
		complain("nothing was changed");
		return code;
	}
	if (import_is_over(import)) {
		complain("nothing was changed, as --strict says");
		return EXIT_NO;
	}
	if (request->dry_run)
		print_summary(import);
	else
		code = do_it(import);
	return code == EXIT_YES && import->refused > 0 ? EXIT_NO : code;
}

int
import_run(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "import", 0, 1, NULL,
		REQUEST_BELOW | REQUEST_IMPORT };
	AUTO(cleanup_import)
	struct import import = {
		.config = &context->config,
	};
	struct request request;
	int code = request_read(context, &form, argc, argv, &request);

	if (code == EXIT_YES &&
	    (request.word_count == 1) == (request.keys_folder != NULL))
		return complain_usage(form.verb);
	import.request = &request;
	return code == EXIT_YES ? run(&import) : code;
}

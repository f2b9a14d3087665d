#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enscale_sync/follow_judge.h"
#include "ldap/ldap_time.h"

/* What had been told before is up to the second of these. */
#define EARLY "20260101000001.000000Z#000000#001#000000"
#define LAST  "20260101000002.000000Z#000000#001#000000"
#define LATER "20260101000003.000000Z#000000#001#000000"

#define NONE "-" /* there is no such entry */

/* Of what is suspended, a copy that is not grants more. */
struct row {
	const char *ours, *theirs; /* versions */
	bool grants_more;
	bool behind, late, reread;
	enum verdict_kind kind;
	bool widened, told_before;
};

static struct verdict
judge_at(const struct row *row, int64_t now)
{
	struct csn_set floor = { 0 };
	struct circumstances circumstances = { &floor, row->behind, row->late,
		row->reread, now, false };
	struct entry ours = { .kind = ENTRY_ACCOUNT,
		.csn = row->ours,
		.account.status = ACCOUNT_SUSPENDED };
	struct entry theirs = ours;

	theirs.csn = row->theirs;
	if (row->grants_more)
		theirs.account.status = ACCOUNT_ACTIVE;
	assert_int_equal(csn_set_add(&floor, LAST, strlen(LAST)), 0);
	return follow_judge(&circumstances,
	    strcmp(row->ours, NONE) == 0 ? NULL : &ours, &theirs);
}

static void
look(const struct row *rows, size_t count)
{
	struct verdict verdict;

	for (size_t i = 0; i < count; i++) {
		verdict = judge_at(&rows[i], 0);
		if (verdict.kind == rows[i].kind &&
		    (verdict.widened != NULL) == rows[i].widened &&
		    verdict.told_before == rows[i].told_before)
			continue;
		fail_msg("row %zu: %d, by %s, told before: %d", i, verdict.kind,
		    verdict.widened != NULL ? verdict.widened : "nothing",
		    verdict.told_before);
	}
}

#define LOOK(rows) look(rows, sizeof(rows) / sizeof((rows)[0]))

static void
what_is_not_here_is_let_in_when_it_is_new(void **state)
{
	static const struct row rows[] = {
		{ NONE, LATER, .kind = TAKE },
		{ NONE, "", .kind = TAKE },
		{ NONE, LATER, .behind = true, .kind = TAKE },
		{ NONE, EARLY, .kind = HOLD },
		{ NONE, LAST, .kind = HOLD },
		{ NONE, LAST, .late = true, .kind = HOLD },
		{ NONE, LAST, .reread = true, .kind = HOLD },
	};

	(void)state;
	LOOK(rows);
}

static void
what_is_older_is_held_or_was_told_late(void **state)
{
	static const struct row rows[] = {
		{ LAST, EARLY, .kind = HOLD },
		{ LAST, EARLY, .behind = true, .kind = HOLD },
		{ LAST, EARLY, .reread = true, .kind = HOLD },
		{ LAST, EARLY, .late = true, .kind = PASS_OVER },
		/* By whatever it grants more. */
		{ LAST, EARLY, true, .kind = HOLD },
		{ LAST, EARLY, true, .late = true, .kind = PASS_OVER },
	};

	(void)state;
	LOOK(rows);
}

static void
what_grants_more_has_to_be_later(void **state)
{
	static const struct row rows[] = {
		{ LAST, LAST, .kind = TAKE },
		{ LAST, LAST, true, .kind = HOLD, .widened = true },
		{ LAST, LAST, true, .late = true, .kind = HOLD,
		    .widened = true },
		{ LAST, LAST, true, .reread = true, .kind = TAKE },
		{ LAST, LATER, true, .kind = TAKE },
		{ EARLY, LAST, true, .kind = TAKE },
		/* A version that is hidden is none that is later. */
		{ LAST, "", true, .kind = HOLD, .widened = true },
		{ LAST, "", .kind = TAKE },
		{ "", LAST, true, .kind = TAKE },
		{ "", "", true, .kind = TAKE },
	};

	(void)state;
	LOOK(rows);
}

static void
a_server_that_is_behind_may_not_have_the_last_of_it(void **state)
{
	static const struct row rows[] = {
		{ EARLY, LAST, true, .behind = true, .kind = HOLD,
		    .widened = true, .told_before = true },
		{ EARLY, LAST, true, .behind = true, .reread = true,
		    .kind = HOLD, .widened = true, .told_before = true },
		/* What grants no more may come, and what came after it. */
		{ EARLY, LAST, .behind = true, .kind = TAKE,
		    .told_before = true },
		{ EARLY, LATER, true, .behind = true, .kind = TAKE },
	};

	(void)state;
	LOOK(rows);
}

static void
a_second_is_settled_after_five_minutes(void **state)
{
	const int64_t second = 1767225600;
	char stamp[CSN_LEN + 1];
	struct row row = { stamp, stamp, .grants_more = true };

	(void)state;
	assert_int_equal(ldap_time_csn(second, stamp), 0);
	/* Two changes may be in it. */
	assert_int_equal(judge_at(&row, second).kind, TAKE);
	assert_int_equal(judge_at(&row, second + 300).kind, TAKE);
	assert_int_equal(judge_at(&row, second + 301).kind, HOLD);
	/* Beside a version that says more it is the same one. */
	row.theirs = "20260101000000.000005Z#000000#001#000000";
	assert_int_equal(judge_at(&row, second).kind, HOLD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_here_is_let_in_when_it_is_new),
		cmocka_unit_test(what_is_older_is_held_or_was_told_late),
		cmocka_unit_test(what_grants_more_has_to_be_later),
		cmocka_unit_test(
		    a_server_that_is_behind_may_not_have_the_last_of_it),
		cmocka_unit_test(a_second_is_settled_after_five_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

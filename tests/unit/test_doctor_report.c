/* Unit tests of enscalectl/doctor_report, with tables of our own. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscalectl/doctor_report.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

static unsigned looks;

static enum doctor_state
well(struct doctor *doctor)
{
	looks++;
	return doctor_note(doctor, "seen");
}

static enum doctor_state
warns(struct doctor *doctor)
{
	looks++;
	return doctor_warn(doctor, "two\nlines, \x1b[31m");
}

static enum doctor_state
fails(struct doctor *doctor)
{
	looks++;
	doctor_mend(doctor, "do that");
	return doctor_fail(doctor, "broken");
}

/* A row of doctor's, which probe asks for by what it is. */
enum doctor_state
doctor_configuration(struct doctor *doctor)
{
	return fails(doctor);
}

static const struct doctor_report *
examine(struct doctor *doctor, const struct doctor_check *checks, size_t count)
{
	looks = 0;
	return doctor_examine(doctor, checks, count);
}

static void
what_needs_something_that_failed_is_not_looked_at(void **state)
{
	static const struct doctor_check checks[] = {
		{ .word = "root", .look = fails, .mend = "-" },
		{ .word = "child", .look = fails, .needs = { "root" } },
		{ .word = "grandchild", .look = fails, .needs = { "child" } },
		{ .word = "other", .look = well, .needs = { "warning" } },
	};
	struct doctor doctor = { .scope = DOCTOR_IN_FULL };
	const struct doctor_report *report = examine(&doctor, checks,
	    ROWS(checks));

	(void)state;
	assert_int_equal(looks, 2);
	assert_int_equal(report->count[DOCTOR_FAILURE], 1);
	assert_int_equal(report->outcomes[1].state, DOCTOR_SKIPPED);
	assert_int_equal(report->outcomes[2].state, DOCTOR_SKIPPED);
	assert_string_equal(report->outcomes[2].finding,
	    "not checked: mend child first");
	assert_int_equal(report->outcomes[3].state, DOCTOR_OK);
	assert_int_equal(doctor_worst(report), DOCTOR_FAILURE);
}

static void
a_warning_keeps_nothing_from_being_looked_at(void **state)
{
	static const struct doctor_check checks[] = {
		{ .word = "one", .look = warns, .mend = "of the row" },
		{ .word = "two", .look = well, .needs = { "one" } },
	};
	struct doctor doctor = { .scope = DOCTOR_IN_FULL };
	const struct doctor_report *report = examine(&doctor, checks,
	    ROWS(checks));

	(void)state;
	assert_int_equal(looks, 2);
	assert_int_equal(doctor_worst(report), DOCTOR_WARNING);
	assert_string_equal(report->outcomes[0].finding, "two lines, ?[31m");
	assert_string_equal(report->outcomes[0].mend, "of the row");
	assert_string_equal(report->outcomes[1].mend, "");
}

static void
what_a_look_says_mends_it_counts_more_than_its_row(void **state)
{
	static const struct doctor_check checks[] = {
		{ .word = "one", .look = fails, .mend = "of the row" },
		{ .word = "two", .look = warns, .mend = "of the row" },
	};
	struct doctor doctor = { .scope = DOCTOR_IN_FULL };
	const struct doctor_report *report = examine(&doctor, checks,
	    ROWS(checks));

	(void)state;
	assert_string_equal(report->outcomes[0].mend, "do that");
	assert_string_equal(report->outcomes[1].mend, "of the row");
}

static void
each_scope_has_its_rows(void **state)
{
	static const struct doctor_check checks[] = {
		{ .word = "configuration", .look = doctor_configuration },
		{ .word = "always", .look = well },
		{ .word = "long", .look = well, .not_in_status = true },
		{ .word = "login", .look = well, .request = DOCTOR_LOGIN },
		{ .word = "node", .look = well, .request = DOCTOR_NODE },
	};
	struct doctor doctor = { .scope = DOCTOR_IN_FULL };

	(void)state;
	(void)examine(&doctor, checks, ROWS(checks));
	assert_int_equal(looks, 3);
	doctor.scope = DOCTOR_IN_STATUS;
	(void)examine(&doctor, checks, ROWS(checks));
	assert_int_equal(looks, 2);
	doctor.node = 1;
	(void)examine(&doctor, checks, ROWS(checks));
	assert_int_equal(looks, 3);
}

static void
a_configuration_that_was_not_read_is_in_probe_too(void **state)
{
	static const struct doctor_check checks[] = {
		{ .word = "configuration", .look = doctor_configuration },
		{ .word = "always", .look = well },
		{ .word = "login",
		    .look = well,
		    .request = DOCTOR_NODE,
		    .needs = { "configuration" } },
	};
	struct doctor doctor = { .scope = DOCTOR_IN_PROBE, .node = 1 };
	const struct doctor_report *report = examine(&doctor, checks,
	    ROWS(checks));

	(void)state;
	assert_int_equal(looks, 1);
	assert_int_equal(report->outcomes[2].state, DOCTOR_OK);
	doctor.config_error = "line 3: unknown key";
	report = examine(&doctor, checks, ROWS(checks));
	assert_int_equal(looks, 1);
	assert_int_equal(report->outcomes[0].state, DOCTOR_FAILURE);
	assert_int_equal(report->outcomes[1].state, DOCTOR_UNASKED);
	assert_int_equal(report->outcomes[2].state, DOCTOR_SKIPPED);
	assert_int_equal(doctor_worst(report), DOCTOR_FAILURE);
}

/* Ends without an answer. */
static enum doctor_state
dies(struct doctor *doctor)
{
	(void)doctor;
	_exit(0);
}

/* As who has taken over that user would. */
static enum doctor_state
lies(struct doctor *doctor)
{
	memset(doctor->finding, 'x', sizeof(doctor->finding));
	return (enum doctor_state)4711;
}

static void
who_gives_no_answer_as_a_user_has_failed(void **state)
{
	struct doctor doctor = { .scope = DOCTOR_IN_FULL };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(doctor_look_as(&doctor, "nobody", well), DOCTOR_OK);
	assert_string_equal(doctor.finding, "seen");
	assert_int_equal(doctor_look_as(&doctor, "nobody", dies),
	    DOCTOR_FAILURE);
	assert_int_equal(doctor_look_as(&doctor, "no such user", well),
	    DOCTOR_FAILURE);
	assert_int_equal(doctor_look_as(&doctor, "nobody", lies),
	    DOCTOR_FAILURE);
	assert_int_equal(strlen(doctor.finding), DOCTOR_FINDING_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_needs_something_that_failed_is_not_looked_at),
		cmocka_unit_test(a_warning_keeps_nothing_from_being_looked_at),
		cmocka_unit_test(
		    what_a_look_says_mends_it_counts_more_than_its_row),
		cmocka_unit_test(each_scope_has_its_rows),
		cmocka_unit_test(
		    a_configuration_that_was_not_read_is_in_probe_too),
		cmocka_unit_test(who_gives_no_answer_as_a_user_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

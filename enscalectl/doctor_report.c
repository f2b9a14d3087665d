/*
 * Going through a table of looks: see doctor_report.h. It refuses to call well
 * what it could not look at.
 */
#include <config.h>

#include "enscalectl/doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "enscalectl/as_user.h"

static const char *const words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_FAILURE] = "failure",
	[DOCTOR_SKIPPED] = "skipped",
	[DOCTOR_UNASKED] = "unasked",
};

/* ---- for the looks ------------------------------------------------------ */

__attribute__((format(printf, 2, 0))) static void
put_text(char ret_text[DOCTOR_FINDING_MAX], const char *format, va_list args)
{
	char text[DOCTOR_FINDING_MAX], *end;

	vsnprintf(text, sizeof(text), format, args);
	/* What a program said, in one line. */
	while ((end = strpbrk(text, "\r\n")) != NULL)
		*end = ' ';
	text_printable(text, ret_text, DOCTOR_FINDING_MAX);
}

#define DEFINE_FINDER(name, state)                                             \
	enum doctor_state name(struct doctor *doctor, const char *format, ...) \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, format);                                        \
		put_text(doctor->finding, format, args);                       \
		va_end(args);                                                  \
		return state;                                                  \
	}

DEFINE_FINDER(doctor_fail, DOCTOR_FAILURE)
DEFINE_FINDER(doctor_warn, DOCTOR_WARNING)
DEFINE_FINDER(doctor_note, DOCTOR_OK)

void
doctor_mend(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(doctor->mend, format, args);
	va_end(args);
}

struct look {
	const struct doctor *doctor;
	enum doctor_state (*look)(struct doctor *doctor);
};

static void
look_in_child(const void *arg, void *answer)
{
	const struct look *look = arg;
	struct doctor doctor = *look->doctor;
	struct doctor_outcome *outcome = answer;

	outcome->state = look->look(&doctor);
	memcpy(outcome->finding, doctor.finding, sizeof(doctor.finding));
	memcpy(outcome->mend, doctor.mend, sizeof(doctor.mend));
}

enum doctor_state
doctor_look_as(struct doctor *doctor, const char *name,
    enum doctor_state (*look)(struct doctor *))
{
	const struct look question = { doctor, look };
	struct doctor_outcome outcome = { .state = DOCTOR_FAILURE };
	struct as_user user;
	int r = as_user_find(name, &user);

	if (r != 0)
		return doctor_fail(doctor, "there is no user \"%s\"", name);
	r = as_user_ask(&user, DOCTOR_SECONDS, look_in_child, &question,
	    &outcome, sizeof(outcome));
	if (r != 0)
		return doctor_fail(doctor, "checking as user \"%s\": %s", name,
		    error_text(r));
	/* Who has become somebody else is not believed too much. */
	outcome.finding[DOCTOR_FINDING_MAX - 1] = '\0';
	outcome.mend[DOCTOR_FINDING_MAX - 1] = '\0';
	memcpy(doctor->finding, outcome.finding, sizeof(outcome.finding));
	memcpy(doctor->mend, outcome.mend, sizeof(outcome.mend));
	return outcome.state <= DOCTOR_FAILURE ? outcome.state : DOCTOR_FAILURE;
}

/* ---- looking ------------------------------------------------------------ */

/* What it needs and has not: the word of a row before it, or NULL. */
static const char *
missing(const struct doctor_report *report, const struct doctor_check *check)
{
	enum doctor_state state;
	size_t i, k;

	for (k = 0; k < DOCTOR_NEEDS_MAX && check->needs[k] != NULL; k++)
		for (i = 0; &report->checks[i] != check; i++) {
			state = report->outcomes[i].state;
			if (strcmp(report->checks[i].word, check->needs[k]) ==
			        0 &&
			    (state == DOCTOR_FAILURE ||
			        state == DOCTOR_SKIPPED))
				return check->needs[k];
		}
	return NULL;
}

static void
look_at(const struct doctor_check *check, struct doctor *doctor,
    const struct doctor_report *report, struct doctor_outcome *ret_outcome)
{
	const char *needed = missing(report, check);

	doctor->finding[0] = '\0';
	doctor->mend[0] = '\0';
	if (needed != NULL) {
		ret_outcome->state = DOCTOR_SKIPPED;
		snprintf(ret_outcome->finding, sizeof(ret_outcome->finding),
		    "not checked: mend %s first", needed);
		return;
	}
	ret_outcome->state = check->look(doctor);
	memcpy(ret_outcome->finding, doctor->finding, sizeof(doctor->finding));
	if (ret_outcome->state != DOCTOR_OK)
		snprintf(ret_outcome->mend, sizeof(ret_outcome->mend), "%s",
		    doctor->mend[0] != '\0' ? doctor->mend : check->mend);
}

static bool
is_asked(const struct doctor_check *check, const struct doctor *doctor)
{
	switch (check->request) {
	case DOCTOR_LOGIN:
		return doctor->probe != NULL;
	case DOCTOR_NODE:
		return doctor->node != 0;
	case DOCTOR_EVER:
	default:
		/* By the defaults nobody logs in. */
		if (doctor->scope == DOCTOR_IN_PROBE)
			return check->look == doctor_configuration &&
			    doctor->config_error != NULL;
		return doctor->scope == DOCTOR_IN_FULL || !check->not_in_status;
	}
}

const struct doctor_report *
doctor_examine(struct doctor *doctor, const struct doctor_check *checks,
    size_t count)
{
	static struct doctor_report report;
	struct doctor_outcome *outcome;
	size_t i;

	report = (struct doctor_report){ .checks = checks };
	report.rows = count < DOCTOR_ROWS_MAX ? count : DOCTOR_ROWS_MAX;
	for (i = 0; i < report.rows; i++) {
		outcome = &report.outcomes[i];
		if (is_asked(&checks[i], doctor))
			look_at(&checks[i], doctor, &report, outcome);
		else
			outcome->state = DOCTOR_UNASKED;
		report.count[outcome->state]++;
	}
	return &report;
}

/* "2 failures: nsswitch, view", or nothing. */
static void
print_words(const struct doctor_report *report, enum doctor_state state,
    const char *before)
{
	unsigned left = report->count[state];
	size_t i;

	if (left == 0)
		return;
	printf("%s%u %s%s: ", before, left, words[state], left > 1 ? "s" : "");
	for (i = 0; i < report->rows; i++)
		if (report->outcomes[i].state == state)
			printf("%s%s", report->checks[i].word,
			    --left > 0 ? ", " : "");
}

enum doctor_state
doctor_worst(const struct doctor_report *report)
{
	if (report->count[DOCTOR_FAILURE] > 0)
		return DOCTOR_FAILURE;
	return report->count[DOCTOR_WARNING] > 0 ? DOCTOR_WARNING : DOCTOR_OK;
}

void
doctor_print_summary(const struct doctor_report *report)
{
	print_words(report, DOCTOR_FAILURE, "");
	print_words(report, DOCTOR_WARNING,
	    report->count[DOCTOR_FAILURE] > 0 ? "; " : "");
}

/* ---- printing ----------------------------------------------------------- */

/* The first line is what monitoring shows. */
static void
print_text(const struct doctor_report *report)
{
	const struct doctor_outcome *outcome;
	size_t i;

	if (doctor_worst(report) == DOCTOR_OK)
		printf("all is well: %u checks", report->count[DOCTOR_OK]);
	else
		doctor_print_summary(report);
	putchar('\n');
	for (i = 0; i < report->rows; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		printf("%-8s %-13s %s\n", words[outcome->state],
		    report->checks[i].word,
		    outcome->finding[0] != '\0' ? outcome->finding
		                                : report->checks[i].what);
		if (outcome->mend[0] != '\0')
			printf("%-22s %s\n", "", outcome->mend);
	}
}

static void
print_json(const struct doctor_report *report)
{
	AUTO_JSON json_t *lines = json_array();
	const struct doctor_outcome *outcome;
	size_t i;

	for (i = 0; i < report->rows; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		json_array_append_new(lines,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "check",
		        report->checks[i].word, "state", words[outcome->state],
		        "wanted", report->checks[i].what, "finding",
		        outcome->finding, "mend", outcome->mend));
	}
	json_dumpf(lines, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}

void
doctor_print(const struct doctor_report *report, bool json)
{
	if (json)
		print_json(report);
	else
		print_text(report);
}

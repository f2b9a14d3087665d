/*
 * A table of looks (doctor.h), gone through and printed: doctor's, and others
 * that go by the same rules.
 */
#ifndef ENSCALECTL_DOCTOR_REPORT_H
#define ENSCALECTL_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "enscalectl/doctor.h"

#define DOCTOR_ROWS_MAX 64 /* of a table */

struct doctor_outcome {
	enum doctor_state state;
	char finding[DOCTOR_FINDING_MAX];
	char mend[DOCTOR_FINDING_MAX]; /* "": none needed */
};

struct doctor_report {
	const struct doctor_check *checks; /* borrowed */
	size_t rows;
	struct doctor_outcome outcomes[DOCTOR_ROWS_MAX];
	unsigned count[DOCTOR_UNASKED + 1]; /* by enum doctor_state */
};

/* Looks at each row that doctor->scope wants. A report is large, and there is
 * one: the next one takes its place. */
const struct doctor_report *doctor_examine(struct doctor *doctor,
    const struct doctor_check *checks, size_t count);
/* The exit code. */
enum doctor_state doctor_worst(const struct doctor_report *report);

/* "2 failures: nsswitch, view; 1 warning: clock", or nothing. */
void doctor_print_summary(const struct doctor_report *report);
/* The sum, and each row that was asked for; json: an array of objects. */
void doctor_print(const struct doctor_report *report, bool json);

#endif

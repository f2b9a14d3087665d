/*
 * Checking a view: every checksum, every hash table, and every reference from
 * one record to another. It repairs nothing.
 */
#ifndef ENSCALECTL_VIEW_CHECK_H
#define ENSCALECTL_VIEW_CHECK_H

#include <stdint.h>

#include "common/view/view.h"

struct view_check {
	/* Called with a sentence for each error. */
	void (*report)(const char *text, void *arg);
	void *arg;

	/* Counted by view_check_all(). */
	uint64_t rows;       /* tombstones and hidden ones too */
	uint64_t records[7]; /* that count; in the order of view_kinds */
	uint64_t wrong;
};

/* The letters of enum record_kind and their names. */
#define VIEW_KINDS 7
struct view_kind {
	enum record_kind kind;
	const char *name; /* "accounts" */
};
extern const struct view_kind view_kinds[VIEW_KINDS];

/* Checks the whole view. Errors are reported and counted. */
void view_check_all(struct view_check *check, const struct view *view);

#endif

/*
 * Records as a verb prints them: flat JSON objects, whose members' names and
 * order are what is documented. --json: an array of them. On a terminal:
 * aligned columns. Elsewhere: a line each, its values with tabs between, in
 * the order of the members; a list has commas, and what is not given is empty.
 */
#ifndef ENSCALECTL_OUTPUT_H
#define ENSCALECTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct output {
	bool json, terminal;
	bool begun;
	bool titled;  /* nothing is below the title yet */
	json_t *rows; /* owned: of the columns that are being aligned */
};

void output_begin(struct output *output, bool json);
/* Takes the object over. NULL: there was no memory for it. */
void output_record(struct output *output, json_t *object);
/* The same, for one that a terminal shows with a line for each member. */
void output_details(struct output *output, json_t *object);
/* What the next ones are, on a terminal; "none" is below it without any. */
void output_title(struct output *output, const char *title);
void output_end(struct output *output);

/* A value as text, of a list with that between, of null that; the caller frees
 * it. NULL without memory. */
char *output_value(const json_t *value, const char *between, const char *none);

/* Values: a printable string, null for NULL and ""; RFC 3339, null for 0. */
json_t *output_text(const char *text);
json_t *output_time(int64_t time);

#endif

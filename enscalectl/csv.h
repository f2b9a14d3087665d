/*
 * Comma-separated values (RFC 4180): records of fields with commas between,
 * where one in quotes may hold commas, line ends, and quotes twice. Lines end
 * with LF, CR LF or CR; those without anything are skipped.
 */
#ifndef ENSCALECTL_CSV_H
#define ENSCALECTL_CSV_H

#include <stddef.h>
#include <stdio.h>

#define CSV_FIELDS_MAX 64

/* Begins as zeroes with a file. */
struct csv {
	FILE *file;          /* borrowed */
	unsigned long lines; /* that were read */
	/* The last record: */
	unsigned long line; /* its first, from 1 */
	size_t count;
	const char *fields[CSV_FIELDS_MAX]; /* valid until the next one */
	/* Of all of them, each with a NUL behind it; owned. */
	char *text;
	size_t len, room;
};

/*
 * The next record: 0; ENS_E_NOTFOUND at the end; ENS_E_SYNTAX or ENS_E_LIMIT
 * with what is wrong with its line, and the next call goes on behind it; -errno.
 */
int csv_next(struct csv *csv, const char **ret_wrong);
void cleanup_csv(struct csv *csv);

/* Writes a field as it has to stand in a record. */
void csv_put(FILE *out, const char *field);

#endif

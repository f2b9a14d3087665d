/* See csv.h. It refuses a quote where none may be: what is between it and the
 * next one would be taken for something else. */
#include <config.h>

#include "enscalectl/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/limits.h"

/* ---- reading ------------------------------------------------------------ */

static int
append(struct csv *csv, int c)
{
	size_t room = csv->room > 0 ? 2 * csv->room : 4096;
	char *text;

	if (csv->len == csv->room) {
		if (room > LDIF_RECORD_MAX)
			return ENS_E_LIMIT;
		text = realloc(csv->text, room);
		if (text == NULL)
			return -ENOMEM;
		csv->text = text;
		csv->room = room;
	}
	csv->text[csv->len++] = (char)c;
	return 0;
}

/* A line end, whichever it is, as LF. */
static int
next_character(struct csv *csv)
{
	int c = getc_unlocked(csv->file), next;

	if (c == '\r') {
		next = getc_unlocked(csv->file);
		if (next != '\n' && next != EOF)
			(void)ungetc(next, csv->file);
		c = '\n';
	}
	csv->lines += c == '\n';
	return c;
}

static void
skip_line(struct csv *csv, int c)
{
	while (c != '\n' && c != EOF)
		c = next_character(csv);
}

static int
fail(struct csv *csv, int c, int error, const char *wrong,
    const char **ret_wrong)
{
	skip_line(csv, c);
	*ret_wrong = wrong;
	return error;
}

/* What is behind the quote that opens a field, up to the one that closes it.
 * *ret_next: the character behind that. */
static int
read_quoted(struct csv *csv, int *ret_next)
{
	int c, r = 0;

	while (r == 0 && (c = next_character(csv)) != EOF) {
		if (c == '"' && (c = next_character(csv)) != '"') {
			*ret_next = c;
			return 0;
		}
		r = c == '\0' ? ENS_E_SYNTAX : append(csv, c);
	}
	*ret_next = EOF;
	return r != 0 ? r : ENS_E_SYNTAX;
}

static int
read_plain(struct csv *csv, int c, int *ret_next)
{
	int r = 0;

	for (; r == 0 && c != ',' && c != '\n' && c != EOF;
	     c = next_character(csv))
		r = c == '"' || c == '\0' ? ENS_E_SYNTAX : append(csv, c);
	*ret_next = c;
	return r;
}

/* Begins with the first character of the field. */
static int
read_field(struct csv *csv, int c, int *ret_next, const char **ret_wrong)
{
	bool quoted = c == '"';
	int next = c;
	int r = quoted ? read_quoted(csv, &next) : read_plain(csv, c, &next);

	if (r == ENS_E_SYNTAX)
		return fail(csv, next, r,
		    quoted ? "a field whose quotes are not closed"
		           : "a quote in a field without quotes around it",
		    ret_wrong);
	if (r == 0 && next != ',' && next != '\n' && next != EOF)
		return fail(csv, next, ENS_E_SYNTAX,
		    "something behind the quotes around a field", ret_wrong);
	if (r == 0)
		r = append(csv, '\0');
	if (r != 0)
		return fail(csv, next, r, error_text(r), ret_wrong);
	*ret_next = next;
	return 0;
}

/* The first character of the next line that is not empty, or EOF. */
static int
begin_record(struct csv *csv)
{
	int c;

	do {
		csv->line = csv->lines + 1;
		c = next_character(csv);
	} while (c == '\n');
	csv->count = csv->len = 0;
	return c;
}

/* Fields are found when all of them are read: the text moves as it grows. */
static void
find_fields(struct csv *csv)
{
	const char *at = csv->text;

	for (size_t i = 0; i < csv->count; i++) {
		csv->fields[i] = at;
		at += strlen(at) + 1;
	}
}

int
csv_next(struct csv *csv, const char **ret_wrong)
{
	int c = begin_record(csv), next = ',', r;

	if (c == EOF)
		return ferror(csv->file) ? -EIO : ENS_E_NOTFOUND;
	while (next == ',') {
		if (csv->count == CSV_FIELDS_MAX)
			return fail(csv, c, ENS_E_LIMIT,
			    error_text(ENS_E_LIMIT), ret_wrong);
		r = read_field(csv, c, &next, ret_wrong);
		if (r != 0)
			return r;
		csv->count++;
		if (next == ',')
			c = next_character(csv);
	}
	find_fields(csv);
	return 0;
}

void
cleanup_csv(struct csv *csv)
{
	free(csv->text);
	csv->text = NULL;
}

/* ---- writing ------------------------------------------------------------ */

void
csv_put(FILE *out, const char *field)
{
	if (strpbrk(field, ",\"\r\n") == NULL) {
		fputs(field, out);
		return;
	}
	putc('"', out);
	for (; *field != '\0'; field++) {
		if (*field == '"')
			putc('"', out);
		putc(*field, out);
	}
	putc('"', out);
}

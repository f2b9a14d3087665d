/* See output.h. It refuses to bring control characters to a terminal. */
#include <config.h>

#include "enscalectl/output.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

#define ALIGNED_MAX 1000 /* rows, whose columns have one width */
#define COLUMNS_MAX 32
#define LIST_WIDTH  40 /* of a list that a terminal shows in a column */
#define LABEL_WIDTH 16

/* ---- values ------------------------------------------------------------- */

json_t *
output_text(const char *text)
{
	AUTO_FREE char *printable = NULL;

	if (text == NULL || text[0] == '\0')
		return json_null();
	printable = text_copy_printable(text);
	return printable != NULL ? json_string(printable) : NULL;
}

json_t *
output_time(int64_t time)
{
	const time_t second = (time_t)time;
	struct tm utc;
	char text[32];

	if (time == 0 || gmtime_r(&second, &utc) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		return json_null();
	return json_string(text);
}

/* ---- a cell ------------------------------------------------------------- */

/* What is only for programs, or is said elsewhere. */
static bool
is_hidden(const char *member)
{
	return strcmp(member, "dn") == 0 || strcmp(member, "refused") == 0 ||
	    strcmp(member, "kind") == 0 || strcmp(member, "md5") == 0;
}

/* Whatever it is from: who made the record may have taken it as it came. */
static void
put_text(FILE *out, const char *text)
{
	AUTO_FREE char *printable = text_copy_printable(text);

	fputs(printable != NULL ? printable : "?", out);
}

static void
put_scalar(FILE *out, const json_t *value, const char *none)
{
	if (json_is_string(value))
		put_text(out, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else
		fputs(none, out);
}

static void
put_value(FILE *out, const json_t *value, const char *between, const char *none)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		put_scalar(out, value, none);
		return;
	}
	if (json_array_size(value) == 0)
		fputs(none, out);
	json_array_foreach(value, i, item) {
		fputs(i > 0 ? between : "", out);
		put_scalar(out, item, none);
	}
}

char *
output_value(const json_t *value, const char *between, const char *none)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	put_value(out, value, between, none);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The caller frees it; NULL without memory. */
static char *
cell(const json_t *value)
{
	char *text = output_value(value, ",", "-");

	if (text == NULL || !json_is_array(value) || strlen(text) <= LIST_WIDTH)
		return text;
	free(text);
	text = NULL;
	return asprintf(&text, "%zu of them", json_array_size(value)) < 0
	    ? NULL
	    : text;
}

static int
width_of(const char *text)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n, left = strlen(text);
	int width = 0, one;

	while (left > 0 && (n = mbrtowc(&c, text, left, &state)) > 0 &&
	    n <= left) {
		one = wcwidth(c);
		width += one > 0 ? one : 0;
		text += n;
		left -= n;
	}
	return width;
}

/* ---- a table ------------------------------------------------------------ */

static void
measure(const json_t *rows, int widths[COLUMNS_MAX])
{
	json_t *row;
	const json_t *value;
	const char *name;
	size_t i;
	int column, width;

	json_array_foreach(rows, i, row) {
		column = 0;
		json_object_foreach(row, name, value) {
			AUTO_FREE char *text = cell(value);

			if (is_hidden(name) || column == COLUMNS_MAX)
				continue;
			width = text != NULL ? width_of(text) : 0;
			if (width_of(name) > width)
				width = width_of(name);
			if (width > widths[column])
				widths[column] = width;
			column++;
		}
	}
}

/* The last column has no blanks behind it. */
static void
print_cell(const char *text, int width, bool last)
{
	printf("%s%*s", text, last ? 0 : width - width_of(text) + 2, "");
}

static int
count_shown(json_t *row)
{
	const json_t *value;
	const char *name;
	int count = 0;

	json_object_foreach(row, name, value)
		count += !is_hidden(name) && count < COLUMNS_MAX;
	return count;
}

static void
print_row(json_t *row, const int widths[COLUMNS_MAX], bool names)
{
	int column = 0, count = count_shown(row);
	const json_t *value;
	const char *name;

	json_object_foreach(row, name, value) {
		AUTO_FREE char *text = names ? NULL : cell(value);

		if (is_hidden(name) || column == COLUMNS_MAX)
			continue;
		print_cell(names       ? name
		        : text != NULL ? text
		                       : "?",
		    widths[column], column + 1 == count);
		column++;
	}
	putchar('\n');
}

static void
print_table(struct output *output)
{
	int widths[COLUMNS_MAX] = { 0 };
	json_t *row;
	size_t i;

	if (json_array_size(output->rows) == 0)
		return;
	measure(output->rows, widths);
	print_row(json_array_get(output->rows, 0), widths, true);
	json_array_foreach(output->rows, i, row)
		print_row(row, widths, false);
	(void)json_array_clear(output->rows);
}

/* ---- records ------------------------------------------------------------ */

static void
print_line(json_t *object)
{
	const json_t *value;
	const char *name;
	bool first = true;

	json_object_foreach(object, name, value) {
		if (!first)
			putchar('\t');
		put_value(stdout, value, ",", "");
		first = false;
	}
	putchar('\n');
}

static void
print_details(json_t *object)
{
	const json_t *value;
	const char *name;

	json_object_foreach(object, name, value) {
		if (strcmp(name, "kind") == 0)
			continue;
		printf("%-*s", LABEL_WIDTH, name);
		put_value(stdout, value, "\n                ", "-");
		putchar('\n');
	}
}

static void
print_json(struct output *output, const json_t *object)
{
	fputs(output->begun ? ",\n " : "[", stdout);
	output->begun = true;
	(void)json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
}

/* As a program ends that writes into a pipe without a reader: directory.c has
 * it live on, for the sake of another connection. */
static void
end_unread(void)
{
	if (!ferror(stdout) || errno != EPIPE)
		return;
	(void)signal(SIGPIPE, SIG_DFL);
	(void)raise(SIGPIPE);
}

void
output_begin(struct output *output, bool json)
{
	*output = (struct output){ .json = json,
		.terminal = !json && isatty(STDOUT_FILENO) == 1,
		.rows = json_array() };
}

void
output_record(struct output *output, json_t *object)
{
	output->titled = false;
	if (output->terminal) {
		(void)json_array_append_new(output->rows, object);
		if (json_array_size(output->rows) >= ALIGNED_MAX)
			print_table(output);
		return;
	}
	if (object != NULL && output->json)
		print_json(output, object);
	else if (object != NULL)
		print_line(object);
	end_unread();
	json_decref(object);
}

void
output_details(struct output *output, json_t *object)
{
	if (!output->terminal) {
		output_record(output, object);
		return;
	}
	print_table(output);
	if (object != NULL)
		print_details(object);
	json_decref(object);
}

void
output_title(struct output *output, const char *title)
{
	if (!output->terminal)
		return;
	print_table(output);
	if (output->titled)
		puts("none");
	printf("\n%s\n", title);
	output->titled = true;
}

void
output_end(struct output *output)
{
	if (output->json)
		puts(output->begun ? "]" : "[]");
	else
		print_table(output);
	if (output->titled)
		puts("none");
	(void)fflush(stdout);
	end_unread();
	json_decref(output->rows);
	output->rows = NULL;
}

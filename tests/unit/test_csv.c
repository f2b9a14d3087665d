/* Comma-separated values, there and back. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscalectl/csv.h"

static char file_text[1024];

static FILE *
file_of(const char *text, size_t len)
{
	FILE *file;

	memcpy(file_text, text, len);
	file = len > 0 ? fmemopen(file_text, len, "r")
	               : fopen("/dev/null", "re");
	assert_non_null(file);
	return file;
}

/* "line:field|field;" of each record; "line!wrong;" of each fault. */
static void
read_all(const char *text, size_t len, char *buf, size_t size)
{
	struct csv csv = { .file = file_of(text, len) };
	const char *wrong = NULL;
	size_t used = 0;
	int r;

	buf[0] = '\0';
	while ((r = csv_next(&csv, &wrong)) != ENS_E_NOTFOUND) {
		assert_true(r == 0 || r == ENS_E_SYNTAX || r == ENS_E_LIMIT);
		used += (size_t)snprintf(buf + used, size - used, "%lu%s",
		    csv.line, r == 0 ? ":" : "!");
		for (size_t i = 0; r == 0 && i < csv.count; i++)
			used += (size_t)snprintf(buf + used, size - used,
			    "%s%s", i > 0 ? "|" : "", csv.fields[i]);
		used += (size_t)snprintf(buf + used, size - used, "%s;",
		    r == 0 ? "" : wrong);
	}
	cleanup_csv(&csv);
	fclose(csv.file);
}

static void
assert_reads(const char *text, const char *wanted)
{
	char buf[2048];

	read_all(text, strlen(text), buf, sizeof(buf));
	assert_string_equal(buf, wanted);
}

static void
fields_have_commas_between_and_lines_any_end(void **state)
{
	(void)state;
	assert_reads("", "");
	assert_reads("a,b\nc,d", "1:a|b;2:c|d;");
	assert_reads("a,b\r\nc,\r,e\n\n\n,\n", "1:a|b;2:c|;3:|e;6:|;");
}

static void
quotes_hold_commas_line_ends_and_quotes(void **state)
{
	(void)state;
	assert_reads("\"a,b\",\"c\r\nd\"\n\"e \"\"f\"\"\",\"\"\n",
	    "1:a,b|c\nd;3:e \"f\"|;");
}

static void
a_quote_where_none_may_be_is_a_fault_of_its_line_alone(void **state)
{
	(void)state;
	assert_reads("a,b\"c,d\ne,f\n",
	    "1!a quote in a field without quotes around it;2:e|f;");
	assert_reads("\"a\"b,c\nd,e\n",
	    "1!something behind the quotes around a field;2:d|e;");
	assert_reads("a,b\n\"c,d\ne,f\n",
	    "1:a|b;2!a field whose quotes are not closed;");
}

static void
a_nul_byte_and_too_many_fields_are_faults(void **state)
{
	char text[256], buf[2048];

	(void)state;
	read_all("a\0b,c\nd\n", 8, buf, sizeof(buf));
	assert_non_null(strstr(buf, "1!"));
	assert_non_null(strstr(buf, ";2:d;"));
	memset(text, ',', CSV_FIELDS_MAX);
	memcpy(text + CSV_FIELDS_MAX, "\na\n", 4);
	read_all(text, strlen(text), buf, sizeof(buf));
	assert_non_null(strstr(buf, "1!"));
	assert_non_null(strstr(buf, ";2:a;"));
}

static void
what_is_written_is_read_again(void **state)
{
	static const char *const fields[] = { "plain", "", "a,b", "say \"no\"",
		"two\nlines", " blanks " };
	char *text = NULL;
	const char *wrong;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);
	struct csv csv = { .file = NULL };

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (i > 0)
			putc(',', out);
		csv_put(out, fields[i]);
	}
	fclose(out);
	csv.file = file_of(text, len);
	assert_int_equal(csv_next(&csv, &wrong), 0);
	assert_int_equal(csv.count, i);
	while (i-- > 0)
		assert_string_equal(csv.fields[i], fields[i]);
	cleanup_csv(&csv);
	fclose(csv.file);
	free(text);
}

static void
no_text_reads_behind_its_end(void **state)
{
	static const char text[] = "a,\"b\"\"c\",d\r\n\"e\r\nf\",g\n";
	char buf[2048], cut[sizeof(text)];

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		read_all(text, len, buf, sizeof(buf));
	for (size_t i = 0; i < (sizeof(text) - 1) * 8; i++) {
		memcpy(cut, text, sizeof(text));
		cut[i / 8] = (char)(cut[i / 8] ^ 1 << i % 8);
		read_all(cut, sizeof(text) - 1, buf, sizeof(buf));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_have_commas_between_and_lines_any_end),
		cmocka_unit_test(quotes_hold_commas_line_ends_and_quotes),
		cmocka_unit_test(
		    a_quote_where_none_may_be_is_a_fault_of_its_line_alone),
		cmocka_unit_test(a_nul_byte_and_too_many_fields_are_faults),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(no_text_reads_behind_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

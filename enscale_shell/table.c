/* See table.h. Never cuts a text: what does not fit wraps. */
#include <config.h>

#include "enscale_shell/table.h"

#include <string.h>
#include <wchar.h>

#define ROW_SPACE  2 /* in front of the number */
#define CELL_SPACE 2

static const char *const tones[] = {
	[TABLE_PLAIN] = "",
	[TABLE_STRONG] = "\033[1m",
	[TABLE_GOOD] = "\033[32m",
	[TABLE_BAD] = "\033[33m",
};

int
table_text_width(const char *text)
{
	mbstate_t state = { 0 };
	wchar_t character;
	int width = 0, w;
	size_t n;

	while (*text != '\0') {
		n = mbrtowc(&character, text, strlen(text), &state);
		if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
			memset(&state, 0, sizeof(state));
			n = 1;
			character = L'?';
		}
		w = wcwidth(character);
		width += w > 0 ? w : 0;
		text += n;
	}
	return width;
}

int
table_number_width(size_t number)
{
	return number < 10 ? 1 : 1 + table_number_width(number / 10);
}

void
table_cell(struct table_row *row, const char *text, enum table_tone tone)
{
	if (row->count == TABLE_CELLS_MAX)
		return;
	row->cells[row->count] = text[0] != '\0' ? text : "-";
	row->tones[row->count++] = tone;
}

void
table_widen(struct table *table, const struct table_row *row)
{
	int width, length = ROW_SPACE + table_number_width(row->number);
	size_t i;

	for (i = 0; i < row->count; i++) {
		width = table_text_width(row->cells[i]);
		if (width > table->cells[i])
			table->cells[i] = width;
		length += CELL_SPACE + width;
	}
	if ((unsigned)length > table->longest)
		table->longest = (unsigned)length;
}

void
table_fit(struct table *table, unsigned columns)
{
	unsigned total = ROW_SPACE + 1 + (unsigned)table->number;
	size_t i;

	for (i = 0; i < TABLE_CELLS_MAX; i++)
		if (table->cells[i] > 0)
			total += CELL_SPACE + (unsigned)table->cells[i];
	if (total - 1 <= columns)
		table->longest = total - 1;
	else
		memset(table->cells, 0, sizeof(table->cells));
}

void
table_text(FILE *out, const char *text, enum table_tone tone, bool has_colour)
{
	if (!has_colour || tone == TABLE_PLAIN)
		fputs(text, out);
	else
		fprintf(out, "%s%s\033[0m", tones[tone], text);
}

void
table_print(FILE *out, const struct table *table, const struct table_row *row,
    bool has_colour)
{
	int pad;
	size_t i;

	fprintf(out, "%*s%zu.",
	    ROW_SPACE + table->number - table_number_width(row->number), "",
	    row->number);
	for (i = 0; i < row->count; i++) {
		fputs(i == 0 ? " " : "  ", out);
		table_text(out, row->cells[i], row->tones[i], has_colour);
		pad = table->cells[i] - table_text_width(row->cells[i]);
		if (i + 1 < row->count && pad > 0)
			fprintf(out, "%*s", pad, "");
	}
	fputc('\n', out);
}

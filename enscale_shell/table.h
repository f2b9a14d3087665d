/*
 * Rows of text in columns, as wide as a terminal shows them. Colour is an
 * addition: without it the same words say the same.
 */
#ifndef ENSCALE_SHELL_TABLE_H
#define ENSCALE_SHELL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_CELLS_MAX 8

enum table_tone {
	TABLE_PLAIN,
	TABLE_STRONG,
	TABLE_GOOD,
	TABLE_BAD,
};

struct table_row {
	size_t number;
	size_t count;
	const char *cells[TABLE_CELLS_MAX]; /* borrowed */
	enum table_tone tones[TABLE_CELLS_MAX];
};

struct table {
	int number;                 /* columns of the longest number */
	int cells[TABLE_CELLS_MAX]; /* of each cell; 0: not aligned */
	unsigned longest;           /* of a whole row */
};

/* Adds a cell; an empty text is "-". */
void table_cell(struct table_row *row, const char *text, enum table_tone tone);
/* Makes room for a row. */
void table_widen(struct table *table, const struct table_row *row);
/* Call it after the last row: columns that do not fit the terminal are not
 * aligned, so that fewer lines wrap. */
void table_fit(struct table *table, unsigned columns);
int table_number_width(size_t number);

/* "  12. cell  cell", and a line end. */
void table_print(FILE *out, const struct table *table,
    const struct table_row *row, bool has_colour);
void table_text(FILE *out, const char *text, enum table_tone tone,
    bool has_colour);

/* Columns that a text takes on a terminal. */
int table_text_width(const char *text);

#endif

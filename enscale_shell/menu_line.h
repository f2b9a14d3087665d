/*
 * One line that somebody types into the menu, byte by byte, because what
 * follows it may be for the node: nothing after the line's end is read. It
 * knows the keys of the terminal's own editor (stty(1): erase, werase, kill,
 * intr, quit, eof) and shows what is typed.
 */
#ifndef ENSCALE_SHELL_MENU_LINE_H
#define ENSCALE_SHELL_MENU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MENU_LINE_MAX 4096 /* bytes */

struct menu_line {
	bool is_too_long;
	size_t len;
	char text[MENU_LINE_MAX + 1]; /* a string, when it is complete */
};

enum menu_line_state {
	MENU_LINE_OPEN, /* not complete yet */
	MENU_LINE_WHOLE,
	MENU_LINE_RUBBISH, /* complete, but not typed by hand, or too long */
	MENU_LINE_BACK,    /* Ctrl-C */
	MENU_LINE_LEAVE,   /* Ctrl-D at the beginning of a line */
};

/* The byte for each key; 0 if the client has none. */
struct menu_line_keys {
	unsigned char erase, word_erase, kill, interrupt, quit, end;
};

void menu_line_clear(struct menu_line *line);
/* Writes to out what should be seen of all that was typed so far. */
void menu_line_show(const struct menu_line *line, FILE *out);
/* Takes one byte, and writes to out what should be seen of it. */
enum menu_line_state menu_line_take(struct menu_line *line,
    const struct menu_line_keys *keys, unsigned char byte, FILE *out);

#endif

/*
 * The menu of the platform: plain lines, so that it reads well on a dumb
 * terminal, in a screen reader and through expect.
 */
#ifndef ENSCALE_SHELL_MENU_H
#define ENSCALE_SHELL_MENU_H

#include <stddef.h>
#include <stdio.h>

#include "enscale_shell/listing.h"
#include "enscale_shell/shell.h"

/* The numbers that every menu has; rows begin at MENU_FIRST_ROW. */
#define MENU_LEAVE     0
#define MENU_REFRESH   1
#define MENU_FIRST_ROW 2

#define MENU_PROMPT "Choice> "

enum menu_choice {
	MENU_CHOICE_UNKNOWN, /* not understood */
	MENU_CHOICE_LEAVE,   /* 0: quit, or back */
	MENU_CHOICE_REFRESH, /* 1, or an empty line */
	MENU_CHOICE_ROW,
	MENU_CHOICE_QUIT, /* q */
};

/* Reads a choice among count rows; *ret_row is set for MENU_CHOICE_ROW. */
enum menu_choice menu_parse_choice(const char *line, size_t count,
    size_t *ret_row);

/* Write a menu for a terminal of so many columns, without the prompt. */
void menu_print_environments(FILE *out, const struct listing *listing,
    unsigned columns);
void menu_print_nodes(FILE *out, const struct listing_environment *environment,
    unsigned columns);

/*
 * Runs the menu on the terminal until the user quits or the session ends.
 * Returns the exit code, or minus the signal to die of.
 */
int menu_run(struct shell *shell);

#endif

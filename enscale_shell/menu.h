/*
 * The menu of the platform: plain lines, so that it reads well on a dumb
 * terminal, in a screen reader and through expect. What is on the screen is
 * always one list; menu_text.c prints it, menu_find.c searches it, menu.c moves
 * between the lists.
 */
#ifndef ENSCALE_SHELL_MENU_H
#define ENSCALE_SHELL_MENU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "enscale_shell/listing.h"
#include "enscale_shell/shell.h"

/* The numbers that every menu has; rows begin at MENU_FIRST_ROW. */
#define MENU_LEAVE     0
#define MENU_REFRESH   1
#define MENU_FIRST_ROW 2

#define MENU_PROMPT "Choice> "
#define MENU_NOTICE "Notice: " /* before what operators announce */

/* Length of a search text, in bytes. */
#define MENU_TEXT_MAX 128

/* An environment, or a node in it. Borrowed from the listing. */
struct menu_item {
	const struct listing_environment *environment;
	const struct listing_node *node; /* NULL: the environment itself */
};

struct menu_list {
	const char *leave; /* what 0 does: "Quit", "Back" */
	struct menu_item *items;
	size_t count;
	size_t first;  /* of the page that is shown */
	bool is_mixed; /* nodes name their environment, too */
};

/* The terminal, as it is now. */
struct menu_window {
	unsigned columns, rows; /* rows 0: no limit */
	bool has_colour;
};

/* Rows per page: at least 1. */
size_t menu_page_size(const struct menu_list *list,
    const struct menu_window *window);
/* Writes the list's page, without the prompt. */
void menu_print(FILE *out, const struct menu_list *list, const char *title,
    const struct menu_window *window);

enum menu_choice {
	MENU_CHOICE_UNKNOWN,  /* not understood */
	MENU_CHOICE_NOTHING,  /* an empty line */
	MENU_CHOICE_LEAVE,    /* 0 */
	MENU_CHOICE_REFRESH,  /* 1 */
	MENU_CHOICE_ROW,      /* a number in the list */
	MENU_CHOICE_NEXT,     /* n */
	MENU_CHOICE_PREVIOUS, /* p */
	MENU_CHOICE_CONNECT,  /* c, and the rest of the line */
	MENU_CHOICE_KEYS,     /* k */
	MENU_CHOICE_LOG,      /* l */
	MENU_CHOICE_SETTINGS, /* s */
	MENU_CHOICE_HELP,     /* ? */
	MENU_CHOICE_QUIT,     /* q */
	MENU_CHOICE_TEXT,     /* anything else: to be searched */
};

struct menu_input {
	enum menu_choice choice;
	size_t row;
	char text[MENU_TEXT_MAX + 1]; /* of TEXT and CONNECT */
};

/* Interprets a line, with count rows on the screen. */
void menu_parse(const char *line, size_t count, struct menu_input *ret_input);

/*
 * Finds the items that contain all words of the text: in the name of an
 * environment; in the service, id or environment of a node. If the text is an
 * environment's whole name or a node's whole id, only that is found. Case does
 * not matter. Returns 0 or -ENOMEM; the caller owns *ret_items (free()).
 */
int menu_find(const struct menu_item *items, size_t count, const char *text,
    struct menu_item **ret_items, size_t *ret_count);

/*
 * Runs the menu on the terminal until the user quits or the session ends.
 * Returns the exit code, or minus the signal to die of.
 */
int menu_run(struct shell *shell);

#endif

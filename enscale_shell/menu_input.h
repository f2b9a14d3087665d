/* A line that somebody types into the menu, or what comes instead of one. */
#ifndef ENSCALE_SHELL_MENU_INPUT_H
#define ENSCALE_SHELL_MENU_INPUT_H

#include "enscale_shell/menu_line.h"
#include "enscale_shell/shell.h"

/* A terminal without a size is often not a real one: perhaps nobody will ever
 * type there. */
#define MENU_INPUT_FIRST_SECONDS 30
#define MENU_INPUT_NEXT_SECONDS  300

struct menu_input_line {
	bool is_used; /* somebody has typed before */
	struct menu_line typed;
};

enum menu_input_kind {
	MENU_INPUT_LINE,
	MENU_INPUT_RUBBISH, /* a terminal's answers, or too long */
	MENU_INPUT_BACK,    /* Ctrl-C */
	MENU_INPUT_LEAVE,   /* Ctrl-D, a signal, or the guard: see the code */
};

/*
 * Prompts and waits. With MENU_INPUT_LEAVE, *ret_code is changed if there is
 * another reason than that the user leaves.
 */
enum menu_input_kind menu_input_wait(struct shell *shell,
    struct menu_input_line *line, int *ret_code);

#endif

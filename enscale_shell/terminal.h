/*
 * The user's terminal, if there is one: its modes before, in and after the
 * menu, and what a node may have left it in.
 */
#ifndef ENSCALE_SHELL_TERMINAL_H
#define ENSCALE_SHELL_TERMINAL_H

#include <stdbool.h>

/* Is there a terminal on standard input and output? Remembers its modes. */
bool terminal_open(void);
/* Lines with echo, and keys that make signals. */
void terminal_menu_mode(void);
/* As the client asked for it: what the node is to see. */
void terminal_client_mode(void);
/*
 * After a node: the client's modes, the screen out of whatever a program
 * there left it in, and nothing typed ahead, since a terminal's late
 * answers to the node would be read as choices.
 */
void terminal_recover(void);
/* Columns, or 80 where that cannot be told. */
unsigned terminal_columns(void);
/* Rows, or 0 where that cannot be told. */
unsigned terminal_rows(void);
/* Has the client said how large it is? A script's ssh -tt does not. */
bool terminal_has_size(void);
/* May colour be used? Not where TERM is of none, or NO_COLOR is set. */
bool terminal_has_colour(void);

#endif

/*
 * The user's terminal, if there is one: its modes before, in and after the
 * menu, and what a node may have left it in.
 *
 * What is typed before the hop is up belongs to the node, byte for byte:
 * nothing here may echo it, or take a Ctrl-D in it for an end. Yet the modes
 * must stay as the client sent them, because the hop's ssh reads them from this
 * terminal and asks the node for the same. EXTPROC achieves both, the mode that
 * says "something else processes this input": the kernel passes every byte on,
 * whatever the other modes are, and no SSH client knows of it. The terminal is
 * held like this from its first instant (pty_enscale), or, where that is not
 * loaded, from the shell's start.
 */
#ifndef ENSCALE_SHELL_TERMINAL_H
#define ENSCALE_SHELL_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Remembers the modes of the client, and holds the terminal. */
void terminal_open(void);
/* Is it on standard input and on standard output? */
bool terminal_is_open(void);
/* Held, and each line that is written begins at the left. */
void terminal_menu_mode(void);
/* The modes that the client asked for: with echo, and with keys that make
 * signals. */
void terminal_client_mode(void);
/* The client's key for one of the indices of termios(3): VERASE, ... */
unsigned char terminal_key(int index);
/*
 * After a node: sets the menu's modes, resets the screen from whatever a
 * program there left, and drops what was typed ahead, since a terminal's late
 * answers to the node would be read as choices.
 */
void terminal_recover(void);
/* Seconds since anything was typed or shown, as exactly as the kernel keeps
 * it: eight seconds; 0 without a terminal. */
int64_t terminal_idle(void);
/* Columns, or 80 if unknown. */
unsigned terminal_columns(void);
/* Rows, or 0 if unknown. */
unsigned terminal_rows(void);
/* Did the client say how large it is? A script's ssh -tt does not. */
bool terminal_has_size(void);
/* May colour be used? Not if TERM has none, or NO_COLOR is set. */
bool terminal_has_colour(void);

#endif

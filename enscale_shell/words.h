/*
 * The words for scripts, for a login name without a node: nodes, config,
 * keys, settings, sessions, whoami, help. Standard output is for a program
 * to read and does not change its form: enscale-shell(1) describes it.
 */
#ifndef ENSCALE_SHELL_WORDS_H
#define ENSCALE_SHELL_WORDS_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

#define WORDS_TIME_SIZE 24 /* 2025-11-22T22:54:00Z */

/* Does the command begin with one of them? */
bool words_is_command(const char *command);
/* Runs it; returns an exit code, or a negative signal number. */
int words_run(struct shell *shell, const char *command);

/* "2025-11-22T22:54:00Z"; NULL for what is no time. */
const char *words_format_time(json_int_t when, char buf[WORDS_TIME_SIZE]);
/* Writes the document, which may be NULL without memory, and takes it.
 * Returns an exit code. */
int words_print_json(json_t *document);

#endif

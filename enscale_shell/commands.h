/*
 * The commands of a login name without a node: nodes, config, keys, settings,
 * sessions, whoami, help. Standard output is read by programs and does not
 * change its form: enscale-shell(1) describes it.
 */
#ifndef ENSCALE_SHELL_COMMANDS_H
#define ENSCALE_SHELL_COMMANDS_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

/* Does the text begin with one of them? */
bool commands_has(const char *text);
/* Runs it; returns an exit code, or a negative signal number. */
int commands_run(struct shell *shell, const char *text);

#endif

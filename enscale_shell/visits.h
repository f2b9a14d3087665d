/*
 * Who entered the account's own environments: the command "log", and the last
 * of it in the menu.
 */
#ifndef ENSCALE_SHELL_VISITS_H
#define ENSCALE_SHELL_VISITS_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

/* Write to standard output, or say a refusal; return exit codes. */
int visits_show(struct shell *shell);
int visits_run(struct shell *shell, bool is_json);
/* argument: ENVIRONMENT, --json, or both. */
int visits_run_with(struct shell *shell, const char *argument);

#endif

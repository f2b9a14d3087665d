/*
 * The connection settings, with the fingerprints of the gateway's host keys:
 * the command "settings", and the same in the menu.
 */
#ifndef ENSCALE_SHELL_SETTINGS_H
#define ENSCALE_SHELL_SETTINGS_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

/* Write to standard output, or say a refusal; return exit codes. */
int settings_show(struct shell *shell);
int settings_run(struct shell *shell, bool is_json);

#endif

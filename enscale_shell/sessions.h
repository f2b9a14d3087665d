/* The command "sessions": the account's open ones. */
#ifndef ENSCALE_SHELL_SESSIONS_H
#define ENSCALE_SHELL_SESSIONS_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

/* Writes to standard output; returns an exit code. */
int sessions_run(struct shell *shell, bool is_json);

#endif

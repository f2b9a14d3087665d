/* The commands about nodes: "nodes", "config" and "known_hosts". */
#ifndef ENSCALE_SHELL_NODES_H
#define ENSCALE_SHELL_NODES_H

#include <stdbool.h>

#include "enscale_shell/shell.h"

/* Write to standard output; return exit codes. */
int nodes_run(struct shell *shell, bool is_json);
int nodes_run_config(struct shell *shell, bool is_json);
int nodes_run_known_hosts(struct shell *shell, bool is_json);

#endif

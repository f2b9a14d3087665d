/*
 * How to reach a node from one's own computer: lines to paste, and blocks of
 * ssh_config(5). Text from the directory is in them only where it can do no
 * harm in a shell.
 */
#ifndef ENSCALE_SHELL_CONNECT_LINES_H
#define ENSCALE_SHELL_CONNECT_LINES_H

#include <stdio.h>

#include "enscale_shell/listing.h"
#include "enscale_shell/shell.h"

/* All of them, for people. */
void connect_lines_print(FILE *out, const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node);
/* Whether one's own ssh may go through this gateway: a sentence. */
const char *connect_lines_native(const struct shell *shell);
/* What precedes the first block: that sentence, and what older versions of ssh
 * must be told. */
void connect_lines_head(FILE *out, const struct shell *shell);
/* Only the block for ssh_config. */
void connect_lines_block(FILE *out, const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node);

#endif

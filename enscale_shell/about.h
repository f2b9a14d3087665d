/*
 * What a person may read about the account: its keys, and the connection
 * settings with the fingerprints of the gateway's host keys.
 */
#ifndef ENSCALE_SHELL_ABOUT_H
#define ENSCALE_SHELL_ABOUT_H

#include <stdint.h>

#include "enscale_shell/shell.h"

#define ABOUT_TIME_SIZE 32

/* "2025-11-22 22:54 UTC"; "unknown" for what is no time. */
void about_format_time(int64_t when, char buf[ABOUT_TIME_SIZE]);

/* Write to standard output; a refusal is said. 0 or an exit code. */
int about_show_keys(struct shell *shell);
int about_show_settings(struct shell *shell);

#endif

/*
 * One of the words for scripts (words.h): "keys" lists the account's public
 * keys, "keys add" and "keys delete" change them, where the gateway allows
 * that.
 */
#ifndef ENSCALE_SHELL_KEYS_H
#define ENSCALE_SHELL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "enscale_shell/shell.h"

/* What a key is read from holds one line of at most this many bytes. */
#define KEYS_INPUT_MAX KEY_LINE_MAX

/* Lists them; returns an exit code. */
int keys_list(struct shell *shell, bool is_json);
/* Runs "keys add" and "keys delete"; returns an exit code, or a negative
 * signal number. */
int keys_run(struct shell *shell, const char *command);

/*
 * Takes the one line of a .pub file out of what was read: blank lines and
 * such with a # are passed over. Returns NULL and the line, which is then
 * terminated within text; or a sentence that says what is wrong.
 */
const char *keys_take_line(char *text, size_t len, const char **ret_line);

/* One line of the list, without its end: fields with a tab between them.
 * 0, or ENS_E_PROTOCOL for what is no key. */
int keys_format(json_t *key, char *buf, size_t size);

#endif

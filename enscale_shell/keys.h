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

/* What a key is read from holds at most this many bytes. */
#define KEYS_INPUT_MAX KEY_LINE_MAX

/* Lists them; returns an exit code. */
int keys_list(struct shell *shell, bool is_json);
/* Runs "keys add" and "keys delete"; returns an exit code, or a negative
 * signal number. */
int keys_run(struct shell *shell, const char *command);

/*
 * May what was read be handed on as a key? Its form is for others to judge.
 * Returns NULL, and text is terminated at len, where there is room for it, and
 * UTF-8; or a sentence that says what is wrong.
 */
const char *keys_check_text(char *text, size_t len);

/* One line of the list, without its end: fields with a tab between them.
 * 0, or ENS_E_PROTOCOL for what is no key. */
int keys_format(json_t *key, char *buf, size_t size);

#endif

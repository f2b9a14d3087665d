/*
 * The account's public keys: "keys" lists them, "keys add" and "keys delete"
 * change them, if the gateway allows that.
 */
#ifndef ENSCALE_SHELL_KEYS_H
#define ENSCALE_SHELL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "enscale_shell/shell.h"

/* The most bytes that are read as a key. */
#define KEYS_INPUT_MAX KEY_LINE_MAX

/* "keys": lists them; returns an exit code. */
int keys_run_list(struct shell *shell, bool is_json);
/* "keys add TITLE", with the key on standard input, and "keys delete
 * SHA256:..."; return an exit code, or a negative signal number. */
int keys_run_add(struct shell *shell, const char *title);
int keys_run_delete(struct shell *shell, const char *fingerprint);

/* The list for people, in the menu; returns an exit code. */
int keys_show(struct shell *shell);

/*
 * May this input be handed on as a key? Its form is for others to judge.
 * Returns NULL, and text, which must have room for a NUL at len, is terminated
 * and UTF-8; or a sentence that says what is wrong.
 */
const char *keys_check_text(char *text, size_t len);

/* One line of the list, without its end: fields separated by tabs. 0, or
 * ENS_E_PROTOCOL for what is not a key. */
int keys_format(json_t *key, char *buf, size_t size);

#endif

/*
 * What the commands that show something need for the guard's answers: to ask
 * without arguments, to say the refusal, and to get a text out.
 */
#ifndef ENSCALE_SHELL_ANSWER_H
#define ENSCALE_SHELL_ANSWER_H

#include <jansson.h>

#include "enscale_shell/shell.h"

/*
 * The answer to a question that is one word; the caller owns it. NULL when it
 * was refused: then the refusal was said, and *ret_code is the exit code.
 */
json_t *answer_to(struct shell *shell, const char *op, int *ret_code);

/*
 * Asks a question whose answer comes in pages ("list", "keys"), and for each
 * next page until there is none: take() gets them one by one. Takes ownership
 * of the question; NULL: no memory for it. If the guard makes the account wait
 * for a page, this waits. Returns 0; ENS_E_DENIED with *ret_refusal filled in;
 * -ENOMEM; what take() returns, which ends it.
 */
int answer_pages(struct shell *shell, json_t *question,
    int (*take)(json_t *page, void *arg), void *arg,
    struct refusal *ret_refusal);

/* Like answer_to(), with the arrays of that name from all pages joined. */
json_t *answer_all(struct shell *shell, const char *op, const char *array,
    int *ret_code);

/* A field that is a text, made printable and on one line; "" if it is missing.
 * Returns buf. */
const char *answer_text(const json_t *answer, const char *name,
    char buf[NAME_TEXT_MAX + 1]);

#endif

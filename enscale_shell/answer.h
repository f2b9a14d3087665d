/*
 * What those who show things do with the guard's answers: ask without
 * arguments, say the refusal, and take a text out.
 */
#ifndef ENSCALE_SHELL_ANSWER_H
#define ENSCALE_SHELL_ANSWER_H

#include <jansson.h>

#include "enscale_shell/shell.h"

/*
 * The answer to a question that is one word; the caller owns it. NULL when it
 * was refused: that is said by then, and *ret_code the exit code.
 */
json_t *answer_to(struct shell *shell, const char *op, int *ret_code);

/* A field that is a text, printable and on one line: "" where there is none.
 * Returns buf. */
const char *answer_text(const json_t *answer, const char *name,
    char buf[NAME_TEXT_MAX + 1]);

#endif

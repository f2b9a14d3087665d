/*
 * Our sentences for the person at the other end. They go to standard error and
 * carry the session id that the log carries; standard output belongs to the
 * node, and to the menu when there is a terminal.
 */
#ifndef ENSCALE_SHELL_SAY_H
#define ENSCALE_SHELL_SAY_H

#include "common/policy/policy.h"

#define SAY_MAX (2 * POLICY_SENTENCE_MAX)

/* The id to add from now on; anything that is not a session id is ignored. */
void say_set_session(const char *id);
/* Whom to ask, shown below refusals from now on; "": nobody. */
void say_set_support(const char *support);

/*
 * Writes "enscale: SENTENCE (session ID)". Control characters in the arguments
 * are replaced. Never waits longer than a second for a reader that does not
 * read.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Like say(): why something is refused, and below it whom to ask. */
void say_refusal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Like say(), when the terminal may be in raw mode. */
void say_raw(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

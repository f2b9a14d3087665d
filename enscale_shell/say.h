/*
 * Sentences of ours for the person at the other end. They go to standard
 * error and carry the session id that the log carries; standard output
 * belongs to the node, and to the menu when there is a terminal.
 */
#ifndef ENSCALE_SHELL_SAY_H
#define ENSCALE_SHELL_SAY_H

#include "common/policy/policy.h"

#define SAY_MAX (2 * POLICY_SENTENCE_MAX)

/* The id to name from now on; anything that is no session id is ignored. */
void say_set_session(const char *id);
/* Whom to ask, to stand below refusals from now on; "" is nobody. */
void say_set_support(const char *support);

/*
 * Writes "enscale: SENTENCE (session ID)". Control characters are replaced,
 * whatever the arguments hold. Never waits longer than a second for a
 * reader that does not read.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say(): why something is refused, and below it whom to ask. */
void say_refusal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say(), while a terminal may be in raw mode. */
void say_raw(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* A person at a terminal: a secret, a yes. */
#ifndef ENSCALECTL_TERMINAL_H
#define ENSCALECTL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads a line that nobody sees from a terminal, whose descriptor it is; in
 * whatever way it ends, the terminal is as it was: a signal that ends or stops
 * this program does so afterwards. 0; -ECANCELED also for ^C, ^D and such a
 * signal, where it does neither; -errno.
 */
int terminal_read_secret(int fd, char *ret_secret, size_t size);
/* The same with a question, at the terminal that this program has, whatever its
 * input is. -ENXIO when it has none. */
int terminal_ask_secret(const char *question, char *ret_secret, size_t size);
/* No, unless the answer at that terminal is yes. -ENXIO when it has none, else
 * whether. */
int terminal_ask(const char *question);

#endif

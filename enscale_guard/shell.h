/* A connection to guard.sock, on its way out. */
#ifndef ENSCALE_GUARD_SHELL_H
#define ENSCALE_GUARD_SHELL_H

#include <jansson.h>

#include "enscale_guard/guard.h"

/* Sends a line, a reply or one of the guard's own; takes the object over.
 * Without an object (there was no memory) the connection ends. */
void shell_tell(struct shell *shell, json_t *line);

#endif

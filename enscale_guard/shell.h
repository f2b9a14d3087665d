/* What is sent over a connection to guard.sock. */
#ifndef ENSCALE_GUARD_SHELL_H
#define ENSCALE_GUARD_SHELL_H

#include <jansson.h>

#include "enscale_guard/guard.h"

/* Sends a line, a reply or an event, and takes ownership of the object. Without
 * an object (no memory) the connection ends. */
void shell_tell(struct shell *shell, json_t *line);

#endif

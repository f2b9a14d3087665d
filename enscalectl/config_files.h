/* What the values of enscale.conf point at, as the users see it that need it:
 * each is a row. Nothing is changed. */
#ifndef ENSCALECTL_CONFIG_FILES_H
#define ENSCALECTL_CONFIG_FILES_H

#include <stdbool.h>

#include "common/config/config.h"

#define CONFIG_FILES_LINE_MAX (CONFIG_PATH_MAX + 256)

/*
 * Calls report() with a sentence for each that is missing or of no use to who
 * needs it, and returns how many there are. Only root can look; nobody else
 * may call it. but_keys: without the CA's key and the host keys.
 */
unsigned config_files_check(const struct config *config, bool but_keys,
    void (*report)(const char *line, void *arg), void *arg);

#endif

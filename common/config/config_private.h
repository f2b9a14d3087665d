/*
 * What the files of the configuration share: config.c (the file, its keys,
 * what goes together), config_values.c (values, by their kind), config_error.c.
 */
#ifndef ENSCALE_COMMON_CONFIG_CONFIG_PRIVATE_H
#define ENSCALE_COMMON_CONFIG_CONFIG_PRIVATE_H

#include <stddef.h>
#include <stdio.h>

#include "common/config/config.h"

#define CONFIG_KEYS_MAX 64

enum kind {
	KIND_TEXT,      /* printable, may be empty */
	KIND_REQUIRED,  /* printable, not empty */
	KIND_PATH,      /* begins with "/" */
	KIND_PATH_LIST, /* several, separated by spaces; may be empty */
	KIND_PATH_OR_NONE,
	KIND_URI_LIST,
	KIND_FILTER,
	KIND_HOST,
	KIND_CIDR_LIST,
	KIND_ACCOUNT_LIST, /* numbers, separated by commas */
	KIND_BOOL,
	KIND_U32,
	KIND_U16,
	KIND_SECONDS, /* int64_t: a number and s, m, h or d */
	KIND_PERIOD,  /* the same, and never 0 */
	KIND_WORD,    /* an enum, by its position in a list of words */
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;
	uint32_t min, max; /* of numbers */
	const char *words[2];
};

struct load {
	FILE *file;
	const char *path;
	unsigned int line;
	bool seen[CONFIG_KEYS_MAX];
	bool mapped[SCHEMA_MAPPABLE];
	struct config config;
	char error[CONFIG_ERROR_MAX];
};

/* Records the first error, at which the reader stops. */
void config_fail(struct load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Sets the field of a key, or fails. */
void config_set(struct load *load, const struct key *key, const char *value);

#endif

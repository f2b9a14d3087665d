/*
 * Login names: "ACCOUNT" or "NODE-ACCOUNT", canonical decimal numbers,
 *
 *	^[1-9][0-9]{0,8}(-[1-9][0-9]{0,8})?$
 *
 * parsed here and nowhere else. No allocation, no locale, no I/O: this also
 * runs in every process of the host.
 */
#ifndef ENSCALE_COMMON_NAMES_LOGIN_NAME_H
#define ENSCALE_COMMON_NAMES_LOGIN_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

struct login_name {
	uint32_t account; /* 1 to 999999999 */
	uint32_t node;    /* 0 when the name has none */
};

/*
 * Parses a NUL-terminated name. It reads at most LOGIN_TEXT_MAX + 1 bytes.
 * Returns 0, or ENS_E_NOTFOUND for anything outside the grammar. An account
 * above ACCOUNT_ID_MAX is inside the grammar: ours, but unknown.
 */
ENS_MUST_CHECK int login_name_parse(const char *name,
    struct login_name *ret_name);

/*
 * Writes the canonical name and a NUL into buf, which takes
 * LOGIN_TEXT_MAX + 1 bytes at most. Returns the length without the NUL, or
 * 0 when size is too small; buf is untouched then.
 */
size_t login_name_format(const struct login_name *name, char *buf, size_t size);

/*
 * Parses a canonical decimal number (no sign, no leading zero except "0"
 * itself, nothing after it) of at most max. Returns 0, ENS_E_SYNTAX or
 * ENS_E_RANGE. These two are the project's only text-to-number functions.
 */
ENS_MUST_CHECK int parse_u32(const char *text, uint32_t max,
    uint32_t *ret_value);
ENS_MUST_CHECK int parse_u64(const char *text, uint64_t max,
    uint64_t *ret_value);

#endif

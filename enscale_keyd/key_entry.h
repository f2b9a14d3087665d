/*
 * From a request to what may be written: every field is judged, the key is
 * parsed and encoded again. No LDAP and no clock of its own here.
 */
#ifndef ENSCALE_KEYD_KEY_ENTRY_H
#define ENSCALE_KEYD_KEY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/base64.h"
#include "common/base/limits.h"
#include "common/keys/ssh_key.h"
#include "common/protocol/keyd_protocol.h"

#define KEY_ENTRY_LINE_MAX KEY_WRITTEN_MAX
#define KEY_ENTRY_TIME_LEN 15 /* 20301231235959Z */
#define KEY_ENTRY_DN_MAX   (ENTRY_DN_MAX + 128)

struct key_entry {
	enum keyd_op op;
	uint32_t account;
	uint8_t fingerprint[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1]; /* the same, for the RDN */
	/* Of a key to add: */
	char title[NAME_TEXT_MAX + 1];
	char line[KEY_ENTRY_LINE_MAX + 1];
	char expires[KEY_ENTRY_TIME_LEN + 1]; /* "" when never */
};

/*
 * Judges a request; no_touch: keys may have the option no-touch-required.
 * Returns KEYD_DONE when it may go to the directory, otherwise the reason; then
 * *ret_entry is untouched except for its fingerprint, which is set as soon as
 * it is known.
 */
enum keyd_result key_entry_check(const struct keyd_request *request,
    bool no_touch, int64_t now, struct key_entry *ret_entry);

/*
 * The DN to write: enscaleKeyFingerprint=HEX,ACCOUNT_DN. Only the digest in it
 * comes from the request; account_dn is what the directory itself calls the
 * account. Returns 0; ENS_E_LIMIT, also for an empty account_dn.
 */
int key_entry_dn(const struct key_entry *entry, const char *account_dn,
    char buf[KEY_ENTRY_DN_MAX]);

#endif

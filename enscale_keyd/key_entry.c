/* Judging requests. From the user's text it takes only the key and what its
 * options say, and encodes them again. */
#include <config.h>

#include "enscale_keyd/key_entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key_text.h"

#define RDN_TYPE "enscaleKeyFingerprint"

static enum keyd_result
check_title(const char *title)
{
	size_t len = strlen(title);

	if (len == 0 || len > NAME_TEXT_MAX || !text_is_printable(title) ||
	    strspn(title, " ") == len)
		return KEYD_BAD_TITLE;
	return KEYD_DONE;
}

static enum keyd_result
parse_key(const char *text, bool no_touch, int64_t now, struct ssh_key *ret_key)
{
	struct ssh_key_text keys;

	ssh_key_text_init(&keys, text, strlen(text));
	switch (ssh_key_text_only(&keys, ret_key)) {
	case 0:
		break;
	case ENS_E_KEY_OPTION:
		return KEYD_KEY_OPTION;
	case -EEXIST:
		return KEYD_KEY_SEVERAL;
	case ENS_E_KEY_TYPE:
		return KEYD_KEY_TYPE;
	case ENS_E_KEY_WEAK:
		return KEYD_KEY_WEAK;
	default:
		return KEYD_KEY_FORMAT;
	}
	if ((ret_key->options & KEY_NO_TOUCH) != 0 && !no_touch)
		return KEYD_KEY_OPTION;
	if (ret_key->expires != 0 && ret_key->expires <= now)
		return KEYD_KEY_EXPIRED;
	return KEYD_DONE;
}

static enum keyd_result
write_expires(int64_t expires, struct key_entry *entry)
{
	const time_t t = expires;
	struct tm utc;

	entry->expires[0] = '\0';
	if (expires == 0)
		return KEYD_DONE;
	if (gmtime_r(&t, &utc) == NULL ||
	    strftime(entry->expires, sizeof(entry->expires), "%Y%m%d%H%M%SZ",
	        &utc) != KEY_ENTRY_TIME_LEN)
		return KEYD_KEY_FORMAT;
	return KEYD_DONE;
}

static enum keyd_result
check_key(const char *text, bool no_touch, int64_t now, struct key_entry *entry)
{
	struct ssh_key key;
	enum keyd_result result = parse_key(text, no_touch, now, &key);

	if (result != KEYD_DONE)
		return result;
	if (fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
	        entry->fingerprint) < 0)
		return KEYD_UNAVAILABLE;
	if (ssh_key_format_line(&key, entry->line, sizeof(entry->line)) == 0)
		return KEYD_KEY_FORMAT;
	return write_expires(key.expires, entry);
}

enum keyd_result
key_entry_check(const struct keyd_request *request, bool no_touch, int64_t now,
    struct key_entry *ret_entry)
{
	struct key_entry entry = { .op = request->op,
		.account = request->account };
	enum keyd_result result = KEYD_DONE;

	if (request->account < 1 || request->account > ACCOUNT_ID_MAX)
		return KEYD_NO_ACCOUNT;
	if (request->op == KEYD_ADD) {
		result = check_title(request->title);
		if (result == KEYD_DONE)
			result = check_key(request->key, no_touch, now, &entry);
	} else {
		memcpy(entry.fingerprint, request->fingerprint, SHA256_LEN);
	}
	if (result != KEYD_DONE) {
		memcpy(ret_entry->fingerprint, entry.fingerprint, SHA256_LEN);
		return result;
	}
	hex_encode(entry.fingerprint, SHA256_LEN, entry.hex);
	if (request->op == KEYD_ADD)
		memcpy(entry.title, request->title, strlen(request->title) + 1);
	*ret_entry = entry;
	return KEYD_DONE;
}

int
key_entry_dn(const struct key_entry *entry, const char *account_dn,
    char buf[KEY_ENTRY_DN_MAX])
{
	if (account_dn[0] == '\0' || strlen(account_dn) > ENTRY_DN_MAX)
		return ENS_E_LIMIT;
	snprintf(buf, KEY_ENTRY_DN_MAX, RDN_TYPE "=%s,%s", entry->hex,
	    account_dn);
	return 0;
}

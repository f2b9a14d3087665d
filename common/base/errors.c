/*
 * Words for error codes. No allocation, no locale, no thread-local buffer.
 */
#include <config.h>

#include "common/base/errors.h"

#include <string.h>

static const char *
own_text(enum ens_error error)
{
	switch (error) {
	case ENS_E_NOTFOUND:
		return "not found";
	case ENS_E_SYNTAX:
		return "malformed";
	case ENS_E_RANGE:
		return "number out of range";
	case ENS_E_LIMIT:
		return "larger than allowed";
	case ENS_E_VIEW:
		return "no published view can be read";
	case ENS_E_VERSION:
		return "written by another version";
	case ENS_E_CORRUPT:
		return "broken or inconsistent data";
	case ENS_E_STALE:
		return "replaced in the meantime";
	case ENS_E_KEY_FORMAT:
		return "not a public key";
	case ENS_E_KEY_TYPE:
		return "key type not accepted";
	case ENS_E_KEY_WEAK:
		return "key too weak (DSA, or RSA under 2048 bits)";
	case ENS_E_KEY_OPTION:
		return "option not accepted";
	case ENS_E_DENIED:
		return "denied";
	case ENS_E_CONFIG:
		return "wrong configuration";
	case ENS_E_LDAP:
		return "directory refused or disconnected";
	case ENS_E_INCOMPLETE:
		return "refresh ended before it was complete";
	case ENS_E_BEHIND:
		return "directory server is behind";
	case ENS_E_REFRESH:
		return "directory server wants a full refresh";
	case ENS_E_CRYPTO:
		return "libcrypto refused";
	case ENS_E_PROTOCOL:
		return "peer broke the protocol";
	}
	return NULL;
}

const char *
error_text(int error)
{
	const char *text = NULL;

	if (error == 0)
		return "success";
	if (error <= ENS_E_NOTFOUND)
		text = own_text((enum ens_error)error);
	else if (error < 0)
		text = strerrordesc_np(-error);
	return text != NULL ? text : "unknown error";
}

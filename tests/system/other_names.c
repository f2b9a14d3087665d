/* A name service that knows one user, by the name of an account: what SSSD or
 * winbind of a site may be. */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>

#define NAME "21296"

enum nss_status
_nss_other_getpwnam_r(const char *name, struct passwd *ret_entry, char *buffer,
    size_t size, int *errnop)
{
	static const char text[] = NAME "\0*\0\0/\0/bin/sh";

	if (strcmp(name, NAME) != 0)
		return NSS_STATUS_NOTFOUND;
	if (size < sizeof(text)) {
		*errnop = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	}
	memcpy(buffer, text, sizeof(text));
	*ret_entry = (struct passwd){ .pw_name = buffer,
		.pw_passwd = buffer + sizeof(NAME),
		.pw_gecos = buffer + sizeof(NAME) + 2,
		.pw_dir = buffer + sizeof(NAME) + 3,
		.pw_shell = buffer + sizeof(NAME) + 5,
		.pw_uid = 4444,
		.pw_gid = 100 };
	return NSS_STATUS_SUCCESS;
}

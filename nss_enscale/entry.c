/* Entries in the caller's buffer, and the answers to glibc. */
#include <config.h>

#include "nss_enscale/entry.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/errors.h"

static const char no_password[] = "*";
static const char home[] = ENS_STATE_DIR "/empty";
static const char shell[] = ENS_BIN_DIR "/enscale-shell";

/* What is left of the caller's buffer. */
struct room {
	char *at;
	size_t left;
	bool full; /* something did not fit */
};

/* The next len bytes, or NULL. */
static char *
take(struct room *room, size_t len)
{
	char *at = room->at;

	if (room->full || len > room->left) {
		room->full = true;
		return NULL;
	}
	room->at += len;
	room->left -= len;
	return at;
}

static char *
copy(struct room *room, const char *text, size_t size)
{
	char *at = take(room, size);

	if (at != NULL)
		memcpy(at, text, size);
	return at;
}

static char *
copy_name(struct room *room, const struct login_name *name)
{
	char text[LOGIN_TEXT_MAX + 1];
	size_t len = login_name_format(name, text, sizeof(text));

	return copy(room, text, len + 1);
}

int
nss_entry_passwd(const struct login_name *name, uint32_t uid_base, char *buffer,
    size_t buflen, struct passwd *ret_entry)
{
	struct room room = { .at = buffer, .left = buflen };
	struct passwd entry = {
		.pw_uid = uid_base + name->account,
		.pw_gid = uid_base + name->account,
	};

	entry.pw_name = copy_name(&room, name);
	entry.pw_passwd = copy(&room, no_password, sizeof(no_password));
	entry.pw_gecos = copy(&room, "", 1);
	entry.pw_dir = copy(&room, home, sizeof(home));
	entry.pw_shell = copy(&room, shell, sizeof(shell));
	if (room.full)
		return ENS_E_LIMIT;
	*ret_entry = entry;
	return 0;
}

/* An aligned array of one pointer: no members. */
static char **
no_members(struct room *room)
{
	size_t over = (uintptr_t)room->at % alignof(char *);
	char *const none = NULL;
	char *at;

	take(room, over == 0 ? 0 : alignof(char *) - over);
	at = take(room, sizeof(none));
	if (at != NULL)
		memcpy(at, &none, sizeof(none));
	return (char **)(void *)at;
}

int
nss_entry_group(uint32_t account, uint32_t uid_base, char *buffer,
    size_t buflen, struct group *ret_entry)
{
	struct login_name name = { .account = account };
	struct room room = { .at = buffer, .left = buflen };
	struct group entry = { .gr_gid = uid_base + account };

	entry.gr_mem = no_members(&room);
	entry.gr_name = copy_name(&room, &name);
	entry.gr_passwd = copy(&room, no_password, sizeof(no_password));
	if (room.full)
		return ENS_E_LIMIT;
	*ret_entry = entry;
	return 0;
}

int
nss_entry_account(uint32_t uid_base, uint32_t id, uint32_t *ret_account)
{
	if (id <= uid_base || id - uid_base > ACCOUNT_ID_MAX)
		return ENS_E_NOTFOUND;
	*ret_account = id - uid_base;
	return 0;
}

bool
nss_entry_foreign(uint32_t id)
{
	return id <= UID_BASE_MIN || id > UID_BASE_MAX + ACCOUNT_ID_MAX;
}

enum nss_status
nss_entry_status(int r, int saved_errno, int *errnop)
{
	errno = saved_errno;
	switch (r) {
	case 0:
		return NSS_STATUS_SUCCESS;
	case ENS_E_NOTFOUND:
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	case ENS_E_LIMIT:
		/* The only TRYAGAIN: glibc comes back with more room, for
		 * ever if need be. */
		*errnop = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	case ENS_E_STALE:
	case ENS_E_VERSION:
	case ENS_E_CORRUPT:
	case -ERANGE:
		*errnop = EIO;
		return NSS_STATUS_UNAVAIL;
	default:
		*errnop = -r;
		return NSS_STATUS_UNAVAIL;
	}
}

/*
 * See name_service.h. It does not itself know what our entries hold: the NSS
 * module's own function says that.
 */
#include <config.h>

#include "pam_enscale/name_service.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "nss_enscale/entry.h"

#define OUR_ENTRY_MAX 512 /* bytes of one of our entries */
#define SHOWN_MAX     64  /* bytes of a foreign text in the cause */

/* An entry, and the buffer that it points into. */
struct answer {
	struct passwd entry;
	char *buffer; /* owned */
	size_t size;
};

static void
free_answer(struct answer *answer)
{
	free(answer->buffer);
}

/* Twice the room. 0; -ENOMEM; ENS_E_LIMIT for what no entry needs. */
static int
grow(struct answer *answer)
{
	size_t size = answer->size == 0 ? 2 * OUR_ENTRY_MAX : 2 * answer->size;
	char *buffer;

	if (size > PASSWD_ENTRY_MAX)
		return ENS_E_LIMIT;
	buffer = realloc(answer->buffer, size);
	if (buffer == NULL)
		return -ENOMEM;
	answer->buffer = buffer;
	answer->size = size;
	return 0;
}

/* By name, or without one by uid. 0, ENS_E_NOTFOUND, ENS_E_LIMIT, -errno. */
static int
ask(const char *name, uid_t uid, struct answer *answer)
{
	struct passwd *found = NULL;
	int error, r;

	do {
		r = grow(answer);
		if (r != 0)
			return r;
		error = name != NULL
		    ? getpwnam_r(name, &answer->entry, answer->buffer,
		          answer->size, &found)
		    : getpwuid_r(uid, &answer->entry, answer->buffer,
		          answer->size, &found);
	} while (error == ERANGE);
	if (found != NULL)
		return 0;
	return error == 0 ? ENS_E_NOTFOUND : -error;
}

static bool
same(const struct passwd *a, const struct passwd *b)
{
	return a->pw_uid == b->pw_uid && a->pw_gid == b->pw_gid &&
	    strcmp(a->pw_name, b->pw_name) == 0 &&
	    strcmp(a->pw_dir, b->pw_dir) == 0 &&
	    strcmp(a->pw_shell, b->pw_shell) == 0;
}

static void
describe(const char *what, const struct passwd *entry,
    char cause[NAME_SERVICE_CAUSE_MAX])
{
	char name[SHOWN_MAX], home[SHOWN_MAX], shell[SHOWN_MAX];

	text_printable(entry->pw_name, name, sizeof(name));
	text_printable(entry->pw_dir, home, sizeof(home));
	text_printable(entry->pw_shell, shell, sizeof(shell));
	snprintf(cause, NAME_SERVICE_CAUSE_MAX,
	    "%s is \"%s\", uid %u, gid %u, home \"%s\", shell \"%s\"", what,
	    name, entry->pw_uid, entry->pw_gid, home, shell);
}

/* The entry of that name, asked for by it or by its uid. */
static bool
entry_agrees(const struct login_name *name, uint32_t uid_base, bool by_uid,
    char cause[NAME_SERVICE_CAUSE_MAX])
{
	AUTO(free_answer) struct answer answer = { .size = 0 };
	char buffer[OUR_ENTRY_MAX], what[SHOWN_MAX];
	struct passwd ours;
	int r;

	r = nss_entry_passwd(name, uid_base, buffer, sizeof(buffer), &ours);
	if (by_uid)
		snprintf(what, sizeof(what), "uid %u", ours.pw_uid);
	else
		snprintf(what, sizeof(what), "user \"%s\"", ours.pw_name);
	if (r == 0)
		r = ask(by_uid ? NULL : ours.pw_name, ours.pw_uid, &answer);
	if (r != 0)
		snprintf(cause, NAME_SERVICE_CAUSE_MAX, "%s: %s", what,
		    error_text(r));
	else if (!same(&ours, &answer.entry))
		describe(what, &answer.entry, cause);
	else
		return true;
	return false;
}

/* The private group, and no other: initgroups() would take it along. */
static bool
groups_agree(const struct login_name *name, uint32_t uid_base,
    char cause[NAME_SERVICE_CAUSE_MAX])
{
	gid_t own = uid_base + name->account, groups[2] = { own, own };
	char text[LOGIN_TEXT_MAX + 1];
	int count = 2;

	login_name_format(name, text, sizeof(text));
	if (getgrouplist(text, own, groups, &count) == 1 && groups[0] == own)
		return true;
	snprintf(cause, NAME_SERVICE_CAUSE_MAX,
	    "user \"%s\" is a member of group %u", text,
	    groups[0] != own ? groups[0] : groups[1]);
	return false;
}

bool
name_service_agrees(const struct login_name *name, uint32_t uid_base,
    char cause[NAME_SERVICE_CAUSE_MAX])
{
	const struct login_name alone = { .account = name->account };

	return entry_agrees(name, uid_base, false, cause) &&
	    entry_agrees(&alone, uid_base, true, cause) &&
	    groups_agree(name, uid_base, cause);
}

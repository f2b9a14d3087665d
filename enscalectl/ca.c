/* enscalectl ca: the key that signs for the nodes. It refuses to print the
 * private one. */
#include <config.h>

#include "enscalectl/ca.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscalectl/ca_key.h"
#include "enscalectl/ca_list.h"
#include "enscalectl/ca_slot.h"

#define READER     "enscale-guard"
#define GROUP      "enscale-ca"
#define GROUPS_MAX 64
#define HOST_MAX   128

/* The line, and the fingerprint as a comment that authorized_keys takes. */
int
ca_print_public(const struct ssh_key *key, const char *slot)
{
	const struct bytes blob = { key->blob, key->blob_len };
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1], line[CA_LINE_MAX];
	uint8_t digest[SHA256_LEN];
	int r;

	r = fingerprint_sha256(blob, digest);
	if (r == 0 && ssh_key_format(blob, line, sizeof(line)) == 0)
		r = ENS_E_LIMIT;
	if (r != 0)
		return r;
	fingerprint_format_sha256(digest, text);
	printf("%s %s\n# %s %s%s%s\n", line, key->comment,
	    ssh_key_type_short_name(key->type), text,
	    slot[0] != '\0' ? " " : "", slot);
	return 0;
}

static int
show_slot(const char *ca, enum ca_slot slot, const char *name)
{
	char path[CONFIG_PATH_MAX];
	struct ssh_key key;
	int r;

	r = ca_slot_path(ca, slot, path);
	if (r != 0)
		return EXIT_CANNOT_TELL;
	r = ca_key_read_public(path, &key);
	if (r == -ENOENT && !ca_slot_exists(ca, slot)) {
		complain("there is no key \"%s\": " CA_RESTORE, path);
		return EXIT_CANNOT_TELL;
	}
	if (r != 0) {
		complain("cannot read \"%s.pub\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	if (ca_key_check_pair(path, &key) == ENS_E_CORRUPT) {
		complain("\"%s.pub\" is not the public key of \"%s\"", path,
		    path);
		return EXIT_NO;
	}
	r = ca_print_public(&key, name);
	if (r != 0) {
		complain("cannot print \"%s.pub\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

int
ca_show_all(const char *ca)
{
	bool alone = !ca_slot_exists(ca, CA_NEXT) &&
	    !ca_slot_exists(ca, CA_PREVIOUS);
	int code = EXIT_YES, slot, r;

	for (slot = CA_CURRENT; slot < CA_SLOTS; slot++) {
		if (slot != CA_CURRENT && !ca_slot_exists(ca, slot))
			continue;
		r = show_slot(ca, slot, alone ? "" : ca_slot_names[slot]);
		code = r > code ? r : code;
	}
	return code;
}

static bool
is_member(const struct passwd *user, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int i, n = GROUPS_MAX;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
		return false;
	for (i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* It belongs to root, and the guard's user reads it as a member of a group: a
 * guard that was taken over could open its own file to others or overwrite it.
 */
static void
choose_owner(struct file_owner *owner)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(READER) : NULL;
	const struct group *group = getgrnam(GROUP);

	*owner = (struct file_owner){ (uid_t)-1, (gid_t)-1, 0400 };
	if (user == NULL) {
		complain("the key will be yours: %s",
		    geteuid() == 0 ? "there is no user " READER " here"
		                   : "you are not root");
	} else if (group == NULL || !is_member(user, group->gr_gid)) {
		complain("the key will belong to user " READER ", who can "
		         "change it: that user is not in group " GROUP " "
		         "(systemd-sysusers makes it)");
		owner->uid = user->pw_uid;
		owner->gid = user->pw_gid;
	} else {
		*owner = (struct file_owner){ 0, group->gr_gid, 0440 };
	}
}

/* from NULL: a new one. */
static int
place_key(const char *path, const char *from)
{
	char host[HOST_MAX] = "", comment[HOST_MAX + 16];
	struct file_owner owner;
	int r;

	choose_owner(&owner);
	gethostname(host, sizeof(host) - 1);
	snprintf(comment, sizeof(comment), "enscale-ca@%s", host);
	r = from == NULL ? ca_key_create(path, &owner, comment)
	                 : ca_key_restore(path, from, &owner, comment);
	if (r == -EEXIST) {
		complain("\"%s\" or its .pub exists, and nodes may trust it: "
		         "it is never replaced",
		    path);
		return EXIT_NO;
	}
	if (r != 0) {
		complain("cannot make \"%s\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

int
ca_make(const char *path)
{
	return place_key(path, NULL);
}

int
ca_restore(const char *path, const char *from)
{
	return place_key(path, from);
}

/* Other keys of a CA, or its lists of them, are still there: so the missing one
 * was lost, and nodes trust it. */
static bool
was_there(const char *ca, char ret_path[CONFIG_PATH_MAX])
{
	static const char *const lists[] = { CA_LIST_RETIRED, CA_LIST_REVOKED };
	size_t i;
	int slot;

	if (ca_slot_exists(ca, CA_CURRENT))
		return false; /* ca_make() refuses that */
	for (slot = CA_NEXT; slot < CA_SLOTS; slot++)
		if (ca_slot_exists(ca, slot) &&
		    ca_slot_path(ca, slot, ret_path) == 0)
			return true;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (ca_list_path(ca, lists[i], ret_path) == 0 &&
		    access(ret_path, F_OK) == 0)
			return true;
	return false;
}

bool
ca_may_be_made(const char *ca)
{
	char path[CONFIG_PATH_MAX];

	if (!was_there(ca, path))
		return true;
	complain("\"%s\" exists, so there was a key \"%s\", which nodes trust: "
	         "restore it from a backup or from another gateway; to start "
	         "afresh, remove the former",
	    path, ca);
	return false;
}

int
ca_init(const struct context *context, int argc, char **argv)
{
	const char *ca = context->config.ca_key;
	int code;

	(void)argv;
	if (argc != 0)
		return complain_usage("ca init");
	if (!ca_may_be_made(ca))
		return EXIT_NO;
	code = ca_make(ca);
	return code != EXIT_YES ? code : ca_show_all(ca);
}

int
ca_show(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return complain_usage("ca show");
	return ca_show_all(context->config.ca_key);
}

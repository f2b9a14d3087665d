/* See operator.h. It refuses whoever the kernel does not name. */
#include <config.h>

#include "enscale_guard/operator.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "common/protocol/operator_protocol.h"
#include "enscale_guard/peer.h"
#include "enscale_guard/signer_maker.h"

#define GROUPS_MAX 1024 /* of a peer; with more he is not let in by them */

gid_t
operator_group(void)
{
	const struct group *group = getgrnam(OPERATOR_GROUP);

	return group != NULL ? group->gr_gid : (gid_t)-1;
}

/* Those that the peer had when it connected. */
static bool
is_in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool
operator_may_ask(int fd, gid_t group)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    len != sizeof(peer))
		return false;
	if (peer.uid == 0)
		return true;
	return group != (gid_t)-1 &&
	    (peer.gid == group || is_in_group(fd, group));
}

static void
find_name(FILE *file, uid_t uid, char ret_name[SYSTEM_USER_MAX + 1])
{
	const struct passwd *user = NULL;

	if (file != NULL)
		rewind(file);
	while (file != NULL && (user = fgetpwent(file)) != NULL)
		if (user->pw_uid == uid)
			break;
	if (file != NULL && user != NULL)
		text_printable(user->pw_name, ret_name, SYSTEM_USER_MAX + 1);
	else
		snprintf(ret_name, SYSTEM_USER_MAX + 1, "%" PRIu32,
		    (uint32_t)uid);
}

/* The kernel keeps it over setuid programs (proc_pid_loginuid(5)). */
static uid_t
find_login(pid_t pid)
{
	char path[sizeof("/proc/2147483647/loginuid")], text[16];
	AUTO_FILE FILE *file = NULL;
	uint32_t uid;

	snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL ||
	    parse_u32(text, UINT32_MAX, &uid) != 0)
		return OPERATOR_NOBODY;
	return (uid_t)uid;
}

static FILE *
open_users(struct signer_maker *maker)
{
	int fd = signer_maker_open_users(maker);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

void
operator_identify(int fd, struct signer_maker *maker,
    struct operator_identity *ret_identity)
{
	AUTO_FILE FILE *users = open_users(maker);
	struct operator_identity identity = { .uid = OPERATOR_NOBODY,
		.login = OPERATOR_NOBODY };
	struct process process;

	(void)peer_uid(fd, &identity.uid);
	if (peer_process(fd, peer_ticks(), &process) == 0)
		identity.login = find_login(process.pid);
	find_name(users, identity.uid, identity.name);
	if (identity.login != OPERATOR_NOBODY)
		find_name(users, identity.login, identity.login_name);
	if (identity.login != OPERATOR_NOBODY && identity.login != identity.uid)
		snprintf(identity.by, sizeof(identity.by), "%s (%s)",
		    identity.login_name, identity.name);
	else
		snprintf(identity.by, sizeof(identity.by), "%s", identity.name);
	*ret_identity = identity;
}

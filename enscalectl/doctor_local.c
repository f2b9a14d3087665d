/*
 * The account map, and what of this host is in its way: users, groups and
 * ranges of uids that are not ours. See doctor.h. It refuses to ask the name
 * service for these, which may have our own answers.
 */
#include <config.h>

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/account_map.h"
#include "common/names/login_name.h"
#include "enscalectl/doctor.h"

#define PASSWD   "/etc/passwd"
#define GROUP    "/etc/group"
#define TEXT_MAX 1024

/* ---- the account map ------------------------------------------------------ */

void
doctor_close_map(const struct account_map **map)
{
	if (*map != NULL)
		account_map_close(*map);
}

int
doctor_open_map(const struct doctor *doctor, const struct account_map **ret_map)
{
	char path[CONFIG_PATH_MAX];
	int r;

	r = config_path(doctor->context->config.state_dir, CONFIG_MAP_FILE,
	    path);
	return r != 0 ? r : account_map_open(path, ret_map);
}

static enum doctor_state
try_map(struct doctor *doctor)
{
	uint32_t uid_base = doctor->context->config.uid_base;
	AUTO(doctor_close_map) const struct account_map *map = NULL;
	int r = doctor_open_map(doctor, &map);

	if (r != 0)
		return doctor_fail(doctor, "%s/%s: %s",
		    doctor->context->config.state_dir, CONFIG_MAP_FILE,
		    error_text(r));
	if (account_map_uid_base(map) != uid_base)
		return doctor_fail(doctor,
		    "it has uid_base %u, but the configuration has %u",
		    account_map_uid_base(map), uid_base);
	return DOCTOR_OK;
}

/* Any process may ask for a name. */
enum doctor_state
doctor_map(struct doctor *doctor)
{
	return doctor_look_as(doctor, "nobody", try_map);
}

/* ---- ranges of uids ----------------------------------------------------- */

struct range {
	uint64_t first, last;
};

/* 0: no account, or none over the uid. */
static uint32_t
highest_account(const struct account_map *map)
{
	uint32_t account = 0, highest = 0;

	while (account_map_next(map, account + 1, &account) == 0)
		highest = account;
	return highest;
}

static bool
overlap(const struct range *a, const struct range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* A line of subuid(5): "NAME:FIRST:COUNT". */
static bool
parse_sub_range(char *line, struct range *ret_range)
{
	char *rest = line, *first, *count;
	uint32_t from, length;

	line[strcspn(line, "\n")] = '\0';
	(void)strsep(&rest, ":");
	first = strsep(&rest, ":");
	count = strsep(&rest, ":");
	if (first == NULL || count == NULL ||
	    parse_u32(first, UINT32_MAX, &from) != 0 ||
	    parse_u32(count, UINT32_MAX, &length) != 0 || length == 0)
		return false;
	*ret_range = (struct range){ from, (uint64_t)from + length - 1 };
	return true;
}

static enum doctor_state
look_at_sub_ranges(struct doctor *doctor, const char *path,
    const struct range *ours)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	char line[TEXT_MAX];
	struct range range;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (parse_sub_range(line, &range) && overlap(&range, ours))
			return doctor_warn(doctor,
			    "%s gives \"%s\" uids %llu to %llu; those of the "
			    "accounts go from %llu to %llu",
			    path, line, (unsigned long long)range.first,
			    (unsigned long long)range.last,
			    (unsigned long long)ours->first,
			    (unsigned long long)ours->last);
	return DOCTOR_OK;
}

/* What systemd gives away by itself: systemd's docs, UIDS-GIDS. */
static enum doctor_state
look_at_systemd_ranges(struct doctor *doctor, const struct range *ours)
{
	static const struct {
		struct range range;
		const char *use;
	} theirs[] = {
		{ { 60001, 60577 }, "homes and greeters" },
		{ { 61184, 65519 }, "DynamicUser=" },
		{ { 65534, 65535 }, "nobody" },
		{ { 524288, 1879048191 }, "containers" },
		{ { 2147352576, 2147418111 }, "foreign images" },
	};
	size_t i;

	for (i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		if (overlap(&theirs[i].range, ours))
			return doctor_warn(doctor,
			    "systemd uses uids %llu to %llu for %s; those of "
			    "the accounts go from %llu to %llu",
			    (unsigned long long)theirs[i].range.first,
			    (unsigned long long)theirs[i].range.last,
			    theirs[i].use, (unsigned long long)ours->first,
			    (unsigned long long)ours->last);
	return DOCTOR_OK;
}

enum doctor_state
doctor_uid_range(struct doctor *doctor)
{
	AUTO(doctor_close_map) const struct account_map *map = NULL;
	enum doctor_state state;
	struct range ours;
	uint32_t highest;

	if (doctor_open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	highest = highest_account(map);
	if (highest == 0)
		return DOCTOR_OK;
	ours.first = (uint64_t)account_map_uid_base(map) + 1;
	ours.last = (uint64_t)account_map_uid_base(map) + highest;
	state = look_at_systemd_ranges(doctor, &ours);
	if (state == DOCTOR_OK)
		state = look_at_sub_ranges(doctor, "/etc/subuid", &ours);
	if (state == DOCTOR_OK)
		state = look_at_sub_ranges(doctor, "/etc/subgid", &ours);
	return state;
}

/* ---- local users and groups --------------------------------------------- */

/* The first one that is found, and how many there are. */
struct found {
	char first[DOCTOR_FINDING_MAX];
	unsigned more;
};

__attribute__((format(printf, 2, 3))) static void
note(struct found *found, const char *format, ...)
{
	va_list args;

	if (found->first[0] != '\0') {
		found->more++;
		return;
	}
	va_start(args, format);
	vsnprintf(found->first, sizeof(found->first), format, args);
	va_end(args);
}

static enum doctor_state
tell(struct doctor *doctor, const struct found *found)
{
	if (found->first[0] == '\0')
		return DOCTOR_OK;
	if (found->more == 0)
		return doctor_fail(doctor, "%s", found->first);
	return doctor_fail(doctor, "%s, and %u more", found->first,
	    found->more);
}

static bool
is_account(const struct account_map *map, const char *name)
{
	struct login_name parsed;

	return login_name_parse(name, &parsed) == 0 &&
	    account_map_has(map, parsed.account);
}

static bool
is_accounts_uid(const struct account_map *map, uid_t uid)
{
	uint32_t base = account_map_uid_base(map);

	return uid > base && account_map_has(map, uid - base);
}

static bool
is_login_name(const char *name)
{
	struct login_name parsed;

	return login_name_parse(name, &parsed) == 0;
}

enum doctor_state
doctor_local_users(struct doctor *doctor)
{
	AUTO(doctor_close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(PASSWD, "re");
	struct found found = { .more = 0 }, number = { .more = 0 };
	const struct passwd *user;

	/* Without a map nobody comes in, which another row says. */
	if (file == NULL || doctor_open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	while ((user = fgetpwent(file)) != NULL)
		if (is_account(map, user->pw_name))
			note(&found,
			    "%s has a user \"%s\", uid %u, with the name of an "
			    "account",
			    PASSWD, user->pw_name, user->pw_uid);
		else if (is_accounts_uid(map, user->pw_uid))
			note(&found,
			    "%s has a user \"%s\" with the uid of account %u",
			    PASSWD, user->pw_name,
			    user->pw_uid - account_map_uid_base(map));
		else if (is_login_name(user->pw_name))
			note(&number,
			    "%s has a user \"%s\", uid %u: an account of that "
			    "name would be kept out",
			    PASSWD, user->pw_name, user->pw_uid);
	if (tell(doctor, &found) != DOCTOR_OK)
		return DOCTOR_FAILURE;
	return tell(doctor, &number) == DOCTOR_OK ? DOCTOR_OK : DOCTOR_WARNING;
}

enum doctor_state
doctor_local_groups(struct doctor *doctor)
{
	AUTO(doctor_close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(GROUP, "re");
	struct found found = { .more = 0 };
	const struct group *group;
	char **member;

	if (file == NULL || doctor_open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	while ((group = fgetgrent(file)) != NULL)
		for (member = group->gr_mem; *member != NULL; member++)
			if (is_account(map, *member))
				note(&found,
				    "%s has account \"%s\" in the group \"%s\"",
				    GROUP, *member, group->gr_name);
	return tell(doctor, &found);
}

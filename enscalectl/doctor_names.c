/*
 * Who login names are to this host: the name service and what caches it, the
 * account map, and local users that have a number for a name. It refuses to
 * read all accounts: of those in the map it asks for a few, which shows whether
 * another service answers for all of them.
 */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "common/names/account_map.h"
#include "common/names/login_name.h"
#include "enscalectl/doctor.h"
#include "pam_enscale/name_service.h"

#define NSSWITCH    "/etc/nsswitch.conf"
#define PASSWD      "/etc/passwd"
#define GROUP       "/etc/group"
#define NSCD_CONF   "/etc/nscd.conf"
#define NSCD_SOCKET "/run/nscd/socket"
#define OURS        "enscale"
#define TEXT_MAX    1024
#define SERVICE_MAX 64
#define BLANKS      " \t\n"
#define SAMPLE_NODE 1U

static void
close_map(const struct account_map **map)
{
	if (*map != NULL)
		account_map_close(*map);
}

static int
open_map(const struct doctor *doctor, const struct account_map **ret_map)
{
	char path[CONFIG_PATH_MAX];
	int r;

	r = config_path(doctor->context->config.state_dir, CONFIG_MAP_FILE,
	    path);
	return r != 0 ? r : account_map_open(path, ret_map);
}

/* ---- nsswitch.conf ------------------------------------------------------ */

/* The services of a database, as the file has them. 0, ENS_E_NOTFOUND,
 * -errno. */
static int
read_services(const char *database, char ret_services[TEXT_MAX])
{
	AUTO_FILE FILE *file = fopen(NSSWITCH, "re");
	size_t len = strlen(database);
	char line[TEXT_MAX];
	const char *at;

	if (file == NULL)
		return -errno;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "#\n")] = '\0';
		at = line + strspn(line, BLANKS);
		if (strncmp(at, database, len) != 0)
			continue;
		at += len + strspn(at + len, BLANKS);
		if (*at != ':')
			continue;
		memcpy(ret_services, at + 1, strlen(at + 1) + 1);
		return 0;
	}
	return ENS_E_NOTFOUND;
}

/* The next word, and what is behind it; false at the end. */
static bool
next_service(const char **at, char ret_service[SERVICE_MAX])
{
	size_t len;

	*at += strspn(*at, BLANKS);
	len = strcspn(*at, BLANKS);
	if (len == 0)
		return false;
	snprintf(ret_service, SERVICE_MAX, "%.*s", (int)len, *at);
	*at += len;
	return true;
}

/* Would it end the search for a name that a service before ours does not
 * know? "[NOTFOUND=return]", "[!SUCCESS=return]". */
static bool
ends_search(const char *action)
{
	return action[0] == '[' && strcasestr(action, "=return") != NULL &&
	    (strcasestr(action, "notfound=") != NULL ||
	        strcasestr(action, "!success=") != NULL);
}

/* The host's own, which is to be asked first; it costs nothing. */
static bool
is_local(const char *service)
{
	return strcmp(service, "files") == 0 ||
	    strcmp(service, "compat") == 0 || strcmp(service, "systemd") == 0;
}

#define MEND_ORDER \
	ENS_LIBEXEC_DIR "/enscale-nsswitch remove, then add: behind files"

static enum doctor_state
judge_services(struct doctor *doctor, const char *database,
    const char *services)
{
	char service[SERVICE_MAX], foreign[SERVICE_MAX] = "";
	bool local = false;

	while (next_service(&services, service)) {
		if (strcmp(service, OURS) == 0)
			doctor_mend(doctor, MEND_ORDER);
		if (strcmp(service, OURS) == 0 && foreign[0] != '\0')
			return doctor_warn(doctor,
			    "\"%s\" is asked before \"" OURS "\" in the line "
			    "\"%s:\" of %s: each login waits for it",
			    foreign, database, NSSWITCH);
		if (strcmp(service, OURS) == 0 && !local)
			return doctor_warn(doctor,
			    "\"" OURS
			    "\" stands before the host's own files in "
			    "the line \"%s:\" of %s",
			    database, NSSWITCH);
		if (strcmp(service, OURS) == 0)
			return DOCTOR_OK;
		if (ends_search(service)) {
			doctor_mend(doctor, MEND_ORDER);
			return doctor_fail(doctor,
			    "%s stands before \"" OURS "\" in the line \"%s:\" "
			    "of %s: it is never asked",
			    service, database, NSSWITCH);
		}
		local = local || is_local(service);
		if (service[0] != '[' && !is_local(service))
			memcpy(foreign, service, sizeof(service));
	}
	return doctor_fail(doctor,
	    "\"" OURS "\" is missing in the line \"%s:\" of %s", database,
	    NSSWITCH);
}

enum doctor_state
doctor_services(struct doctor *doctor)
{
	static const char *const databases[] = { "passwd", "group" };
	enum doctor_state state = DOCTOR_OK;
	char services[TEXT_MAX];
	size_t i;
	int r;

	for (i = 0;
	     state == DOCTOR_OK && i < sizeof(databases) / sizeof(databases[0]);
	     i++) {
		r = read_services(databases[i], services);
		if (r != 0 && r != ENS_E_NOTFOUND)
			return doctor_fail(doctor, "\"%s\": %s", NSSWITCH,
			    error_text(r));
		state = judge_services(doctor, databases[i],
		    r == 0 ? services : "");
	}
	return state;
}

/* ---- nscd ----------------------------------------------------------------- */

static bool
nscd_runs(void)
{
	AUTO_FD int fd = local_socket_connect(NSCD_SOCKET, SOCK_STREAM,
	    DOCTOR_SECONDS);

	return fd >= 0;
}

/* As its configuration says, where the last line of several counts. */
static bool
nscd_caches(const char *database)
{
	AUTO_FILE FILE *file = fopen(NSCD_CONF, "re");
	char line[TEXT_MAX], word[SERVICE_MAX], name[SERVICE_MAX];
	bool caches = false;
	const char *at;

	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "#")] = '\0';
		at = line;
		if (next_service(&at, word) && next_service(&at, name) &&
		    strcmp(word, "enable-cache") == 0 &&
		    strcmp(name, database) == 0)
			caches = next_service(&at, word) &&
			    strcmp(word, "yes") == 0;
	}
	return caches;
}

/* It gives the uid of an account the login name that was asked for last, which
 * PAM takes for another user. */
enum doctor_state
doctor_nscd(struct doctor *doctor)
{
	if (!nscd_runs() || !nscd_caches("passwd"))
		return DOCTOR_OK;
	return doctor_fail(doctor,
	    "it caches passwd: PAM refuses accounts whose uid it gives the "
	    "name of another login, and a new account is unknown for a while");
}

/* ---- the account map ------------------------------------------------------ */

static enum doctor_state
try_map(struct doctor *doctor)
{
	uint32_t uid_base = doctor->context->config.uid_base;
	AUTO(close_map) const struct account_map *map = NULL;
	int r = open_map(doctor, &map);

	if (r != 0)
		return doctor_fail(doctor, "%s/%s: %s",
		    doctor->context->config.state_dir, CONFIG_MAP_FILE,
		    error_text(r));
	if (account_map_uid_base(map) != uid_base)
		return doctor_fail(doctor,
		    "it has uid_base %u, and the configuration %u",
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
	AUTO(close_map) const struct account_map *map = NULL;
	enum doctor_state state;
	struct range ours;
	uint32_t highest;

	if (open_map(doctor, &map) != 0)
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
	AUTO(close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(PASSWD, "re");
	struct found found = { .more = 0 }, number = { .more = 0 };
	const struct passwd *user;

	/* Without a map nobody comes in, which another row says. */
	if (file == NULL || open_map(doctor, &map) != 0)
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
	AUTO(close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(GROUP, "re");
	struct found found = { .more = 0 };
	const struct group *group;
	char **member;

	if (file == NULL || open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	while ((group = fgetgrent(file)) != NULL)
		for (member = group->gr_mem; *member != NULL; member++)
			if (is_account(map, *member))
				note(&found,
				    "%s has account \"%s\" in the group \"%s\"",
				    GROUP, *member, group->gr_name);
	return tell(doctor, &found);
}

/* ---- every service ------------------------------------------------------ */

/* Which one of the line answers for the name first; false: none. */
static bool
find_answering(const char *name, char ret_service[SERVICE_MAX])
{
	char services[TEXT_MAX], service[SERVICE_MAX];
	const char *at = services;
	bool found = false;

	if (read_services("passwd", services) != 0)
		return false;
	while (!found && next_service(&at, service))
		found = service[0] != '[' &&
		    __nss_configure_lookup("passwd", service) == 0 &&
		    getpwnam(name) != NULL;
	(void)__nss_configure_lookup("passwd", services);
	if (found)
		memcpy(ret_service, service, sizeof(service));
	return found;
}

static enum doctor_state
find_disagreement(struct doctor *doctor, const struct login_name *name,
    const char *cause)
{
	char text[LOGIN_TEXT_MAX + 1], service[SERVICE_MAX];

	login_name_format(name, text, sizeof(text));
	if (!find_answering(text, service))
		return doctor_fail(doctor, "%s", cause);
	return doctor_fail(doctor, "%s; the service \"%s\" answers first",
	    cause, service);
}

/* Both forms of the name of an account, as PAM looks at them. */
static enum doctor_state
look_at_account(struct doctor *doctor, uint32_t account)
{
	uint32_t uid_base = doctor->context->config.uid_base;
	const struct login_name names[] = { { account, 0 },
		{ account, SAMPLE_NODE } };
	char cause[NAME_SERVICE_CAUSE_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!name_service_agrees(&names[i], uid_base, cause))
			return find_disagreement(doctor, &names[i], cause);
	return DOCTOR_OK;
}

/* At most 28 accounts, the lowest among them and some of any size. */
enum doctor_state
doctor_name_service(struct doctor *doctor)
{
	AUTO(close_map) const struct account_map *map = NULL;
	uint32_t from, account, before = 0;
	enum doctor_state state = DOCTOR_OK;

	if (open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	for (from = 1; state == DOCTOR_OK && from <= ACCOUNT_ID_MAX;
	     from *= 2) {
		if (account_map_next(map, from, &account) != 0)
			break;
		if (account == before)
			continue;
		before = account;
		state = look_at_account(doctor, account);
	}
	return state;
}

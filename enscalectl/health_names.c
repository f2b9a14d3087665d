/*
 * Which users login names are on this host: the name service and its caches,
 * the account map, and local users whose name is a number. It does not read all
 * accounts: it looks up a few of those in the map, which shows whether another
 * service answers for all of them.
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
#include "enscalectl/health.h"
#include "pam_enscale/name_service.h"

#define NSSWITCH     "/etc/nsswitch.conf"
#define PASSWD       "/etc/passwd"
#define GROUP        "/etc/group"
#define NSCD_CONF    "/etc/nscd.conf"
#define NSCD_SOCKET  "/run/nscd/socket"
#define NSCD_SECONDS 1
#define OURS         "enscale"
#define TEXT_MAX     1024
#define SERVICE_MAX  64
#define BLANKS       " \t\n"
#define SAMPLE_NODE  1U

static void
close_map(const struct account_map **map)
{
	if (*map != NULL)
		account_map_close(*map);
}

static int
open_map(const struct health *health, const struct account_map **ret_map)
{
	char path[CONFIG_PATH_MAX];
	int r;

	r = config_path(health->context->config.state_dir, CONFIG_MAP_FILE,
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

static bool
has_ours(const char *services)
{
	char service[SERVICE_MAX];

	while (next_service(&services, service))
		if (strcmp(service, OURS) == 0)
			return true;
	return false;
}

int
health_services(struct health *health)
{
	static const char *const databases[] = { "passwd", "group" };
	char services[TEXT_MAX];
	size_t i;
	int r;

	for (i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		r = read_services(databases[i], services);
		if (r != 0 && r != ENS_E_NOTFOUND)
			return health_find(health, "\"%s\": %s", NSSWITCH,
			    error_text(r));
		if (r != 0 || !has_ours(services))
			return health_find(health,
			    "\"" OURS "\" is missing in the line \"%s:\" of "
			    "%s",
			    databases[i], NSSWITCH);
	}
	return EXIT_YES;
}

/* ---- nscd ----------------------------------------------------------------- */

static bool
nscd_runs(void)
{
	AUTO_FD int fd = local_socket_connect(NSCD_SOCKET, SOCK_STREAM,
	    NSCD_SECONDS);

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
int
health_nscd(struct health *health)
{
	if (!nscd_runs() || !nscd_caches("passwd"))
		return EXIT_YES;
	return health_find(health,
	    "it caches passwd: it may give an account's uid the name of "
	    "another login, which PAM refuses, and does not know a new account "
	    "for a while");
}

/* ---- the account map ------------------------------------------------------ */

int
health_map(struct health *health)
{
	uint32_t uid_base = health->context->config.uid_base;
	AUTO(close_map) const struct account_map *map = NULL;
	int r = open_map(health, &map);

	if (r != 0)
		return health_find(health, "%s/%s: %s",
		    health->context->config.state_dir, CONFIG_MAP_FILE,
		    error_text(r));
	if (account_map_uid_base(map) != uid_base)
		return health_find(health,
		    "it has uid_base %u, but the configuration has %u",
		    account_map_uid_base(map), uid_base);
	return EXIT_YES;
}

/* ---- local users and groups --------------------------------------------- */

/* The first one that is found, and how many there are. */
struct found {
	char first[HEALTH_FINDING_MAX];
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

static int
tell(struct health *health, const struct found *found)
{
	if (found->first[0] == '\0')
		return EXIT_YES;
	if (found->more == 0)
		return health_find(health, "%s", found->first);
	return health_find(health, "%s, and %u more", found->first,
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

int
health_local_users(struct health *health)
{
	AUTO(close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(PASSWD, "re");
	struct found found = { .more = 0 };
	const struct passwd *user;

	/* Without a map nobody comes in, which another row says. */
	if (file == NULL || open_map(health, &map) != 0)
		return EXIT_YES;
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
	return tell(health, &found);
}

int
health_local_groups(struct health *health)
{
	AUTO(close_map) const struct account_map *map = NULL;
	AUTO_FILE FILE *file = fopen(GROUP, "re");
	struct found found = { .more = 0 };
	const struct group *group;
	char **member;

	if (file == NULL || open_map(health, &map) != 0)
		return EXIT_YES;
	while ((group = fgetgrent(file)) != NULL)
		for (member = group->gr_mem; *member != NULL; member++)
			if (is_account(map, *member))
				note(&found,
				    "%s has account \"%s\" in the group \"%s\"",
				    GROUP, *member, group->gr_name);
	return tell(health, &found);
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

static int
find_disagreement(struct health *health, const struct login_name *name,
    const char *cause)
{
	char text[LOGIN_TEXT_MAX + 1], service[SERVICE_MAX];

	login_name_format(name, text, sizeof(text));
	if (!find_answering(text, service))
		return health_find(health, "%s", cause);
	return health_find(health, "%s; the service \"%s\" answers first",
	    cause, service);
}

/* Both forms of the name of an account, as PAM looks at them. */
static int
look_at_account(struct health *health, uint32_t account)
{
	uint32_t uid_base = health->context->config.uid_base;
	const struct login_name names[] = { { account, 0 },
		{ account, SAMPLE_NODE } };
	char cause[NAME_SERVICE_CAUSE_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!name_service_agrees(&names[i], uid_base, cause))
			return find_disagreement(health, &names[i], cause);
	return EXIT_YES;
}

/* At most 28 accounts, the lowest among them and some of any size. */
int
health_name_service(struct health *health)
{
	AUTO(close_map) const struct account_map *map = NULL;
	uint32_t from, account, before = 0;
	int code = EXIT_YES;

	if (open_map(health, &map) != 0)
		return EXIT_YES;
	for (from = 1; code == EXIT_YES && from <= ACCOUNT_ID_MAX; from *= 2) {
		if (account_map_next(map, from, &account) != 0)
			break;
		if (account == before)
			continue;
		before = account;
		code = look_at_account(health, account);
	}
	return code;
}

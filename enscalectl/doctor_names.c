/*
 * Who login names are to this host: the name service and what caches it. See
 * doctor.h. It refuses to ask for all accounts: of those in the map it asks for
 * a few, which shows whether another service answers for all of them.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <nss.h>
#include <pwd.h>
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
#define NSCD_CONF   "/etc/nscd.conf"
#define NSCD_SOCKET "/run/nscd/socket"
#define MODULE      "libnss_enscale.so.2"
#define OURS        "enscale"
#define TEXT_MAX    1024
#define SERVICE_MAX 64
#define BLANKS      " \t\n"
#define SAMPLE_NODE 1U

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

/* As any program would. */
static enum doctor_state
try_module(struct doctor *doctor)
{
	void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL) {
		doctor_mend(doctor, "install it again; ldconfig");
		return doctor_fail(doctor, "%s", dlerror());
	}
	dlclose(module);
	return DOCTOR_OK;
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
	return state != DOCTOR_OK
	    ? state
	    : doctor_look_as(doctor, "nobody", try_module);
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
	    "it caches passwd: it may answer for an account's uid with another "
	    "login name, which PAM refuses, and learns of a new account late");
}

/* ---- every service ------------------------------------------------------ */

/* Which one of the line answers for the name first, or, of foreign ones, would
 * if it were alone; false: none. */
static bool
find_answering(const char *name, bool foreign, char ret_service[SERVICE_MAX])
{
	char services[TEXT_MAX], service[SERVICE_MAX];
	const char *at = services;
	bool found = false;

	if (read_services("passwd", services) != 0)
		return false;
	while (!found && next_service(&at, service)) {
		if (foreign &&
		    (is_local(service) || strcmp(service, OURS) == 0))
			continue;
		found = service[0] != '[' &&
		    __nss_configure_lookup("passwd", service) == 0 &&
		    getpwnam(name) != NULL;
	}
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
	if (!find_answering(text, false, service))
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
static enum doctor_state
look_at_some(struct doctor *doctor,
    enum doctor_state (*look)(struct doctor *doctor, uint32_t account))
{
	AUTO(doctor_close_map) const struct account_map *map = NULL;
	uint32_t from, account, before = 0;
	enum doctor_state state = DOCTOR_OK;

	if (doctor_open_map(doctor, &map) != 0)
		return DOCTOR_OK;
	for (from = 1; state == DOCTOR_OK && from <= ACCOUNT_ID_MAX;
	     from *= 2) {
		if (account_map_next(map, from, &account) != 0)
			break;
		if (account == before)
			continue;
		before = account;
		state = look(doctor, account);
	}
	return state;
}

enum doctor_state
doctor_name_service(struct doctor *doctor)
{
	return look_at_some(doctor, look_at_account);
}

static enum doctor_state
look_for_shadow(struct doctor *doctor, uint32_t account)
{
	const struct login_name name = { account, 0 };
	char text[LOGIN_TEXT_MAX + 1], service[SERVICE_MAX];

	login_name_format(&name, text, sizeof(text));
	return find_answering(text, true, service)
	    ? doctor_warn(doctor,
	          "the service \"%s\" of %s knows account %s, too: to this "
	          "host it is still somebody when the gateway has forgotten it",
	          service, NSSWITCH, text)
	    : DOCTOR_OK;
}

/* A directory of the site that has the same numbers, or a cache of ours, as
 * SSSD's proxy. */
enum doctor_state
doctor_shadows(struct doctor *doctor)
{
	return look_at_some(doctor, look_for_shadow);
}

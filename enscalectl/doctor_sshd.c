/*
 * The gateway's sshd: what its configuration says to itself, whether it
 * listens, and what it runs and loads for a login: see doctor.h.
 */
#include <config.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/base/changeable.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "enscalectl/as_user.h"
#include "enscalectl/command.h"
#include "enscalectl/doctor.h"
#include "enscalectl/listeners.h"
#include "enscalectl/sshd_settings.h"

#define UNIT        "enscale-sshd"
#define START       UNIT "-start"
#define START_TEST  ENS_LIBEXEC_DIR "/" START " check 2>&1"
#define PAM_SERVICE ENS_PAM_CONF_DIR "/enscale-sshd"
#define PAM_SHIPPED ENS_DATA_DIR "/gateway/enscale-sshd.pam"
#define PAM_MODULE  "pam_enscale.so"
#define LOGIN_SHELL ENS_BIN_DIR "/enscale-shell"
#define GUARD       ENS_LIBEXEC_DIR "/enscale-guard"
#define LASTLOG     "/var/log/lastlog"
#define TEXT_MAX    SSHD_TEXT_MAX
#define BLANKS      " \t\n"
/* A guard needs descriptors for each session, sshd for each login. */
#define FILES_MIN     4096U
#define STARTUP_KIB   2048ULL /* of a connection before its login, nearly */
#define PROC_PATH_MAX 64
/* A key that nobody has, of no account: enscale-keys has to say nothing. */
#define NO_KEY "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- its configuration -------------------------------------------------- */

enum doctor_state
doctor_sshd_config(struct doctor *doctor)
{
	const char *reason;

	if (sshd_settings_ask(&reason) != NULL)
		return DOCTOR_OK;
	return doctor_fail(doctor, "%s", reason);
}

/* What its start looks at and would refuse. */
enum doctor_state
doctor_sshd_start(struct doctor *doctor)
{
	FILE *pipe = popen(START_TEST, "re");
	char line[TEXT_MAX], first[TEXT_MAX] = "";
	const char *text = first;

	if (pipe == NULL)
		return doctor_fail(doctor, START ": %s", error_text(-errno));
	while (fgets(line, sizeof(line), pipe) != NULL)
		if (first[0] == '\0')
			memcpy(first, line, sizeof(line));
	if (pclose(pipe) == 0)
		return DOCTOR_OK;
	first[strcspn(first, "\r\n")] = '\0';
	if (strncmp(first, START ": ", strlen(START ": ")) == 0)
		text += strlen(START ": ");
	return doctor_fail(doctor, "%s", text);
}

/* ---- the process -------------------------------------------------------- */

/* 0: none is noted down. */
static pid_t
read_pid_file(void)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	AUTO_FILE FILE *file = settings != NULL
	    ? fopen(settings->pid_file, "re")
	    : NULL;
	char line[TEXT_MAX];
	uint32_t pid = 0;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	return parse_u32(line, INT32_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

/* The one that listens; systemd knows it best. 0: not known. */
static pid_t
sshd_pid(void)
{
	static bool asked;
	static pid_t pid;

	if (!asked) {
		pid = doctor_unit_pid(UNIT);
		if (pid == 0)
			pid = read_pid_file();
	}
	asked = true;
	return pid;
}

/* The first one that runs that program; 0: none. */
static pid_t
find_running(const char *program)
{
	char path[PROC_PATH_MAX + NAME_MAX], target[TEXT_MAX];
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint32_t pid, found = 0;
	ssize_t n;

	while (proc != NULL && found == 0 && (entry = readdir(proc)) != NULL) {
		if (parse_u32(entry->d_name, INT32_MAX, &pid) != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/exe", pid);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, program) == 0)
			found = pid;
	}
	if (proc != NULL)
		(void)closedir(proc);
	return (pid_t)found;
}

/* ---- listening ---------------------------------------------------------- */

/* Who was seen on a port of sshd's. */
struct seen {
	const struct sshd_settings *settings;
	uint16_t port;
	bool ours, ours_is_ipv6;
	bool other;
	struct listener first; /* of the others */
};

static bool
is_wildcard(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Do connections that are meant for sshd go there? */
static bool
is_in_the_way(const struct seen *seen, const struct listener *listener)
{
	const struct sshd_address *wanted = seen->settings->addresses;
	unsigned i;

	for (i = 0; i < seen->settings->address_count; i++) {
		bool is_ipv6 = strchr(wanted[i].text, ':') != NULL;

		if (wanted[i].port == seen->port &&
		    is_ipv6 == listener->is_ipv6 &&
		    (is_wildcard(wanted[i].text) ||
		        is_wildcard(listener->address) ||
		        strcmp(wanted[i].text, listener->address) == 0))
			return true;
	}
	return false;
}

static int
see(const struct listener *listener, void *arg)
{
	struct seen *seen = arg;
	pid_t pid = sshd_pid();

	if (pid != 0 && listeners_has(pid, listener->inode)) {
		seen->ours = true;
		seen->ours_is_ipv6 |= listener->is_ipv6;
	} else if (!seen->other && is_in_the_way(seen, listener)) {
		seen->other = true;
		seen->first = *listener;
	}
	return 0;
}

static void
look_at_port(uint16_t port, struct seen *ret_seen)
{
	*ret_seen = (struct seen){ .settings = sshd_settings_ask(NULL),
		.port = port };
	if (ret_seen->settings != NULL)
		(void)listeners_each(port, see, ret_seen);
}

/* "nc", pid 4711 of user "walter" */
static void
name_process(pid_t pid, char *buf, size_t size)
{
	char path[PROC_PATH_MAX], name[PROC_PATH_MAX] = "";
	const struct passwd *user = NULL;
	AUTO_FILE FILE *file = NULL;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (pid == 0 || file == NULL || fstat(fileno(file), &st) != 0 ||
	    fgets(name, sizeof(name), file) == NULL) {
		snprintf(buf, size, "somebody who is not seen from here");
		return;
	}
	name[strcspn(name, "\n")] = '\0';
	user = getpwuid(st.st_uid);
	snprintf(buf, size, "\"%s\", pid %d of user \"%s\",", name, pid,
	    user != NULL ? user->pw_name : "nobody known");
}

static enum doctor_state
name_other(struct doctor *doctor, const struct seen *seen)
{
	pid_t pid = listeners_find(seen->first.inode);
	char who[NAME_MAX];

	name_process(pid, who, sizeof(who));
	if (sshd_pid() == 0 && strcmp(seen->settings->pid_file, "none") == 0) {
		doctor_mend(doctor, "give it a PidFile in " SSHD_CONFIG);
		return doctor_warn(doctor,
		    "%s listens on port %u, and whether that is our sshd is "
		    "not known: it notes down no pid",
		    who, seen->port);
	}
	doctor_mend(doctor,
	    "end that, or give our sshd another Port in " SSHD_CONFIG
	    "; then systemctl restart " UNIT);
	return doctor_fail(doctor,
	    "%s listens at %s port %u, and is not our sshd", who,
	    seen->first.address, seen->port);
}

enum doctor_state
doctor_sshd(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	enum doctor_state state = DOCTOR_OK;
	struct seen seen;
	unsigned i;

	for (i = 0; state == DOCTOR_OK && settings != NULL &&
	     i < settings->address_count;
	     i++) {
		look_at_port(settings->addresses[i].port, &seen);
		if (seen.other)
			state = name_other(doctor, &seen);
		else if (!seen.ours)
			state = doctor_fail(doctor, "nobody listens on port %u",
			    seen.port);
	}
	return state;
}

bool
doctor_sshd_has_ipv6(void)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	struct seen seen = { .ours = false };

	if (settings != NULL && settings->address_count > 0)
		look_at_port(settings->addresses[0].port, &seen);
	return seen.ours_is_ipv6;
}

/* ---- lastlog ------------------------------------------------------------ */

enum doctor_state
doctor_lastlog(struct doctor *doctor)
{
	char path[PROC_PATH_MAX];
	pid_t pid = sshd_pid();
	struct stat st;

	if (pid == 0)
		return doctor_note(doctor, "sshd has written no pid file");
	snprintf(path, sizeof(path), "/proc/%d/root" LASTLOG, pid);
	if (stat(path, &st) != 0 || S_ISCHR(st.st_mode))
		return DOCTOR_OK;
	return doctor_warn(doctor,
	    "sshd writes %s, at offsets that grow with the uid: a sparse file "
	    "of 549 GB, which backups may copy in full",
	    LASTLOG);
}

/* ---- limits ------------------------------------------------------------- */

static enum doctor_state
look_at_files(struct doctor *doctor, const char *name, pid_t pid)
{
	struct rlimit limit;

	if (pid == 0 || prlimit(pid, RLIMIT_NOFILE, NULL, &limit) != 0 ||
	    limit.rlim_cur >= FILES_MIN)
		return DOCTOR_OK;
	return doctor_warn(doctor,
	    "%s may have only %llu open files, too few for many sessions", name,
	    (unsigned long long)limit.rlim_cur);
}

static enum doctor_state
look_at_startups(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	unsigned long long need, have;
	struct sysinfo info;

	if (settings == NULL || sysinfo(&info) != 0)
		return DOCTOR_OK;
	need = settings->max_startups * STARTUP_KIB;
	have = (unsigned long long)info.totalram * info.mem_unit >> 10;
	if (need <= have)
		return DOCTOR_OK;
	doctor_mend(doctor,
	    "lower MaxStartups in " SSHD_CONFIG
	    ", or give the host more memory");
	return doctor_warn(doctor,
	    "MaxStartups allows %u connections that have not logged in, which "
	    "take %llu MiB; this host has %llu MiB",
	    settings->max_startups, need >> 10, have >> 10);
}

enum doctor_state
doctor_limits(struct doctor *doctor)
{
	enum doctor_state state = look_at_files(doctor, "sshd", sshd_pid());

	if (state == DOCTOR_OK)
		state = look_at_files(doctor, "enscale-guard",
		    find_running(GUARD));
	return state == DOCTOR_OK ? look_at_startups(doctor) : state;
}

/* ---- the helper that finds keys ----------------------------------------- */

/* As its user: it asks the view for an account's key. */
static enum doctor_state
run_helper(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	const char *const argv[] = { settings->helper, "1", NO_KEY, NULL };
	char said[COMMAND_SAID_MAX];
	int r = command_run(argv, said);

	if (r < 0)
		return doctor_fail(doctor, "\"%s\", run by user \"%s\": %s",
		    settings->helper, settings->helper_user, error_text(r));
	if (r > 0)
		return doctor_fail(doctor,
		    "\"%s\", run by user \"%s\", ends with %d: no key is "
		    "accepted; %s",
		    settings->helper, settings->helper_user, r,
		    said[0] != '\0' ? said : "the system's log says why");
	return DOCTOR_OK;
}

enum doctor_state
doctor_helper(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	struct as_user user;

	if (as_user_find(settings->helper_user, &user) != 0)
		return doctor_fail(doctor, "there is no user \"%s\"",
		    settings->helper_user);
	if (access(settings->helper, X_OK) != 0)
		return doctor_fail(doctor, "\"%s\": %s", settings->helper,
		    error_text(-errno));
	if (changeable_by(settings->helper, user.uid))
		return doctor_fail(doctor,
		    "\"%s\" or a folder above it can be changed by others than "
		    "root: sshd refuses to run it",
		    settings->helper);
	return doctor_look_as(doctor, settings->helper_user, run_helper);
}

/* ---- PAM ---------------------------------------------------------------- */

/* The module's path in a line of that kind; false when it is another line. */
static bool
module_of(char *line, const char *kind, char ret_path[TEXT_MAX])
{
	char *rest = NULL, *word;
	size_t len;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	if (word == NULL || strcmp(word, kind) != 0)
		return false;
	while ((word = strtok_r(NULL, BLANKS, &rest)) != NULL) {
		len = strlen(word);
		if (len < strlen(PAM_MODULE) ||
		    strcmp(word + len - strlen(PAM_MODULE), PAM_MODULE) != 0)
			continue;
		return snprintf(ret_path, TEXT_MAX, "%s%s",
		           word[0] == '/' ? "" : ENS_PAM_MODULE_DIR "/",
		           word) < TEXT_MAX;
	}
	return false;
}

/* libpam would load it like this. */
static enum doctor_state
load_module(struct doctor *doctor, const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	enum doctor_state state = DOCTOR_OK;

	if (module == NULL)
		return doctor_fail(doctor, "%s", dlerror());
	if (dlsym(module, "pam_sm_acct_mgmt") == NULL)
		state = doctor_fail(doctor,
		    "\"%s\" is not a PAM module of the gateway", path);
	dlclose(module);
	return state;
}

static enum doctor_state
look_at_kind(struct doctor *doctor, const char *kind)
{
	AUTO_FILE FILE *file = fopen(PAM_SERVICE, "re");
	char line[TEXT_MAX], path[TEXT_MAX];

	if (file == NULL)
		return doctor_fail(doctor, "\"%s\": %s", PAM_SERVICE,
		    error_text(-errno));
	while (fgets(line, sizeof(line), file) != NULL)
		if (module_of(line, kind, path))
			return load_module(doctor, path);
	return doctor_fail(doctor, "no line \"%s\" of \"%s\" has " PAM_MODULE,
	    kind, PAM_SERVICE);
}

static bool
is_as_shipped(void)
{
	AUTO_FILE FILE *file = fopen(PAM_SERVICE, "re");
	AUTO_FILE FILE *shipped = fopen(PAM_SHIPPED, "re");
	int a, b;

	if (file == NULL || shipped == NULL)
		return false;
	do {
		a = getc(file);
		b = getc(shipped);
	} while (a == b && a != EOF);
	return a == b;
}

enum doctor_state
doctor_pam(struct doctor *doctor)
{
	enum doctor_state state = look_at_kind(doctor, "account");

	if (state == DOCTOR_OK)
		state = look_at_kind(doctor, "session");
	if (state == DOCTOR_OK && !is_as_shipped())
		return doctor_note(doctor,
		    "\"%s\" is not as shipped, but has what logins need",
		    PAM_SERVICE);
	return state;
}

/* What pam_nologin looks at. */
enum doctor_state
doctor_nologin(struct doctor *doctor)
{
	static const char *const files[] = { "/run/nologin", "/etc/nologin" };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0)
			return doctor_fail(doctor,
			    "\"%s\" exists and keeps everybody out", files[i]);
	return DOCTOR_OK;
}

static enum doctor_state
try_shell(struct doctor *doctor)
{
	if (access(LOGIN_SHELL, X_OK) == 0)
		return DOCTOR_OK;
	return doctor_fail(doctor, "\"%s\": %s", LOGIN_SHELL,
	    error_text(-errno));
}

enum doctor_state
doctor_shell(struct doctor *doctor)
{
	return doctor_look_as(doctor, "nobody", try_shell);
}

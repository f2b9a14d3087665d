/*
 * The gateway's sshd: what it makes of its configuration, whether it listens,
 * and what it runs and loads for a login. It does not parse sshd_config: sshd
 * prints what it makes of it.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/changeable.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "common/view/view.h"
#include "enscalectl/health.h"

#define SSHD        ENS_LIBEXEC_DIR "/enscale-sshd"
#define SSHD_CONFIG ENS_SYSCONFDIR "/enscale/sshd_config"
#define START       "enscale-sshd-start"
#define START_TEST  ENS_LIBEXEC_DIR "/" START " check 2>&1"
#define PAM_SERVICE ENS_PAM_CONF_DIR "/enscale-sshd"
#define PAM_MODULE  "pam_enscale.so"
#define LOGIN_SHELL ENS_BIN_DIR "/enscale-shell"
#define TEXT_MAX    1024
/* All that a Match block may ask for: without, sshd prints nothing. */
#define SSHD_TEST                                                            \
	SSHD " -T -f " SSHD_CONFIG " -C user=none,host=none,addr=192.0.2.1," \
	     "laddr=192.0.2.1,lport=1,rdomain=none 2>&1"
#define PORTS_MAX  16
#define TCP_LISTEN "0A"
#define BLANKS     " \t\n"

/* ---- what sshd says of itself ------------------------------------------- */

/* Of sshd -T what counts here. */
struct settings {
	char ports[PORTS_MAX][8];
	unsigned port_count;
	char helper[TEXT_MAX]; /* the program alone */
	char helper_user[TEXT_MAX];
};

/* The value of a line "keyword value", or NULL. */
static const char *
value_of(const char *line, const char *keyword)
{
	size_t len = strlen(keyword);

	return strncmp(line, keyword, len) == 0 && line[len] == ' '
	    ? line + len + 1
	    : NULL;
}

static void
take_line(struct settings *settings, const char *line)
{
	const char *value = value_of(line, "listenaddress");
	const char *port = value != NULL ? strrchr(value, ':') : NULL;

	if (port != NULL && settings->port_count < PORTS_MAX)
		snprintf(settings->ports[settings->port_count++],
		    sizeof(settings->ports[0]), "%s", port + 1);
	value = value_of(line, "authorizedkeyscommand");
	if (value != NULL)
		snprintf(settings->helper, sizeof(settings->helper), "%.*s",
		    (int)strcspn(value, BLANKS), value);
	value = value_of(line, "authorizedkeyscommanduser");
	if (value != NULL)
		snprintf(settings->helper_user, sizeof(settings->helper_user),
		    "%s", value);
}

/* Runs it. 0; -errno; ENS_E_CONFIG: it refuses, and the first line says
 * why. */
static int
run_sshd(struct settings *ret_settings, char ret_first[TEXT_MAX])
{
	FILE *pipe = popen(SSHD_TEST, "re");
	char line[TEXT_MAX];

	if (pipe == NULL)
		return -errno;
	while (fgets(line, sizeof(line), pipe) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (ret_first[0] == '\0')
			memcpy(ret_first, line, sizeof(line));
		take_line(ret_settings, line);
	}
	return pclose(pipe) == 0 ? 0 : ENS_E_CONFIG;
}

/* Asked once: four looks want to know. NULL with a finding. */
static const struct settings *
ask_sshd(struct health *health)
{
	static struct settings settings;
	static char first[TEXT_MAX];
	static bool asked;
	static int r;

	if (!asked)
		r = run_sshd(&settings, first);
	asked = true;
	if (r == 0)
		return &settings;
	health_find(health, "%s",
	    r == ENS_E_CONFIG && first[0] != '\0' ? first : error_text(r));
	return NULL;
}

/* For the looks behind health_sshd_config(), which has said it. */
static const struct settings *
known_settings(const struct health *health)
{
	struct health quiet = *health;

	return ask_sshd(&quiet);
}

/* What its start looks at and would refuse. */
static int
ask_start(struct health *health)
{
	FILE *pipe = popen(START_TEST, "re");
	char line[TEXT_MAX], first[TEXT_MAX] = "";
	const char *text = first;

	if (pipe == NULL)
		return health_find(health, START ": %s", error_text(-errno));
	while (fgets(line, sizeof(line), pipe) != NULL)
		if (first[0] == '\0')
			memcpy(first, line, sizeof(line));
	if (pclose(pipe) == 0)
		return EXIT_YES;
	first[strcspn(first, "\r\n")] = '\0';
	if (strncmp(first, START ": ", strlen(START ": ")) == 0)
		text += strlen(START ": ");
	return health_find(health, "%s", text);
}

int
health_sshd_config(struct health *health)
{
	return ask_sshd(health) != NULL ? ask_start(health) : EXIT_NO;
}

/* ---- listening ---------------------------------------------------------- */

/* A line of /proc/net/tcp: "sl: address:PORT peer STATE queues timer
 * retransmits UID ...". */
static bool
is_roots_listener(char *line, uint32_t port)
{
	char *field[8], *rest = NULL, wanted[8];
	const char *has;
	unsigned i;

	for (i = 0; i < 8; i++) {
		field[i] = strtok_r(i == 0 ? line : NULL, BLANKS, &rest);
		if (field[i] == NULL)
			return false;
	}
	snprintf(wanted, sizeof(wanted), "%04X", port);
	has = strrchr(field[1], ':');
	return has != NULL && strcmp(has + 1, wanted) == 0 &&
	    strcmp(field[3], TCP_LISTEN) == 0 && strcmp(field[7], "0") == 0;
}

static bool
listens(const char *table, uint32_t port)
{
	AUTO_FILE FILE *file = fopen(table, "re");
	char line[TEXT_MAX];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (is_roots_listener(line, port))
			return true;
	return false;
}

int
health_sshd_listens(struct health *health)
{
	const struct settings *settings = known_settings(health);
	uint32_t port;
	unsigned i;

	for (i = 0; settings != NULL && i < settings->port_count; i++)
		if (parse_u32(settings->ports[i], UINT16_MAX, &port) == 0 &&
		    !listens("/proc/net/tcp", port) &&
		    !listens("/proc/net/tcp6", port))
			return health_find(health,
			    "no process of root's listens on port %u", port);
	return EXIT_YES;
}

/* ---- the helper that finds keys ----------------------------------------- */

int
health_keys_user(struct health *health)
{
	const struct settings *settings = known_settings(health);
	const struct passwd *user;

	if (settings == NULL)
		return EXIT_YES;
	user = getpwnam(settings->helper_user);
	if (user == NULL)
		return health_find(health, "there is no user \"%s\"",
		    settings->helper_user);
	if (access(settings->helper, X_OK) != 0)
		return health_find(health, "\"%s\": %s", settings->helper,
		    error_text(-errno));
	if (changeable_by(settings->helper, user->pw_uid))
		return health_find(health,
		    "\"%s\" or a folder above it can be changed by others than "
		    "root: sshd refuses to run it",
		    settings->helper);
	return EXIT_YES;
}

/* In a child: the view as that user. */
static int
open_view_as(const struct passwd *user, const char *path)
{
	AUTO(cleanup_view) struct view *view = NULL;

	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
	    setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return -errno;
	return view_open(path, &view);
}

static int
ask_child(const struct passwd *user, const char *path)
{
	int fds[2], r = -EPIPE;
	pid_t pid;

	if (pipe(fds) != 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		r = open_view_as(user, path);
		_exit(write(fds[1], &r, sizeof(r)) != sizeof(r));
	}
	close(fds[1]);
	if (pid < 0)
		r = -errno;
	else if (read(fds[0], &r, sizeof(r)) != sizeof(r))
		r = -EPIPE;
	close(fds[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return r;
}

/* That root can read it says nothing. */
int
health_keys_view(struct health *health)
{
	const struct settings *settings = known_settings(health);
	const struct passwd *user;
	char path[CONFIG_PATH_MAX];
	int r;

	user = settings != NULL ? getpwnam(settings->helper_user) : NULL;
	if (user == NULL)
		return EXIT_YES; /* the row above has said it */
	r = config_path(health->context->config.state_dir, CONFIG_VIEW_DIR,
	    path);
	if (r == 0)
		r = ask_child(user, path);
	if (r != 0)
		return health_find(health, "user \"%s\" cannot read \"%s\": %s",
		    user->pw_name, path, error_text(r));
	return EXIT_YES;
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
static int
load_module(struct health *health, const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int code = EXIT_YES;

	if (module == NULL)
		return health_find(health, "%s", dlerror());
	if (dlsym(module, "pam_sm_acct_mgmt") == NULL)
		code = health_find(health,
		    "\"%s\" is not a PAM module of the "
		    "gateway",
		    path);
	dlclose(module);
	return code;
}

static int
look_at_kind(struct health *health, const char *kind)
{
	AUTO_FILE FILE *file = fopen(PAM_SERVICE, "re");
	char line[TEXT_MAX], path[TEXT_MAX];

	if (file == NULL)
		return health_find(health, "\"%s\": %s", PAM_SERVICE,
		    error_text(-errno));
	while (fgets(line, sizeof(line), file) != NULL)
		if (module_of(line, kind, path))
			return load_module(health, path);
	return health_find(health, "no line \"%s\" of \"%s\" has " PAM_MODULE,
	    kind, PAM_SERVICE);
}

int
health_pam(struct health *health)
{
	int code = look_at_kind(health, "account");

	return code != EXIT_YES ? code : look_at_kind(health, "session");
}

/* What pam_nologin looks at. */
int
health_nologin(struct health *health)
{
	static const char *const files[] = { "/run/nologin", "/etc/nologin" };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0)
			return health_find(health,
			    "\"%s\" exists and keeps everybody out", files[i]);
	return EXIT_YES;
}

int
health_shell(struct health *health)
{
	if (access(LOGIN_SHELL, X_OK) == 0)
		return EXIT_YES;
	return health_find(health, "\"%s\": %s", LOGIN_SHELL,
	    error_text(-errno));
}

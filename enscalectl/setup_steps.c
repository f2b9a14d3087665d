/*
 * enscalectl setup, what must change here: each step is a row, which checks
 * whether there is anything to do and then does it. What was there is kept
 * until everything is done. It refuses to replace a key.
 */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_slot.h"
#include "enscalectl/command.h"
#include "enscalectl/new_file.h"
#include "enscalectl/setup.h"

#define READER        "enscale-sync"
#define ETC           ENS_SYSCONFDIR "/enscale"
#define SHIPPED       ENS_DATA_DIR "/gateway"
#define NSSWITCH      "/etc/nsswitch.conf"
#define NSSWITCH_TOOL ENS_LIBEXEC_DIR "/enscale-nsswitch"
#define KEY_FOLDER    ETC "/.setup"
#define LABEL_WIDTH   16

struct step {
	const char *name;
	/* Prints a line for each change, or nothing. An exit code; EXIT_NO
	 * with a complaint: it cannot be done. */
	int (*look)(struct setup *setup, FILE *out);
	int (*make)(struct setup *setup); /* 0, or complains */
};

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- users and folders -------------------------------------------------- */

static bool
lacks_users(void)
{
	return getpwnam(READER) == NULL || getpwnam("enscale-guard") == NULL ||
	    getpwnam("enscale-keys") == NULL || getgrnam("enscale-ca") == NULL;
}

static bool
lacks_folders(const struct config *config)
{
	char view[CONFIG_PATH_MAX];

	if (config_path(config->state_dir, CONFIG_VIEW_DIR, view) != 0)
		return false;
	return !is_there(view) || !is_there(config->run_dir);
}

static int
look_at_users(struct setup *setup, FILE *out)
{
	if (lacks_users())
		fputs("make the users of sysusers.d/enscale.conf\n", out);
	if (lacks_users() || lacks_folders(&setup->config))
		fputs("make the folders of tmpfiles.d/enscale.conf\n", out);
	return EXIT_YES;
}

static int
make_users(struct setup *setup)
{
	const char *const users[] = { "/usr/bin/systemd-sysusers",
		"enscale.conf", NULL };
	const char *const folders[] = { "/usr/bin/systemd-tmpfiles", "--create",
		"enscale.conf", NULL };
	int r = 0;

	(void)setup;
	if (lacks_users())
		r = setup_run_program(users);
	return r != 0 ? r : setup_run_program(folders);
}

/* ---- files that were shipped -------------------------------------------- */

static const struct {
	const char *name, *path;
} shipped[] = {
	{ "sshd_config", ETC "/sshd_config" },
	{ "enscale-sshd.pam", ENS_PAM_CONF_DIR "/enscale-sshd" },
};

#define SHIPPED_COUNT (sizeof(shipped) / sizeof(shipped[0]))

static int
look_at_shipped(struct setup *setup, FILE *out)
{
	size_t i;

	(void)setup;
	for (i = 0; i < SHIPPED_COUNT; i++)
		if (!is_there(shipped[i].path))
			fprintf(out, "make %s from %s\n", shipped[i].path,
			    SHIPPED);
	return EXIT_YES;
}

static int
make_shipped(struct setup *setup)
{
	struct setup_kept of;
	char from[CONFIG_PATH_MAX];
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < SHIPPED_COUNT; i++) {
		if (is_there(shipped[i].path))
			continue;
		(void)snprintf(from, sizeof(from), "%s/%s", SHIPPED,
		    shipped[i].name);
		of = (struct setup_kept){ .text = NULL };
		r = setup_read_whole(from, &of);
		if (r != 0)
			complain("\"%s\": %s", from, error_text(r));
		else
			r = setup_write_file(setup, shipped[i].path, of.text,
			    of.len, (struct file_owner){ 0, 0, 0644 });
		free(of.text);
	}
	return r;
}

/* ---- host keys ---------------------------------------------------------- */

static const struct host_key {
	const char *type, *bits, *path;
} host_keys[] = {
	{ "ed25519", "256", ETC "/ssh_host_ed25519_key" },
	{ "ecdsa", "256", ETC "/ssh_host_ecdsa_key" },
	{ "rsa", "3072", ETC "/ssh_host_rsa_key" },
};

#define HOST_KEYS (sizeof(host_keys) / sizeof(host_keys[0]))

/* Of those that enscale.conf shows to users. */
static bool
lacks_host_key(const struct setup *setup, const struct host_key *key)
{
	return !is_there(key->path) &&
	    strstr(setup->config.host_keys, key->path) != NULL;
}

static int
look_at_host_keys(struct setup *setup, FILE *out)
{
	size_t i;

	for (i = 0; i < HOST_KEYS; i++)
		if (lacks_host_key(setup, &host_keys[i]))
			fprintf(out, "make %s\n", host_keys[i].path);
	return EXIT_YES;
}

/* Into a folder of its own; then the private key gets its name last, so that
 * one that is there has its public key beside it. */
static int
make_host_key(struct setup *setup, const struct host_key *key)
{
	const char *const argv[] = { "/usr/bin/ssh-keygen", "-q", "-t",
		key->type, "-b", key->bits, "-N", "", "-f", KEY_FOLDER "/key",
		NULL };
	char public[CONFIG_PATH_MAX];
	int r;

	(void)snprintf(public, sizeof(public), "%s.pub", key->path);
	(void)unlink(KEY_FOLDER "/key");
	(void)unlink(KEY_FOLDER "/key.pub");
	r = setup_keep(setup, public);
	if (r == 0)
		r = setup_keep(setup, key->path);
	if (r == 0)
		r = setup_run_program(argv);
	if (r != 0)
		return r;
	if (rename(KEY_FOLDER "/key.pub", public) == 0 &&
	    rename(KEY_FOLDER "/key", key->path) == 0)
		return 0;
	r = -errno;
	complain("\"%s\": %s", key->path, error_text(r));
	return r;
}

static int
make_host_keys(struct setup *setup)
{
	size_t i;
	int r = 0;

	if (mkdir(KEY_FOLDER, 0700) != 0 && errno != EEXIST) {
		r = -errno;
		complain("\"%s\": %s", KEY_FOLDER, error_text(r));
	}
	for (i = 0; r == 0 && i < HOST_KEYS; i++)
		if (lacks_host_key(setup, &host_keys[i]))
			r = make_host_key(setup, &host_keys[i]);
	(void)unlink(KEY_FOLDER "/key");
	(void)unlink(KEY_FOLDER "/key.pub");
	(void)rmdir(KEY_FOLDER);
	return r;
}

/* ---- the CA's key ------------------------------------------------------- */

bool
setup_has_ca(const struct setup *setup)
{
	return ca_slot_exists(setup->config.ca_key, CA_CURRENT);
}

static bool
is_new_ca(const struct setup *setup)
{
	return strcmp(setup->ca, "new") == 0;
}

int
setup_check_ca(const struct setup *setup)
{
	const char *path = setup->config.ca_key;
	int r;

	if (setup_has_ca(setup)) {
		if (setup->ca == NULL || is_new_ca(setup) ||
		    ca_key_same(path, setup->ca) == 0)
			return EXIT_YES;
		complain("--ca %s: there is another key, \"%s\", which nodes "
		         "may trust: enscalectl ca rotate replaces it",
		    setup->ca, path);
		return EXIT_NO;
	}
	if (setup->ca == NULL) {
		complain("the key that signs for the nodes, \"%s\", is "
		         "missing: --ca FILE takes a copy of it from another "
		         "gateway or a backup; --ca new makes the first one",
		    path);
		return EXIT_NO;
	}
	if (is_new_ca(setup) && setup->look.has_nodes) {
		complain("--ca new: the directory has nodes, which already "
		         "trust a key: --ca FILE takes a copy of it; if there "
		         "never was one, enscalectl ca init makes it");
		return EXIT_NO;
	}
	if (is_new_ca(setup))
		return ca_may_be_made(path) ? EXIT_YES : EXIT_NO;
	r = ca_key_check(setup->ca);
	if (r == 0)
		return EXIT_YES;
	complain("--ca %s: %s", setup->ca,
	    r == ENS_E_KEY_FORMAT
	        ? "is not the private key of a gateway's CA, which is the file "
	          "/etc/enscale/ca/ca there"
	        : error_text(r));
	return EXIT_NO;
}

static int
look_at_ca(struct setup *setup, FILE *out)
{
	int code = setup_check_ca(setup);

	if (code != EXIT_YES || setup_has_ca(setup))
		return code;
	if (is_new_ca(setup))
		fprintf(out, "make %s, which nodes will trust\n",
		    setup->config.ca_key);
	else
		fprintf(out, "copy %s to %s\n", setup->ca,
		    setup->config.ca_key);
	return EXIT_YES;
}

static int
make_ca(struct setup *setup)
{
	const char *path = setup->config.ca_key;
	char public[CONFIG_PATH_MAX + 4];
	int r, code;

	(void)snprintf(public, sizeof(public), "%s.pub", path);
	r = setup_keep(setup, public);
	if (r == 0)
		r = setup_keep(setup, path);
	if (r != 0)
		return r;
	code = is_new_ca(setup) ? ca_make(path) : ca_restore(path, setup->ca);
	return code == EXIT_YES ? 0 : -EIO;
}

/* ---- the password ------------------------------------------------------- */

/* systemd hands the daemon a copy; without it the daemon has to read it. */
static uid_t
password_owner(void)
{
	const struct passwd *reader = getpwnam(READER);

	return setup_has_systemd() || reader == NULL ? 0 : reader->pw_uid;
}

/* Is it that one line, for nobody else? */
static bool
has_password(const char *password)
{
	char now[LDAP_PASSWORD_MAX];
	struct stat st;
	bool same;

	if (stat(setup_password_path(), &st) != 0 ||
	    st.st_uid != password_owner() ||
	    setup_read_password(setup_password_path(), now) != 0)
		return false;
	same = strcmp(now, password) == 0;
	explicit_bzero(now, sizeof(now));
	return same;
}

static int
look_at_password(struct setup *setup, FILE *out)
{
	if (setup->password[0] != '\0' && !has_password(setup->password))
		fprintf(out, "write %s, readable by %s only\n",
		    setup_password_path(),
		    setup_has_systemd() ? "root" : READER);
	return EXIT_YES;
}

static int
make_password(struct setup *setup)
{
	char line[LDAP_PASSWORD_MAX + 1];
	int len = snprintf(line, sizeof(line), "%s\n", setup->password);
	int r = setup_write_file(setup, setup_password_path(), line,
	    (size_t)len, (struct file_owner){ password_owner(), 0, 0600 });

	explicit_bzero(line, sizeof(line));
	return r;
}

/* ---- enscale.conf ------------------------------------------------------- */

static size_t
line_len(const char *text)
{
	size_t len = strcspn(text, "\n");

	return text[len] == '\n' ? len + 1 : len;
}

static bool
same_line(const char *a, const char *b)
{
	size_t len = line_len(a);

	return len > 0 && len == line_len(b) && memcmp(a, b, len) == 0;
}

static void
show_line(FILE *out, char sign, const char *line)
{
	fprintf(out, "%c %.*s\n", sign, (int)strcspn(line, "\n"), line);
}

/* conf_text_set() changes lines and adds some: nothing else differs. Of those
 * it changes, comments are no loss. */
static int
look_at_conf(struct setup *setup, FILE *out)
{
	const char *old = setup->before, *new = setup->conf;

	if (!is_there(ENS_CONFIG_FILE))
		fprintf(out, "make %s from %s, with\n", ENS_CONFIG_FILE,
		    SHIPPED);
	while (*new != '\0') {
		if (same_line(old, new)) {
			old += line_len(old);
		} else {
			bool added = same_line(old, new + line_len(new));

			if (!added && old[0] != '#' && *old != '\0')
				show_line(out, '-', old);
			show_line(out, '+', new);
			if (!added)
				old += line_len(old);
		}
		new += line_len(new);
	}
	return EXIT_YES;
}

static int
make_conf(struct setup *setup)
{
	struct file_owner owner = { 0, 0, 0644 };
	struct stat st;

	if (stat(ENS_CONFIG_FILE, &st) == 0)
		owner = (struct file_owner){ st.st_uid, st.st_gid,
			st.st_mode & 07777 };
	return setup_write_file(setup, ENS_CONFIG_FILE, setup->conf,
	    strlen(setup->conf), owner);
}

/* ---- the name service --------------------------------------------------- */

static int
look_at_services(struct setup *setup, FILE *out)
{
	const char *const argv[] = { NSSWITCH_TOOL, "show", NULL };
	char said[COMMAND_SAID_MAX];
	int r = command_run(argv, said);

	(void)setup;
	if (r != 0) {
		complain("%s", r < 0 ? error_text(r) : said);
		return EXIT_NO;
	}
	if (said[0] != '\0')
		fprintf(out, "%s\n", said);
	return EXIT_YES;
}

static int
make_services(struct setup *setup)
{
	const char *const argv[] = { NSSWITCH_TOOL, "add", NULL };
	/* The tool follows a link, too. */
	AUTO_FREE char *path = realpath(NSSWITCH, NULL);
	int r = setup_keep(setup, path != NULL ? path : NSSWITCH);

	return r != 0 ? r : setup_run_program(argv);
}

/* ---- all of them -------------------------------------------------------- */

static const struct step steps[] = {
	{ "users, folders", look_at_users, make_users },
	{ "shipped files", look_at_shipped, make_shipped },
	{ "host keys", look_at_host_keys, make_host_keys },
	{ "CA key", look_at_ca, make_ca },
	{ "password", look_at_password, make_password },
	{ "enscale.conf", look_at_conf, make_conf },
	{ "nsswitch.conf", look_at_services, make_services },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* What a step has to do, as text; the caller frees it. */
static int
look(struct setup *setup, const struct step *step, char **ret_text)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int code;

	if (out == NULL)
		return EXIT_CANNOT_TELL;
	code = step->look(setup, out);
	if (fclose(out) != 0)
		code = EXIT_CANNOT_TELL;
	if (code != EXIT_YES) {
		free(text);
		return code;
	}
	*ret_text = text;
	return EXIT_YES;
}

void
setup_print_change(FILE *out, const char *name, const char *text)
{
	while (*text != '\0') {
		fprintf(out, "  %-*s%.*s\n", LABEL_WIDTH, name,
		    (int)strcspn(text, "\n"), text);
		name = "";
		text += line_len(text);
	}
}

int
setup_show_steps(struct setup *setup, FILE *out)
{
	int code, worst = EXIT_YES;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		AUTO_FREE char *text = NULL;

		code = look(setup, &steps[i], &text);
		if (code == EXIT_YES)
			setup_print_change(out, steps[i].name, text);
		worst = code > worst ? code : worst;
	}
	return worst;
}

/* Somebody wants this to end, between two steps. */
static bool
is_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	    (sigismember(&pending, SIGINT) == 1 ||
	        sigismember(&pending, SIGTERM) == 1 ||
	        sigismember(&pending, SIGHUP) == 1);
}

static int
make(struct setup *setup, const struct step *step)
{
	AUTO_FREE char *text = NULL;
	int code = look(setup, step, &text);

	if (code != EXIT_YES)
		return code;
	if (text[0] == '\0')
		return EXIT_YES;
	if (is_interrupted())
		return EXIT_NO;
	printf("  %-*s", LABEL_WIDTH, step->name);
	fflush(stdout);
	if (step->make(setup) != 0) {
		puts("failed");
		return EXIT_CANNOT_TELL;
	}
	puts("done");
	return EXIT_YES;
}

int
setup_make_steps(struct setup *setup)
{
	sigset_t ending, before;
	int code = EXIT_YES;
	size_t i;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &ending, &before);
	for (i = 0; code == EXIT_YES && i < STEPS; i++)
		code = make(setup, &steps[i]);
	if (code == EXIT_YES && is_interrupted())
		code = EXIT_NO;
	if (code != EXIT_YES) {
		if (setup_put_all_back(setup))
			complain("every file is as it was before");
	}
	/* It was heeded: the end is an orderly one. */
	while (sigtimedwait(&ending, NULL, &(struct timespec){ 0 }) > 0)
		;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

/*
 * enscalectl setup, the answers: options, questions, and the resulting
 * enscale.conf. It refuses what config_load() refuses, before anything is
 * changed.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/conf_text.h"
#include "enscalectl/new_file.h"
#include "enscalectl/setup.h"

#define SHIPPED        ENS_DATA_DIR "/gateway/enscale.conf"
#define PASSWORD_PATH  ENS_SYSCONFDIR "/enscale/directory.password"
#define STAGE          "/run/enscale-setup"
#define STAGE_CONF     STAGE "/enscale.conf"
#define STAGE_PASSWORD STAGE "/password"
#define CONF_MAX       (1024 * 1024)

/* What is asked, in this order, and where the answer goes. */
static const struct question {
	const char *option;
	const char *section, *key;
	size_t offset; /* of the answer in struct config */
	const char *words;
	const char *help; /* above the question; NULL: none */
	bool of_server;   /* not asked of a file */
} questions[] = {
	{ "--uri", "directory", "uri", offsetof(struct config, uri),
	    "Directory",
	    "Where accounts, keys, environments and nodes are: ldapi:///, ldaps://HOST,\n"
	    "ldap://HOST (with StartTLS), or the path of a file of LDIF.",
	    false },
	{ "--tls-ca", "directory", "tls_ca", offsetof(struct config, tls_ca),
	    "Certificates",
	    "The file of CA certificates to check the server's with; \"-\": the\n"
	    "system's.",
	    true },
	{ "--base", "directory", "base", offsetof(struct config, base), "Base",
	    NULL, true },
	{ "--bind-dn", "directory", "bind_dn", offsetof(struct config, bind_dn),
	    "The gateway's DN",
	    "The DN that the gateway binds as; \"-\": its user, by SASL "
	    "EXTERNAL.",
	    true },
	{ "--host", "gateway", "host", offsetof(struct config, host),
	    "Host name", "What users type after the @.", false },
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static bool given[QUESTIONS];
/* What they are to be read as; "": whatever it is. */
static char expected[QUESTIONS][CONFIG_VALUE_MAX];
static int stage_fd = -1;

/* ---- enscale.conf ------------------------------------------------------- */

static int
read_text(const char *path, char **ret_text)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	AUTO_FREE char *text = NULL;
	size_t len;

	if (file == NULL)
		return -errno;
	text = calloc(1, CONF_MAX + 1);
	if (text == NULL)
		return -ENOMEM;
	len = fread(text, 1, CONF_MAX + 1, file);
	if (ferror(file))
		return -EIO;
	if (len > CONF_MAX)
		return ENS_E_LIMIT;
	*ret_text = text;
	text = NULL;
	return 0;
}

int
setup_read_conf(struct setup *setup)
{
	static char error[CONFIG_ERROR_MAX];
	const char *path = ENS_CONFIG_FILE;
	int r = read_text(path, &setup->before);

	if (r == -ENOENT) {
		path = SHIPPED;
		r = read_text(path, &setup->before);
	}
	if (r == 0) {
		setup->conf = strdup(setup->before);
		r = setup->conf != NULL ? 0 : -ENOMEM;
	}
	if (r != 0) {
		complain("\"%s\": %s%s", path, error_text(r),
		    r == -ENOENT ? ": is enscale-gateway installed?" : "");
		return EXIT_CANNOT_TELL;
	}
	if (config_load(path, &setup->config, error) == 0)
		return EXIT_YES;
	complain("%s", error);
	return EXIT_NO;
}

int
setup_put(struct setup *setup, const char *section, const char *key,
    const char *value)
{
	char *text;
	int r = conf_text_set(setup->conf, section, key, value, &text);

	if (r != 0)
		return r;
	free(setup->conf);
	setup->conf = text;
	return 0;
}

const char *
setup_password_path(void)
{
	return PASSWORD_PATH;
}

bool
setup_is_file(const struct setup *setup)
{
	return strncmp(setup->config.uri, "file:", strlen("file:")) == 0;
}

static char *
answer_of(struct config *config, const struct question *question)
{
	return (char *)config + question->offset;
}

/* A path is a file: URI; "-" is the default. 0, -ENOMEM, ENS_E_LIMIT. */
static int
put_answer(struct setup *setup, size_t i, const char *answer)
{
	const struct question *question = &questions[i];
	bool path = question->offset == offsetof(struct config, uri) &&
	    answer[0] == '/';
	bool none = strcmp(answer, "-") == 0;
	int n = snprintf(expected[i], CONFIG_VALUE_MAX, "%s%s",
	    path ? "file://" : "", none ? "" : answer);

	if (n < 0 || n >= CONFIG_VALUE_MAX)
		return ENS_E_LIMIT;
	return setup_put(setup, question->section, question->key,
	    none ? NULL : expected[i]);
}

/* ---- where it is tried out ---------------------------------------------- */

static void
remove_staged(void)
{
	(void)unlinkat(stage_fd, "enscale.conf", 0);
	(void)unlinkat(stage_fd, "password", 0);
	(void)rmdir(STAGE);
}

/* No password is left behind when the program is ended at a question. */
static void
on_end(int number)
{
	remove_staged();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void
catch_ends(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_end };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaction(numbers[i], &action, NULL);
}

int
setup_open_stage(void)
{
	struct stat st;

	/* enscale-sync's user reads his password in it. */
	if (mkdir(STAGE, 0711) != 0 && errno != EEXIST) {
		complain("\"%s\": %s", STAGE, error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	stage_fd = open(STAGE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage_fd < 0 || fstat(stage_fd, &st) != 0 || st.st_uid != 0 ||
	    fchmod(stage_fd, 0711) != 0) {
		complain("\"%s\" is not a folder that belongs to root: remove "
		         "it",
		    STAGE);
		return EXIT_CANNOT_TELL;
	}
	if (flock(stage_fd, LOCK_EX | LOCK_NB) != 0) {
		complain("another enscalectl setup is running here");
		close(stage_fd);
		stage_fd = -1;
		return EXIT_NO;
	}
	catch_ends();
	return EXIT_YES;
}

void
setup_close_stage(void)
{
	if (stage_fd < 0)
		return;
	remove_staged();
	close(stage_fd);
	stage_fd = -1;
}

const struct passwd *
setup_reader(void)
{
	const struct passwd *reader = getpwnam("enscale-sync");

	return reader != NULL ? reader : getpwnam("nobody");
}

static int
stage_file(const char *name, const char *text, uid_t owner)
{
	const struct new_file file = { name, text, strlen(text),
		{ owner, (gid_t)-1, 0600 } };

	return new_file_place(stage_fd, &file, true);
}

/* The words behind "path:line: ". */
static const char *
reason_of(const char *error)
{
	const char *colon = strstr(error, ": ");

	return strncmp(error, STAGE, strlen(STAGE)) == 0 && colon != NULL
	    ? colon + 2
	    : error;
}

/* A ";" behind a blank begins a comment. */
static int
check_read_back(struct setup *setup)
{
	const char *value;
	size_t i;

	for (i = 0; i < QUESTIONS; i++) {
		value = answer_of(&setup->config, &questions[i]);
		if (expected[i][0] == '\0' || strcmp(expected[i], value) == 0)
			continue;
		complain("%s = %s: is read as \"%s\"; choose one without "
		         "\" ;\"",
		    questions[i].key, expected[i], value);
		return EXIT_NO;
	}
	return EXIT_YES;
}

static int
load_staged(struct setup *setup)
{
	static char error[CONFIG_ERROR_MAX];
	int r = stage_file("enscale.conf", setup->conf, 0);

	if (r != 0) {
		complain("\"%s\": %s", STAGE_CONF, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	if (config_load(STAGE_CONF, &setup->config, error) != 0) {
		complain("%s", reason_of(error));
		return EXIT_NO;
	}
	return check_read_back(setup);
}

int
setup_read_password(const char *path, char ret_password[LDAP_PASSWORD_MAX])
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[LDAP_PASSWORD_MAX];
	struct stat st;
	ssize_t n;
	size_t len;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		return ENS_E_CONFIG;
	n = read(fd, line, sizeof(line) - 1);
	if (n < 0)
		return -errno;
	line[n] = '\0';
	len = strcspn(line, "\r\n");
	if (len > 0 && len < sizeof(line) - 1) {
		memcpy(ret_password, line, len);
		ret_password[len] = '\0';
	}
	explicit_bzero(line, sizeof(line));
	return len == 0              ? ENS_E_CONFIG
	    : len < sizeof(line) - 1 ? 0
	                             : ENS_E_LIMIT;
}

static int
explain_password(const char *path, int error)
{
	if (error == ENS_E_CONFIG)
		complain("%s: must be a file that nobody else can read, with "
		         "the password in one line: chmod 600 %s",
		    path, path);
	else
		complain("%s: %s", path, error_text(error));
	return EXIT_NO;
}

/* The new one, or the one that is set: a copy that enscale-sync's user can read,
 * as systemd gives it to the daemon. */
static int
find_password(struct setup *setup, char ret_password[LDAP_PASSWORD_MAX])
{
	const char *path = setup->config.password_file;
	int r;

	if (setup->password[0] != '\0') {
		memcpy(ret_password, setup->password, LDAP_PASSWORD_MAX);
		return EXIT_YES;
	}
	if (path[0] == '\0') {
		complain("no password for \"%s\": give --password-file FILE, "
		         "with the password in one line, mode 0600",
		    setup->config.bind_dn);
		return EXIT_NO;
	}
	r = setup_read_password(path, ret_password);
	return r == 0 ? EXIT_YES : explain_password(path, r);
}

static int
stage_password(struct setup *setup)
{
	const struct passwd *reader = setup_reader();
	char password[LDAP_PASSWORD_MAX];
	int code, r;

	if (setup->config.bind_dn[0] == '\0' || setup_is_file(setup))
		return EXIT_YES;
	code = find_password(setup, password);
	if (code != EXIT_YES)
		return code;
	r = stage_file("password", password,
	    reader != NULL ? reader->pw_uid : 0);
	explicit_bzero(password, sizeof(password));
	if (r != 0) {
		complain("\"%s\": %s", STAGE_PASSWORD, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	memcpy(setup->config.password_file, STAGE_PASSWORD,
	    sizeof(STAGE_PASSWORD));
	return EXIT_YES;
}

int
setup_stage(struct setup *setup)
{
	int code = EXIT_YES;

	if (setup->password[0] != '\0' &&
	    setup_put(setup, "directory", "password_file", PASSWORD_PATH) != 0)
		code = EXIT_CANNOT_TELL;
	if (code == EXIT_YES)
		code = load_staged(setup);
	return code == EXIT_YES ? stage_password(setup) : code;
}

/* ---- options ------------------------------------------------------------ */

static int
take_value(struct setup *setup, const char *option, const char *value)
{
	size_t i;

	if (strcmp(option, "--password-file") == 0) {
		setup->password_file = value;
		return 0;
	}
	if (strcmp(option, "--ca") == 0) {
		setup->ca = value;
		return 0;
	}
	for (i = 0; i < QUESTIONS; i++) {
		if (strcmp(option, questions[i].option) != 0)
			continue;
		given[i] = true;
		if (put_answer(setup, i, value) == 0)
			return 0;
		complain("%s: is too long", option);
		return EXIT_NO;
	}
	complain("setup: unknown option \"%s\"", option);
	return complain_usage("setup");
}

int
setup_take_options(struct setup *setup, int argc, char **argv)
{
	int i, r = 0;

	for (i = 0; r == 0 && i < argc; i++)
		if (strcmp(argv[i], "--dry-run") == 0) {
			setup->dry_run = true;
		} else if (strcmp(argv[i], "--yes") == 0) {
			setup->yes = true;
		} else if (i + 1 == argc || argv[i + 1][0] == '\0') {
			if (argv[i][0] == '-')
				complain("setup: %s needs a value", argv[i]);
			r = complain_usage("setup");
		} else {
			r = take_value(setup, argv[i], argv[i + 1]);
			i++;
		}
	if (r == 0 && setup->password_file != NULL)
		r = setup_read_password(setup->password_file, setup->password);
	if (r < 0)
		r = explain_password(setup->password_file, r);
	setup->asks = !setup->yes && !setup->dry_run && isatty(STDIN_FILENO) &&
	    isatty(STDOUT_FILENO);
	return r;
}

/* ---- questions ---------------------------------------------------------- */

static int
ask_password(struct setup *setup)
{
	bool known = setup->password[0] != '\0' ||
	    access(setup->config.password_file, R_OK) == 0;
	char secret[LDAP_PASSWORD_MAX];
	int r;

	if (setup->config.bind_dn[0] == '\0' || setup->password_file != NULL)
		return 0;
	for (;;) {
		printf("Its password (not shown%s): ",
		    known ? "; Enter: keep the present one" : "");
		r = setup_read_secret(secret);
		if (r != 0)
			return r;
		if (secret[0] != '\0')
			break;
		if (known)
			return 0;
	}
	memcpy(setup->password, secret, sizeof(secret));
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* What Enter stands for: what is set now, or what a directory of our own
 * calls it. */
static void
preset_for(struct setup *setup, const struct question *question,
    char ret_preset[CONFIG_VALUE_MAX])
{
	const char *now = answer_of(&setup->config, question);
	int n = 0;

	if (now[0] != '\0')
		n = snprintf(ret_preset, CONFIG_VALUE_MAX, "%s", now);
	else if (strcmp(question->key, "bind_dn") == 0)
		n = snprintf(ret_preset, CONFIG_VALUE_MAX, "cn=gateway,%s",
		    setup->config.base);
	if (now[0] == '\0' && (n == 0 || (size_t)n >= CONFIG_VALUE_MAX))
		memcpy(ret_preset, "-", sizeof("-"));
}

/* Until the answer can be read back. */
static int
ask_question(struct setup *setup, size_t i)
{
	const struct question *question = &questions[i];
	char preset[CONFIG_VALUE_MAX], answer[CONFIG_VALUE_MAX];
	bool is_set = answer_of(&setup->config, question)[0] != '\0';
	AUTO_FREE char *before = NULL;
	int r;

	preset_for(setup, question, preset);
	if (question->help != NULL)
		printf("\n%s\n", question->help);
	for (;;) {
		printf("%s [%s]: ", question->words, preset);
		r = setup_read_answer(answer);
		if (r != 0 || (answer[0] == '\0' && is_set))
			return r;
		free(before);
		before = strdup(setup->conf);
		r = before == NULL
		    ? -ENOMEM
		    : put_answer(setup, i, answer[0] != '\0' ? answer : preset);
		if (r != 0)
			return r;
		if (load_staged(setup) == EXIT_YES)
			return 0;
		free(setup->conf);
		setup->conf = before;
		before = NULL;
		expected[i][0] = '\0';
	}
}

static bool
is_asked(const struct setup *setup, size_t i)
{
	bool tls = strstr(setup->config.uri, "ldaps:") != NULL ||
	    strstr(setup->config.uri, "ldap:") != NULL;

	if (given[i] || (questions[i].of_server && setup_is_file(setup)))
		return false;
	return tls || strcmp(questions[i].key, "tls_ca") != 0;
}

int
setup_ask(struct setup *setup)
{
	size_t i;
	int r = load_staged(setup) == EXIT_YES ? 0 : -EINVAL;

	for (i = 0; r == 0 && i < QUESTIONS; i++) {
		if (is_asked(setup, i))
			r = ask_question(setup, i);
		if (r == 0 && strcmp(questions[i].key, "bind_dn") == 0 &&
		    !setup_is_file(setup))
			r = ask_password(setup);
	}
	return r;
}

void
setup_ask_anew(struct setup *setup)
{
	memset(given, 0, sizeof(given));
	setup->password_file = NULL;
}

int
setup_ask_ca(struct setup *setup)
{
	int r;

	printf("\nThe CA's key, which signs for the nodes, is not here. %s\n",
	    setup->look.has_nodes
	        ? "The directory\nhas nodes, which trust one: give the path of a copy of it."
	        : "On the first\ngateway answer \"new\", on others give the path of a copy of the first one's.");
	do {
		printf("CA key: ");
		r = setup_read_answer(setup->ca_answer);
	} while (r == 0 && setup->ca_answer[0] == '\0');
	if (r == 0)
		setup->ca = setup->ca_answer;
	return r;
}

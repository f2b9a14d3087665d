/*
 * What the files of enscalectl setup share: setup.c (the verb, from the first
 * question to the last word), setup_answers.c (what is asked for, and the
 * enscale.conf that results), setup_terminal.c (asking), setup_look.c (trying
 * it on the directory), setup_steps.c (what must change here, and changing it),
 * setup_kept.c (undoing it), setup_units.c (what systemd must do).
 *
 * Nothing is changed until every answer was tried out; then each change is one
 * file as a whole, and when one fails all earlier ones are undone.
 */
#ifndef ENSCALECTL_SETUP_H
#define ENSCALECTL_SETUP_H

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "enscalectl/new_file.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_connection.h"

#define SETUP_KEPT_MAX 16

/* What was there before a change. */
struct setup_kept {
	char path[CONFIG_PATH_MAX];
	bool no_folder; /* its folder did not exist either */
	char *text;     /* owned; NULL: there was no such file */
	size_t len;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* What was found in the directory, or file, that setup->config names. */
struct setup_look {
	int error; /* 0, ENS_E_* */
	bool can_sync;
	bool has_nodes;
	char reason[2 * LDAP_REASON_MAX]; /* what is wrong */
	char hint[LDAP_REASON_MAX];       /* what to do then */
};

struct setup {
	/* Of the command line. */
	const char *password_file; /* borrowed; NULL: not given */
	const char *ca;            /* borrowed; "new", a path, or NULL */
	bool dry_run, yes;
	bool asks; /* somebody can answer */

	char *before;         /* the present enscale.conf; owned */
	char *conf;           /* the new one; owned */
	struct config config; /* the latter; password_file is the staged one */
	struct setup_look look;
	char password[LDAP_PASSWORD_MAX]; /* "": no new one */
	char ca_answer[CONFIG_VALUE_MAX]; /* what ca points to, if asked for */

	struct setup_kept kept[SETUP_KEPT_MAX];
	unsigned kept_count;
};

/* ---- setup_answers.c ---- */

/* Takes the options. An exit code, with a complaint. */
int setup_take_options(struct setup *setup, int argc, char **argv);
/* Asks for what the options left open, if somebody can answer. 0; -ECANCELED
 * when the person gives up; -errno. */
int setup_ask(struct setup *setup);
/* From now on also asks for what the options said: it was wrong. */
void setup_ask_anew(struct setup *setup);
/* Asks where the CA's key comes from. Like setup_ask(). */
int setup_ask_ca(struct setup *setup);
/* Reads enscale.conf, or the shipped one if there is none, into setup->before
 * and setup->conf. An exit code, with a complaint. */
int setup_read_conf(struct setup *setup);
/* Puts a value into setup->conf; NULL: the default. 0, -ENOMEM. */
int setup_put(struct setup *setup, const char *section, const char *key,
    const char *value);
/* Has config_load() read setup->conf into setup->config, in a folder that only
 * root can change, with the password beside it. 0, or an exit code with a
 * complaint about what is wrong with an answer. */
int setup_stage(struct setup *setup);
/* Makes that folder, or complains that another setup is running. */
int setup_open_stage(void);
void setup_close_stage(void);
/* Reads a password file, which only its owner and root may be able to read. 0,
 * -errno, ENS_E_CONFIG (its mode, or it is empty), ENS_E_LIMIT. */
int setup_read_password(const char *path, char ret_password[LDAP_PASSWORD_MAX]);
/* Is the directory a file of LDIF? */
bool setup_is_file(const struct setup *setup);
/* The path for the gateway's password. */
const char *setup_password_path(void);

/* The user that follows the directory; before that exists, nobody, who may read
 * as little; NULL: neither exists. As getpwnam(3). */
const struct passwd *setup_reader(void);

/* ---- setup_terminal.c ---- */

/* Reads one line, without its end and the blanks around it. 0, -ECANCELED at
 * the end of input. */
int setup_read_answer(char ret_answer[CONFIG_VALUE_MAX]);
/* The same without echo; -ECANCELED also for ^C. */
int setup_read_secret(char ret_secret[LDAP_PASSWORD_MAX]);
/* Asks for yes, which Enter means, or no. */
bool setup_ask_yes(const char *question);

/* ---- setup_look.c ---- */

/* Connects as enscale-sync would, as its user if that exists already, and fills
 * in setup->look. An exit code, with a complaint. */
int setup_look(struct setup *setup);

/* ---- setup_steps.c ---- */

/* Prints what must change, or nothing. An exit code: EXIT_NO with a complaint
 * when something must be done by hand first. */
int setup_show_steps(struct setup *setup, FILE *out);
/* Prints the lines of text after the name. */
void setup_print_change(FILE *out, const char *name, const char *text);
/* Makes the changes. An exit code; unless it is EXIT_YES, everything was
 * undone. */
int setup_make_steps(struct setup *setup);
/* Is there a CA's key, or can one be made or copied as the answers say? An exit
 * code, with a complaint. */
int setup_check_ca(const struct setup *setup);
/* Is there one? */
bool setup_has_ca(const struct setup *setup);

/* ---- setup_kept.c ---- */

/* A file with its owner and mode; text is the caller's. 0, -errno. */
int setup_read_whole(const char *path, struct setup_kept *kept);
/* Call it before a step writes the file, or has it written. 0; or complains. */
int setup_keep(struct setup *setup, const char *path);
/* Keeps what is there, and writes the new file as a whole. 0; or complains. */
int setup_write_file(struct setup *setup, const char *path, const char *text,
    size_t len, struct file_owner owner);
/* Runs a program of this host. 0; or complains with its output. */
int setup_run_program(const char *const argv[]);
/* Restores everything, or complains about what it cannot restore. */
bool setup_put_all_back(struct setup *setup);
/* Frees what is owned; passwords are wiped. */
void setup_free(struct setup *setup);

/* ---- setup_units.c ---- */

/* Prints what must be enabled, started and restarted. An exit code. */
int setup_show_units(FILE *out, bool changed);
/* Does so. An exit code with a complaint. */
int setup_start_units(bool changed);
/* Is systemd running here? */
bool setup_has_systemd(void);

#endif

/*
 * What the files of enscalectl setup share: setup.c (the verb, from the first
 * question to the last word), setup_answers.c (what is asked for, and what
 * enscale.conf becomes of it), setup_terminal.c (how), setup_look.c (what the
 * directory says to that), setup_steps.c (what has to change here, and changing
 * it), setup_kept.c (taking it back), setup_units.c (what systemd is to do).
 *
 * Until every answer was tried out, nothing is changed; then each change is
 * one file as a whole, and when one fails all before it are taken back.
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
	bool no_folder; /* its folder was not there either */
	char *text;     /* owned; NULL: there was no such file */
	size_t len;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Of the directory, or file, that setup->config names. */
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
	bool asks; /* a person is there */

	char *before;         /* enscale.conf as it is; owned */
	char *conf;           /* and as it will be; owned */
	struct config config; /* the latter; password_file is the staged one */
	struct setup_look look;
	char password[LDAP_PASSWORD_MAX]; /* "": no new one */
	char ca_answer[CONFIG_VALUE_MAX]; /* what ca points to, when asked */

	struct setup_kept kept[SETUP_KEPT_MAX];
	unsigned kept_count;
};

/* ---- setup_answers.c ---- */

/* Takes the options. An exit code, with a complaint. */
int setup_take_options(struct setup *setup, int argc, char **argv);
/* Asks for what the options left open, when a person is there. 0; -ECANCELED
 * when the person wants no more; -errno. */
int setup_ask(struct setup *setup);
/* From now on also for what they said: it was wrong. */
void setup_ask_anew(struct setup *setup);
/* Asks for what the CA's key is to be. As setup_ask(). */
int setup_ask_ca(struct setup *setup);
/* Reads enscale.conf, or what is shipped where there is none, into
 * setup->before and setup->conf. An exit code, with a complaint. */
int setup_read_conf(struct setup *setup);
/* Puts a value into setup->conf; NULL: the default. 0, -ENOMEM. */
int setup_put(struct setup *setup, const char *section, const char *key,
    const char *value);
/* Has config_load() read setup->conf into setup->config, in a folder that only
 * root can change, with the password beside it. 0, or an exit code with a
 * complaint: what is wrong with an answer. */
int setup_stage(struct setup *setup);
/* Makes that folder, or complains: another setup is at work. */
int setup_open_stage(void);
void setup_close_stage(void);
/* A password that nobody but its owner, and root, can read. 0, -errno,
 * ENS_E_CONFIG (its mode, or nothing in it), ENS_E_LIMIT. */
int setup_read_password(const char *path, char ret_password[LDAP_PASSWORD_MAX]);
/* Is the directory a file of LDIF? */
bool setup_is_file(const struct setup *setup);
/* Where the gateway's password is to be. */
const char *setup_password_path(void);

/* Who follows the directory; nobody, who may read as little, before there is
 * such a user; NULL: neither is there. As getpwnam(3). */
const struct passwd *setup_reader(void);

/* ---- setup_terminal.c ---- */

/* One line, without its end and the blanks around it. 0, -ECANCELED at the end
 * of input. */
int setup_read_answer(char ret_answer[CONFIG_VALUE_MAX]);
/* The same, and nobody sees it; -ECANCELED also for ^C. */
int setup_read_secret(char ret_secret[LDAP_PASSWORD_MAX]);
/* Yes, as Enter says, or no. */
bool setup_ask_yes(const char *question);

/* ---- setup_look.c ---- */

/* Goes there as enscale-sync would, as its user where he is there already, and
 * fills in setup->look. An exit code, with a complaint. */
int setup_look(struct setup *setup);

/* ---- setup_steps.c ---- */

/* Prints what has to change, or nothing. An exit code: EXIT_NO with a
 * complaint when something has to be done by hand before. */
int setup_show_steps(struct setup *setup, FILE *out);
/* The lines of text, behind the name. */
void setup_print_change(FILE *out, const char *name, const char *text);
/* Changes it. An exit code; all was taken back unless it is EXIT_YES. */
int setup_make_steps(struct setup *setup);
/* Is there a CA's key, or can there be by what was said of it? An exit code,
 * with a complaint. */
int setup_check_ca(const struct setup *setup);
/* Is there one? */
bool setup_has_ca(const struct setup *setup);

/* ---- setup_kept.c ---- */

/* A file with its owner and mode; text is the caller's. 0, -errno. */
int setup_read_whole(const char *path, struct setup_kept *kept);
/* Before a step writes it, or has it written. 0; or complains. */
int setup_keep(struct setup *setup, const char *path);
/* Keeps what is there, and writes it as a whole. 0; or complains. */
int setup_write_file(struct setup *setup, const char *path, const char *text,
    size_t len, struct file_owner owner);
/* Runs a program of this host. 0; or complains with what it said. */
int setup_run_program(const char *const argv[]);
/* Everything as it was; or complains of what is not. */
bool setup_put_all_back(struct setup *setup);
/* Frees what is owned, passwords wiped. */
void setup_free(struct setup *setup);

/* ---- setup_units.c ---- */

/* Prints what has to be enabled, started and started anew. An exit code. */
int setup_show_units(FILE *out, bool changed);
/* Does so. An exit code with a complaint. */
int setup_start_units(bool changed);
/* Is systemd there to do it? */
bool setup_has_systemd(void);

#endif

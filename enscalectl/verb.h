/*
 * The verbs of enscalectl: one row each, one file per noun. The same rows
 * feed --help.
 */
#ifndef ENSCALECTL_VERB_H
#define ENSCALECTL_VERB_H

#include <stddef.h>

#include "common/config/config.h"

/* Exit codes of every verb. */
#define EXIT_YES         0 /* done; or the answer is yes */
#define EXIT_NO          1 /* refused; or the answer is no */
#define EXIT_CANNOT_TELL 2 /* something failed: neither yes nor no */
#define EXIT_UNKNOWN     3 /* of doctor, whose 0 to 2 are doctor.h's */
#define EXIT_USAGE       64

struct context {
	const char *config_path;
	struct config config;
};

struct verb {
	const char *name;      /* "ca init" */
	const char *arguments; /* "NAME [--key FINGERPRINT]" or "" */
	const char *summary;
	/* Gets the arguments after the verb; returns an exit code. */
	int (*run)(const struct context *context, int argc, char **argv);
};

int account_add(const struct context *context, int argc, char **argv);
int account_delete(const struct context *context, int argc, char **argv);
int account_expire(const struct context *context, int argc, char **argv);
int account_limit(const struct context *context, int argc, char **argv);
int account_list(const struct context *context, int argc, char **argv);
int account_resume(const struct context *context, int argc, char **argv);
int account_show(const struct context *context, int argc, char **argv);
int account_suspend(const struct context *context, int argc, char **argv);
int audit_show(const struct context *context, int argc, char **argv);
int ca_init(const struct context *context, int argc, char **argv);
int ca_revoke(const struct context *context, int argc, char **argv);
int ca_rotate(const struct context *context, int argc, char **argv);
int ca_show(const struct context *context, int argc, char **argv);
int completion_print(const struct context *context, int argc, char **argv);
int config_check(const struct context *context, int argc, char **argv);
int directory_check(const struct context *context, int argc, char **argv);
int doctor_probe(const struct context *context, int argc, char **argv);
int doctor_run(const struct context *context, int argc, char **argv);
int environment_add(const struct context *context, int argc, char **argv);
int environment_delete(const struct context *context, int argc, char **argv);
int environment_list(const struct context *context, int argc, char **argv);
int environment_owner(const struct context *context, int argc, char **argv);
int environment_share(const struct context *context, int argc, char **argv);
int environment_show(const struct context *context, int argc, char **argv);
int environment_state(const struct context *context, int argc, char **argv);
int environment_unshare(const struct context *context, int argc, char **argv);
int export_run(const struct context *context, int argc, char **argv);
int gate_announce(const struct context *context, int argc, char **argv);
int gate_drain(const struct context *context, int argc, char **argv);
int gate_undrain(const struct context *context, int argc, char **argv);
int import_run(const struct context *context, int argc, char **argv);
int key_add(const struct context *context, int argc, char **argv);
int key_delete(const struct context *context, int argc, char **argv);
int key_expire(const struct context *context, int argc, char **argv);
int key_list(const struct context *context, int argc, char **argv);
int key_show(const struct context *context, int argc, char **argv);
int name_explain(const struct context *context, int argc, char **argv);
int name_lookup(const struct context *context, int argc, char **argv);
int node_add(const struct context *context, int argc, char **argv);
int node_delete(const struct context *context, int argc, char **argv);
int node_enrol(const struct context *context, int argc, char **argv);
int node_hostkey(const struct context *context, int argc, char **argv);
int node_list(const struct context *context, int argc, char **argv);
int node_move(const struct context *context, int argc, char **argv);
int node_show(const struct context *context, int argc, char **argv);
int node_state(const struct context *context, int argc, char **argv);
int session_kill(const struct context *context, int argc, char **argv);
int session_list(const struct context *context, int argc, char **argv);
int settings_show(const struct context *context, int argc, char **argv);
int setup_run(const struct context *context, int argc, char **argv);
int status_show(const struct context *context, int argc, char **argv);
int sync_accept(const struct context *context, int argc, char **argv);
int sync_refresh(const struct context *context, int argc, char **argv);
int sync_refused(const struct context *context, int argc, char **argv);
int view_dump(const struct context *context, int argc, char **argv);
int view_verify(const struct context *context, int argc, char **argv);
int who_show(const struct context *context, int argc, char **argv);

/* All rows, in the order of their names. */
const struct verb *verb_rows(size_t *ret_count);

/* Is somebody there to ask? */
bool sync_is_running(const struct config *config);

/* "enscalectl: ..." on standard error, control characters replaced. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
/* From now on the first complaint is kept in buf, which is borrowed, and none is
 * said: it is a part of an answer. NULL: they are said again. */
void complain_keep(char *buf, size_t size);
/* What the complaints that follow are about, before each of them: "line 7".
 * Borrowed; NULL: nothing. */
void complain_about(const char *what);
/* What is called before each complaint, so that it has a line of its own. NULL:
 * nothing. */
void complain_before(void (*before)(void));
/* Complains about a wrong number of arguments; EXIT_USAGE. */
int complain_usage(const char *verb);

#endif

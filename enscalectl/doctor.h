/*
 * What every login needs of this gateway, looked at as it is now: each look is
 * a row of a table in doctor_checks.c, with what mends it. None of them changes
 * anything, and each looks with the eyes of who needs the thing: that root can
 * read it says nothing. A row is not looked at when one that it needs has
 * failed, so that one cause is one failure.
 *
 * enscalectl directory check goes by the same rules, with a table of its own
 * (survey.h).
 */
#ifndef ENSCALECTL_DOCTOR_H
#define ENSCALECTL_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/view/view.h"
#include "enscalectl/verb.h"

#define DOCTOR_FINDING_MAX 512
#define DOCTOR_SECONDS     10 /* for what may hang */
/* Who needs what. */
#define DOCTOR_SYNC_USER  "enscale-sync"
#define DOCTOR_GUARD_USER "enscale-guard"
#define DOCTOR_KEYS_USER  "enscale-keys"
#define DOCTOR_KEYD_USER  "enscale-keyd"

/* As monitoring plugins have them; the worst of all is the exit code. */
enum doctor_state {
	DOCTOR_OK = 0,
	DOCTOR_WARNING, /* people come in; somebody should know */
	DOCTOR_FAILURE, /* nobody, or not everybody, does as he should */
	DOCTOR_SKIPPED, /* what it needs has failed */
	DOCTOR_UNASKED, /* it was not asked for */
};

/* Which rows of a table are looked at. */
enum doctor_scope {
	DOCTOR_IN_FULL = 0,
	DOCTOR_IN_STATUS,
	DOCTOR_IN_PROBE,
};

struct account_map;
struct json_t;
struct probe;
struct survey;

struct doctor {
	const struct context *context; /* borrowed */
	enum doctor_scope scope;
	struct probe *probe;      /* borrowed; NULL: no login is wanted */
	uint32_t node;            /* 0: none is wanted */
	struct survey *survey;    /* borrowed; of directory check alone */
	const char *config_error; /* borrowed; NULL: it was read */
	char finding[DOCTOR_FINDING_MAX];
	char mend[DOCTOR_FINDING_MAX]; /* "": the row's own */
};

/* When a row is looked at: always, or when it was asked for. */
enum doctor_request {
	DOCTOR_EVER = 0,
	DOCTOR_LOGIN,
	DOCTOR_NODE,
};

#define DOCTOR_NEEDS_MAX 4
#define DOCTOR_CHECKS    37

struct doctor_check {
	const char *word;
	const char *what; /* is so when it is well */
	enum doctor_state (*look)(struct doctor *doctor);
	const char *mend; /* what to do, unless the look says more */
	/* Words of rows before it: when one has failed, it is skipped. */
	const char *needs[DOCTOR_NEEDS_MAX];
	bool not_in_status; /* takes long, or status has a line of its own */
	enum doctor_request request;
};

extern const struct doctor_check doctor_checks[DOCTOR_CHECKS];

/* Says in one line what stands in the way, and what should be known. An exit
 * code of status: EXIT_NO with a failure. Only root can look. */
int doctor_show_in_status(const struct context *context);
/* The same as members of an object: lists of words, null for who is not root. */
int doctor_add_to_status(const struct context *context, struct json_t *object);

/* For the looks: the finding in words, and the state of the name. */
__attribute__((format(printf, 2, 3))) enum doctor_state doctor_fail(
    struct doctor *doctor, const char *format, ...);
__attribute__((format(printf, 2, 3))) enum doctor_state doctor_warn(
    struct doctor *doctor, const char *format, ...);
/* It is well; this is what was seen. */
__attribute__((format(printf, 2, 3))) enum doctor_state doctor_note(
    struct doctor *doctor, const char *format, ...);
/* What mends this finding, where the row's own words do not. */
__attribute__((format(printf, 2, 3))) void doctor_mend(struct doctor *doctor,
    const char *format, ...);

/* The look in a child that has become that user (as_user.h): what it finds.
 * "nobody" sees what an account sees, and is none. */
enum doctor_state doctor_look_as(struct doctor *doctor, const char *name,
    enum doctor_state (*look)(struct doctor *));

/* What was published, as we see it, and where. As view_open(). */
int doctor_open_view(const struct doctor *doctor,
    char ret_path[CONFIG_PATH_MAX], struct view **ret_view);

/* doctor_config.c: the configuration and what it points at. */
enum doctor_state doctor_configuration(struct doctor *doctor);
enum doctor_state doctor_files(struct doctor *doctor);

/* doctor_host.c: what this host has to have for us. */
enum doctor_state doctor_users(struct doctor *doctor);
enum doctor_state doctor_folders(struct doctor *doctor);
enum doctor_state doctor_disk(struct doctor *doctor);
enum doctor_state doctor_clock(struct doctor *doctor);
enum doctor_state doctor_kernel(struct doctor *doctor);
enum doctor_state doctor_units(struct doctor *doctor);
enum doctor_state doctor_drain(struct doctor *doctor);
/* The main process of a unit; 0: systemd does not run here, or knows none. */
pid_t doctor_unit_pid(const char *unit);

/* doctor_local.c: the account map, and what of this host is in its way. */
int doctor_open_map(const struct doctor *doctor,
    const struct account_map **ret_map); /* as account_map_open() */
void doctor_close_map(const struct account_map **map);
enum doctor_state doctor_map(struct doctor *doctor);
enum doctor_state doctor_uid_range(struct doctor *doctor);
enum doctor_state doctor_local_users(struct doctor *doctor);
enum doctor_state doctor_local_groups(struct doctor *doctor);

/* doctor_names.c: who login names are to this host. */
enum doctor_state doctor_services(struct doctor *doctor);
enum doctor_state doctor_nscd(struct doctor *doctor);
enum doctor_state doctor_name_service(struct doctor *doctor);
enum doctor_state doctor_shadows(struct doctor *doctor);

/* doctor_daemons.c: what enscale-sync publishes, and who answers. */
enum doctor_state doctor_sync(struct doctor *doctor);
enum doctor_state doctor_view(struct doctor *doctor);
enum doctor_state doctor_records(struct doctor *doctor);
enum doctor_state doctor_guard(struct doctor *doctor);
enum doctor_state doctor_keyd(struct doctor *doctor);

/* doctor_sshd.c: sshd, and what it runs and loads. */
enum doctor_state doctor_sshd_config(struct doctor *doctor);
enum doctor_state doctor_sshd_start(struct doctor *doctor);
enum doctor_state doctor_sshd(struct doctor *doctor);
bool doctor_sshd_has_ipv6(void); /* does it listen there, too? */
enum doctor_state doctor_lastlog(struct doctor *doctor);
enum doctor_state doctor_limits(struct doctor *doctor);
enum doctor_state doctor_helper(struct doctor *doctor);
enum doctor_state doctor_pam(struct doctor *doctor);
enum doctor_state doctor_nologin(struct doctor *doctor);
enum doctor_state doctor_shell(struct doctor *doctor);

/* doctor_keys.c: the CA's key and the host keys. */
enum doctor_state doctor_ca_key(struct doctor *doctor);
enum doctor_state doctor_host_keys(struct doctor *doctor);

/* doctor_login.c: what is looked at on request. */
enum doctor_state doctor_login(struct doctor *doctor);
enum doctor_state doctor_login_ipv6(struct doctor *doctor);
enum doctor_state doctor_login_key(struct doctor *doctor);
enum doctor_state doctor_node(struct doctor *doctor);

#endif

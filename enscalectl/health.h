/*
 * What every login needs on this gateway, as it is now: each check is a row of
 * a table, with what to do when it finds something. None of them changes
 * anything or needs systemd.
 */
#ifndef ENSCALECTL_HEALTH_H
#define ENSCALECTL_HEALTH_H

#include "enscalectl/verb.h"

#define HEALTH_FINDING_MAX 512

struct health {
	const struct context *context; /* borrowed */
	char finding[HEALTH_FINDING_MAX];
};

/* Prints what is found, or that nothing is wrong; an exit code. Only root can
 * check everything. */
int health_show(const struct context *context);

/* Sets the words for a finding; returns EXIT_NO. */
__attribute__((format(printf, 2, 3))) int health_find(struct health *health,
    const char *format, ...);

/* The checks. EXIT_YES: nothing is wrong; a finding is then only a hint.
 * EXIT_NO: nobody, or not everybody, can log in. EXIT_CANNOT_TELL. */

/* health_names.c: which users login names are on this host. */
int health_services(struct health *health);
int health_nscd(struct health *health);
int health_map(struct health *health);
int health_local_users(struct health *health);
int health_local_groups(struct health *health);
int health_name_service(struct health *health);

/* health_sshd.c: sshd, and what it runs and loads. */
int health_sshd_config(struct health *health);
int health_sshd_listens(struct health *health);
int health_keys_user(struct health *health);
int health_keys_view(struct health *health);
int health_pam(struct health *health);
int health_nologin(struct health *health);
int health_shell(struct health *health);

#endif

/*
 * What every login needs of this gateway, looked at as it is now: each look is
 * a row of a table, with what to do when it finds something. None of them
 * changes anything or needs systemd.
 */
#ifndef ENSCALECTL_HEALTH_H
#define ENSCALECTL_HEALTH_H

#include "enscalectl/verb.h"

#define HEALTH_FINDING_MAX 512

struct health {
	const struct context *context; /* borrowed */
	char finding[HEALTH_FINDING_MAX];
};

/* Prints what is found, or that all is well; an exit code. Only root can look
 * at all of it. */
int health_show(const struct context *context);

/* Puts the finding into words; EXIT_NO. */
__attribute__((format(printf, 2, 3))) int health_find(struct health *health,
    const char *format, ...);

/* The looks. EXIT_YES: it is well; a finding is a hint then. EXIT_NO: nobody,
 * or not everybody, can log in. EXIT_CANNOT_TELL. */

/* health_names.c: who login names are to this host. */
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

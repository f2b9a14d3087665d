/* A real login through this gateway, from this host: over the loopback, and no
 * host key believed but those that users are told of. */
#ifndef ENSCALECTL_LOGIN_HERE_H
#define ENSCALECTL_LOGIN_HERE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/config/config.h"

#define LOGIN_HERE_WORDS_MAX 32
#define LOGIN_HERE_PATH_MAX  128

struct login_here {
	const char *login;   /* "124718-25880"; borrowed, as all of these */
	const char *address; /* "127.0.0.1" */
	uint16_t port;
	const char *identity; /* a key; NULL: those of the agent */
	const char *known;    /* of login_here_write_known() */
	bool asks_nobody;     /* no passphrase, and an end to waiting */
	/* What the words point into. */
	char known_option[LOGIN_HERE_PATH_MAX + 32];
	char port_text[8];
};

/* Writes a known_hosts(5) with the gateway's own host keys. 0 or -errno. */
int login_here_write_known(const struct config *config, FILE *out);
/* The command line of ssh(1), from the word behind "ssh" on, NULL behind the
 * last; borrowed from *login, and command. */
void login_here_words(struct login_here *login, const char *command,
    const char *ret_words[LOGIN_HERE_WORDS_MAX]);

/* Adds the lines of a file of public keys, each after prefix. 0 or -errno. */
int login_here_copy_lines(FILE *out, const char *path, const char *prefix);

#endif

/*
 * A host becomes a node (enscalectl node enrol): what is known about it, and
 * the steps. Each complains when it fails, and returns an exit code.
 */
#ifndef ENSCALECTL_ENROL_H
#define ENSCALECTL_ENROL_H

#include <stdio.h>

#include "enscalectl/node_directory.h"
#include "enscalectl/node_host.h"

/* The folder of this run, and the files in it, which the host's folder has,
 * too, except for the last two. */
#define ENROL_STAGE  "/tmp/enscalectl.XXXXXX"
#define ENROL_CA     "ca.pub"
#define ENROL_LIST   "revoked"
#define ENROL_KNOWN  "known_hosts"
#define ENROL_SOCKET "ssh"

#define ENROL_ADDRESS_SIZE 64
#define ENROL_WORDS_MAX    32

/* Strings that are pointers come from the command line; NULL: not given. */
struct enrol {
	const struct config *config; /* borrowed */
	struct node_host host;
	struct directory_identity administrator; /* in the directory */
	const char *node, *environment, *service, *user, *support, *gateway,
	    *address, *account, *identity;
	bool no_login, dry_run;
	bool revokes;    /* this gateway knows keys that were revoked */
	uint32_t number; /* of the node */
	char stage[sizeof(ENROL_STAGE)];
	char remote[NODE_HOST_PATH_MAX];  /* the same on the host */
	char program[NODE_HOST_PATH_MAX]; /* enscale-node there */
	/* The address at which the host was reached, and the one that it was
	 * reached from. */
	char found_address[ENROL_ADDRESS_SIZE];
	char found_gateway[ENROL_ADDRESS_SIZE];
	struct node_entry *entry; /* NULL: not a node yet, in a dry run */
	char said[NODE_HOST_SAID_MAX];
};

/* Makes the folder, with what will be copied to the host; an exit code. */
int enrol_stage_make(struct enrol *enrol);
void enrol_stage_remove(const struct enrol *enrol);
/* Creates a new file; NULL with errno. */
FILE *enrol_stage_open(const struct enrol *enrol, const char *name);

/* Words of a command line. */
struct enrol_words {
	const char *each[ENROL_WORDS_MAX];
	unsigned count;
};
/* Adds both words, or none when value is NULL. */
void enrol_add_word(struct enrol_words *words, const char *option,
    const char *value);
/* Complains about how a program ended, an exit status or -errno; an exit code.
 */
int enrol_say_failed(const char *what, int r);

/* The steps, in this order: on the host ... */
int enrol_log_in(struct enrol *enrol);
int enrol_copy(struct enrol *enrol);
int enrol_set_up(struct enrol *enrol);
int enrol_look_back(struct enrol *enrol);
/* ... and here. */
int enrol_put_entry(struct enrol *enrol);
int enrol_await_view(struct enrol *enrol);
int enrol_enter(struct enrol *enrol);

#endif

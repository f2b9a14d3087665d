/*
 * A listening socket with a path: it accepts connections, and lets nobody have
 * too many.
 */
#ifndef ENSCALE_GUARD_LISTENER_H
#define ENSCALE_GUARD_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "enscale_guard/admission.h"

struct listener_options {
	const char *path;
	struct admission *admission; /* borrowed */
	/* Whose connections are taken: of these uids, or with admits those that
	 * it says yes to. */
	uid_t uid_min, uid_max;
	bool (*admits)(int fd, void *arg);
	/* A connection: fd and client are now the callee's, which gives client
	 * back with admission_leave(). */
	void (*accepted)(int fd, struct client *client, void *arg);
	void *arg;
};

struct listener;

/* By daemon_listen(): the caller holds the guard's lock. Mode 0666: who
 * may ask what is decided by who asks. 0 or -errno. */
int listener_new(sd_event *event, const struct listener_options *options,
    struct listener **ret_listener);
void listener_free(struct listener *listener);

#endif

/*
 * Requests of an administrator to the running follower: one word in, one line
 * out, over a socket that root and the follower's own user may connect to. It
 * decides nothing: the words and their answers are up to its caller.
 *
 * SOCK_SEQPACKET, so that a packet is a whole request or a whole answer. An
 * answer begins with "yes " or "no ".
 */
#ifndef ENSCALE_SYNC_CONTROL_H
#define ENSCALE_SYNC_CONTROL_H

#include <systemd/sd-event.h>

struct control;

/* One word, and what answers it: with a static text. */
struct control_word {
	const char *word;
	const char *(*run)(void *arg);
};

/* Replaces a socket that a dead process has left. Its folder lets nobody else
 * in. The words are borrowed; the row without one is the last, and answers
 * every other word. Returns 0 or -errno. */
int control_open(sd_event *event, const char *path,
    const struct control_word *words, void *arg, struct control **ret_control);
void control_close(struct control *control);

#endif

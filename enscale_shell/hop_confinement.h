/*
 * What a hop's ssh gives up in addition to what the shell gave up, before it
 * starts: it talks to a node that may be hostile, and has what it needs before
 * it reads that node's first byte. So a hop starts two programs, ssh and the
 * enscale-connect that ssh starts, and opens one socket to the network; ssh
 * forks once for that. After that, code that takes over ssh can start nothing
 * and has only this one connection. It could give that up for one to another
 * address: ssh also needs connect(2) for the agents, and the address is in
 * memory that can change. It can make no memory file, and has no child that
 * could outlive it.
 *
 * The counting is seccomp's: the kernel suspends such a call and tells the
 * shell through a listener, which permits or denies it (seccomp_unotify(2)).
 * Only the number of calls is judged, not what they point to. (Landlock could
 * forbid the other ports, but a domain of its own would keep ssh from the
 * shell's descriptors, which it opens by their names in /proc.)
 */
#ifndef ENSCALE_SHELL_HOP_CONFINEMENT_H
#define ENSCALE_SHELL_HOP_CONFINEMENT_H

/* The shell's side of one hop. */
struct hop_confinement {
	int listener; /* owned; -1: the kernel has none */
	unsigned programs, connections, children; /* calls that are left */
};

/*
 * In the child that becomes ssh: from now on, for it and its children. The
 * listener is sent to the shell, over this socket pair. Returns 0, also if the
 * kernel supports none of it; -errno.
 */
int hop_confinement_begin(int channel);

/* In the shell: receives the listener, as soon as the child has sent it.
 * Returns 0 or -errno: -EPIPE when the child has ended instead. */
int hop_confinement_receive(int channel, struct hop_confinement *ret_hop);

/* Handles what poll(2) reported for the listener: one call, or that no caller
 * is left, which closes it. */
void hop_confinement_answer(struct hop_confinement *hop, short seen);

void cleanup_hop_confinement(struct hop_confinement *hop);

#endif

/*
 * What a hop's ssh gives up beyond what the shell has, from before it starts:
 * it talks to a node that may be hostile, and has what it needs before it
 * reads that node's first byte. So a hop starts two programs, ssh and the
 * enscale-connect that ssh starts, and opens one socket to the network; after
 * that whoever is in ssh's place starts nothing and has this one connection
 * alone. It could give it up for one to another address: connect(2) is ssh's
 * way to the agents, too, and where it leads is in memory that changes. It
 * makes no memory file either.
 *
 * The counting is seccomp's: the kernel holds such a call, the shell is told
 * on a listener, and says go on or no (seccomp_unotify(2)). Only how often a
 * call comes is judged, nothing that it points to. (Landlock could take the
 * other ports, but a domain of its own keeps ssh from the shell's descriptors,
 * which it opens by their names in /proc.)
 */
#ifndef ENSCALE_SHELL_HOP_CONFINEMENT_H
#define ENSCALE_SHELL_HOP_CONFINEMENT_H

/* The shell's side of one hop. */
struct hop_confinement {
	int listener; /* owned; -1: the kernel does not tell */
	unsigned programs, connections; /* that may still be */
};

/*
 * In the child that becomes ssh: from now on, for it and its children. The
 * listener goes to the shell, over its end of this socket pair. Returns 0,
 * also where the kernel has none of it; -errno.
 */
int hop_confinement_begin(int channel);

/* In the shell: takes the listener, as soon as the child has sent it. Returns
 * 0 or -errno: -EPIPE when the child has ended instead. */
int hop_confinement_receive(int channel, struct hop_confinement *ret_hop);

/* Answers what poll(2) saw of the listener: one call, or that nobody is left
 * to call, which closes it. */
void hop_confinement_answer(struct hop_confinement *hop, short seen);

void cleanup_hop_confinement(struct hop_confinement *hop);

#endif

/* Who listens for TCP on this host, as proc_net(5) and proc(5) have it. */
#ifndef ENSCALECTL_LISTENERS_H
#define ENSCALECTL_LISTENERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener {
	char address[INET6_ADDRSTRLEN]; /* "0.0.0.0", "::" */
	bool is_ipv6;
	uint64_t inode; /* of the socket */
};

/*
 * Calls visit() for each socket that listens on the port, those of IPv4 first,
 * until one returns anything but 0, which is returned. 0 after the last.
 */
int listeners_each(uint16_t port,
    int (*visit)(const struct listener *listener, void *arg), void *arg);

/* Has the process that socket open? Only its user and root can see that. */
bool listeners_has(pid_t pid, uint64_t inode);

/* The first process that has it open; 0: none that we can see. */
pid_t listeners_find(uint64_t inode);

#endif

/* What sshd itself makes of the gateway's sshd_config (sshd -T). */
#ifndef ENSCALECTL_SSHD_SETTINGS_H
#define ENSCALECTL_SSHD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define SSHD_CONFIG    ENS_SYSCONFDIR "/enscale/sshd_config"
#define SSHD_TEXT_MAX  1024
#define SSHD_PORTS_MAX 16
#define SSHD_KEYS_MAX  16

struct sshd_settings {
	char ports[SSHD_PORTS_MAX][8];
	unsigned port_count;
	char host_keys[SSHD_KEYS_MAX][SSHD_TEXT_MAX];
	unsigned host_key_count;
	char helper[SSHD_TEXT_MAX]; /* of AuthorizedKeysCommand, alone */
	char helper_user[SSHD_TEXT_MAX];
	char pid_file[SSHD_TEXT_MAX];
	uint32_t max_startups; /* the last one of the three */
};

/* Asks once; borrowed for ever. NULL: sshd refuses, and *ret_reason (may be
 * NULL) is borrowed, too. */
const struct sshd_settings *sshd_settings_ask(const char **ret_reason);

/* Does a process of root's listen on that port, in a table of proc_net(5):
 * "/proc/net/tcp", "/proc/net/tcp6"? */
bool sshd_listens(const char *table, uint32_t port);

#endif

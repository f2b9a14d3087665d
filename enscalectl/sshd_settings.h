/* What sshd itself makes of the gateway's sshd_config (sshd -T). */
#ifndef ENSCALECTL_SSHD_SETTINGS_H
#define ENSCALECTL_SSHD_SETTINGS_H

#include <netinet/in.h>
#include <stdint.h>

#define SSHD_CONFIG        ENS_SYSCONFDIR "/enscale/sshd_config"
#define SSHD_TEXT_MAX      1024
#define SSHD_ADDRESSES_MAX 32
#define SSHD_KEYS_MAX      16

/* Where it listens. */
struct sshd_address {
	char text[INET6_ADDRSTRLEN]; /* "0.0.0.0", "::" */
	uint16_t port;
};

struct sshd_settings {
	struct sshd_address addresses[SSHD_ADDRESSES_MAX];
	unsigned address_count;
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

#endif

/*
 * The maker: a process that starts signers, and reads the configuration. It is
 * forked before the guard gives up reading both, so that a new key (enscalectl
 * ca rotate --switch) and an administrator's changes take effect without a
 * restart. It holds no key itself, and accepts four requests of one byte: start
 * another signer; read the configuration; open the file of this host's users;
 * look up the group of the operators.
 */
#ifndef ENSCALE_GUARD_SIGNER_MAKER_H
#define ENSCALE_GUARD_SIGNER_MAKER_H

#include "common/config/config.h"
#include "enscale_guard/signer.h"

struct signer_maker;

/* What it reads; both borrowed; the process knows them from then on. */
struct signer_maker_files {
	const char *ca_key;
	const char *config;
};

/* Forks it; otherwise like signer_start(). 0 or -errno. */
int signer_maker_start(const struct signer_maker_files *files,
    const char *addresses, struct signer_maker **ret_maker);
/*
 * Starts a signer with the key that is at the path now. The signer ends with
 * the maker, and when it is stopped. Returns 0; what signer_start() returned;
 * -EPIPE or -ETIMEDOUT when the maker is lost.
 */
int signer_maker_ask(struct signer_maker *maker, struct signer **ret_signer);
/* As config_load(); also -EPIPE or -ETIMEDOUT, when the maker is lost. */
int signer_maker_read_config(struct signer_maker *maker,
    struct config *ret_config, char ret_error[CONFIG_ERROR_MAX]);
/* /etc/passwd as it is now, whose names the guard may not open by itself: a
 * descriptor, or what signer_maker_ask() returns on failure. */
int signer_maker_open_users(struct signer_maker *maker);
/* operator_group() as it is now. 0, or what signer_maker_ask() returns on
 * failure. */
int signer_maker_find_group(struct signer_maker *maker, gid_t *ret_group);
/* Ends it and waits for it. */
void signer_maker_stop(struct signer_maker *maker);

#endif

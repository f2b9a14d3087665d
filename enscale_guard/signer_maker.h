/*
 * The maker: a process that starts signers. It is forked before the guard
 * gives up reading the CA key, so that a key that took the place of another
 * (enscalectl ca rotate --switch) is taken without a restart. It holds no
 * key itself, and takes one request: another signer.
 */
#ifndef ENSCALE_GUARD_SIGNER_MAKER_H
#define ENSCALE_GUARD_SIGNER_MAKER_H

#include "enscale_guard/signer.h"

struct signer_maker;

/* Forks it; as signer_start() otherwise. 0 or -errno. */
int signer_maker_start(const char *path, const char *addresses,
    struct signer_maker **ret_maker);
/*
 * Has a signer started with the key that is at the path now. The signer ends
 * with the maker, and when it is stopped. Returns 0; what signer_start()
 * returned; -EPIPE or -ETIMEDOUT when the maker is lost.
 */
int signer_maker_ask(struct signer_maker *maker, struct signer **ret_signer);
/* Ends it and waits for it. */
void signer_maker_stop(struct signer_maker *maker);

#endif

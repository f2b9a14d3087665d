/*
 * The signer: a separate process that holds the CA key. It is forked before the
 * guard opens a socket, has one socketpair and nothing else, and answers
 * requests of one fixed size (struct cert_request) with a certificate that it
 * builds itself, within its own limits: lifetime, source addresses, serial
 * number, rate.
 */
#ifndef ENSCALE_GUARD_SIGNER_H
#define ENSCALE_GUARD_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enscale_guard/cert.h"

/* Certificates a second, and how many at once after a quiet time. */
#define SIGNER_RATE  100
#define SIGNER_BURST 500

struct signer;

/*
 * Forks the signer, which loads the CA key from path (ed25519, PEM, not
 * encrypted, which belongs to root and a group of its own, mode 0440, or to
 * this user, 0400) and binds every certificate to the addresses. Call it before
 * any thread, socket or event loop exists. Returns 0; ENS_E_SYNTAX of the
 * addresses; of the key's file -EPERM (others may read it), ENS_E_KEY_FORMAT,
 * ENS_E_KEY_TYPE, -errno; -EPIPE when the child could not start, and has said
 * why on stderr; other -errno.
 */
int signer_start(const char *path, const char *addresses,
    struct signer **ret_signer);
/* Adopts a signer that another process started. On success it owns the socket.
 * 0, -ENOMEM, ENS_E_PROTOCOL. */
int signer_adopt(int fd, struct bytes authority, struct signer **ret_signer);
/* Frees this end, for a signer that another process adopted. */
void signer_abandon(struct signer *signer);
/*
 * In a new process of the signer's kind: keeps only stderr and the socket,
 * which becomes SIGNER_SOCKET, and no rights; the process ends with its parent.
 */
int signer_prepare(pid_t parent, int fd, const char *name);
/* The blob of the CA's public key; borrowed. */
struct bytes signer_authority(const struct signer *signer);
/* Readable only when the signer has ended. */
int signer_fd(const struct signer *signer);
/*
 * Has a certificate made, and waits for it, at most SIGNER_SECONDS. Appends the
 * blob. Returns 0; ENS_E_RANGE, ENS_E_SYNTAX (a bad request); -EAGAIN (over the
 * rate); ENS_E_CRYPTO; -EPIPE or -ETIMEDOUT: the signer is lost, and with it
 * the guard must end.
 */
int signer_certify(struct signer *signer, const struct cert_request *request,
    struct wire_writer *writer, uint64_t *ret_serial);
/* Ends the process and waits for it. */
void signer_stop(struct signer *signer);

#define SIGNER_SECONDS 5
#define SIGNER_SOCKET  3

/*
 * Every address of this host except loopback and link-local ones, in CIDR form,
 * in the syntax of hop.source_addresses. 0; -errno; ENS_E_NOTFOUND when there
 * is none; ENS_E_LIMIT.
 */
int signer_host_addresses(char *buf, size_t size);

#endif

/* A public key that is to be added: what "key add" refuses is refused wherever
 * keys come from. */
#ifndef ENSCALECTL_KEY_READ_H
#define ENSCALECTL_KEY_READ_H

#include "common/config/config.h"
#include "common/keys/ssh_key.h"
#include "common/view/view.h"

/* The RDN of its entry: the fingerprint in hex. */
#define KEY_RDN_TYPE "enscaleKeyFingerprint"

/*
 * The only key of a text, as people have it: OpenSSH, RFC 4716, PKCS#8 or PEM.
 * The text, which ends with a NUL, is wiped: it might be a private key. Complains
 * ("not added: too weak"); an exit code, as the next one.
 */
int key_read_text(char *text, size_t len, bool no_touch,
    struct ssh_key *ret_key, uint8_t ret_fingerprint[SHA256_LEN]);
/* May such a key be added, with its options? */
int key_read_judge(const struct ssh_key *key, bool no_touch,
    uint8_t ret_fingerprint[SHA256_LEN]);
/* Says why it is not; an exit code. */
int key_read_refuse(const char *reason);

/* The view that this gateway has published: each row of a key, which view_find_key()
 * may find gone. The first visit that is not 0 ends it, and is returned, as are
 * errors of view_open(). */
typedef int key_read_visit(const struct view *view, uint32_t account,
    const uint8_t fingerprint[SHA256_LEN], void *arg);
int key_read_view(const struct config *config, key_read_visit *visit,
    void *arg);

#endif

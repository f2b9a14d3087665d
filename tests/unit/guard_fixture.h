/*
 * What the guard's tests share: a published view with the demo's accounts,
 * and real host keys of every type, with their signatures.
 */
#ifndef ENSCALE_TESTS_GUARD_FIXTURE_H
#define ENSCALE_TESTS_GUARD_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "common/base/wire.h"
#include "common/protocol/session_registry.h"
#include "common/view/record.h"
#include "common/view/view.h"

#define OWNER        25880U
#define NODE         124718U
#define NODE_SECOND  124719U
#define NODE_LIMITED 136553U
#define NODE_STOPPED 144490U
#define NODE_KEYLESS 124720U
#define SESSION      "abcdefghij234567"
#define ADDRESS      "198.18.0.10"

enum host_key_kind {
	HOST_ED25519,
	HOST_ECDSA_256,
	HOST_ECDSA_384,
	HOST_ECDSA_521,
	HOST_RSA_256, /* one RSA key, signing with SHA-256 */
	HOST_RSA_512, /* and with SHA-512 */
	HOST_KINDS,
	HOST_STRANGER = HOST_KINDS, /* ed25519, of no node */
	HOST_SECOND,                /* ed25519, of node 124719 */
	HOST_KEYS,
};

struct host_key {
	EVP_PKEY *pair;
	const char *algorithm;
	struct wire_writer blob;
};

extern struct host_key host_keys[HOST_KEYS];
extern const uint8_t user_fingerprint[SHA256_LEN];

/* Makes the keys and an empty folder for the view. */
int guard_fixture_make(void **state);
int guard_fixture_free(void **state);

struct bytes host_key_blob(enum host_key_kind kind);
/* Appends the SSH signature blob of data. */
void host_key_sign(enum host_key_kind kind, struct bytes data,
    struct wire_writer *writer);

/* What of the demo's data to publish differently. */
struct facts {
	bool suspended;          /* the owner's account */
	bool keyless;            /* the owner's key is gone */
	bool stopped;            /* cool-waterfall-59 */
	bool withdrawn;          /* the owner has no role on it any more */
	const char *system_user; /* of node 124718, for "apache" */
	const char *name;        /* of the owner, for "Ada" */
	const char *address;     /* of node 124718, for "198.19.0.18" */
	int64_t key_expires;
	uint32_t crowd; /* nodes 1... of an environment of the owner more */
};

#define CROWD "crimson-crowd-1" /* between the first two of the others */

const char *guard_fixture_view_dir(void);
/* Publishes; the caller closes the view. */
struct view *guard_fixture_publish(const struct facts *facts);
struct session guard_fixture_session(void);

#endif

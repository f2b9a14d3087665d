/*
 * A published view in a temporary folder, with the demo's data: what the
 * tests of policy, the keys helper and the PAM module ask about.
 */
#ifndef ENSCALE_TESTS_VIEW_FIXTURE_H
#define ENSCALE_TESTS_VIEW_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/view/record.h"
#include "common/view/view.h"
#include "enscale_sync/view_writer.h"

#define FIXTURE_AS_OF     1763850000
#define FIXTURE_PATH_SIZE 256

struct view_fixture {
	char root[64]; /* a folder to use; removed with all that is in it */
	char view[80]; /* root/view */
	uint64_t generation;
	struct view_writer *writer;
};

/* The key of an account; number tells its keys apart. */
struct fixture_key {
	uint8_t blob[64];
	size_t blob_len;
	uint8_t fingerprint[SHA256_LEN];
	char fingerprint_text[64];
	char text[128]; /* "ssh-ed25519 AAAA..." */
};

void view_fixture_make(struct view_fixture *fixture);
void view_fixture_free(struct view_fixture *fixture);
struct fixture_key view_fixture_key(uint32_t account, uint32_t number);
/* Where a view in that folder has its manifest. */
void view_fixture_manifest(const char *folder,
    char ret_path[FIXTURE_PATH_SIZE]);

/* What is put between begin and commit is published as one change. */
void view_fixture_begin(struct view_fixture *fixture, bool base);
void view_fixture_put_account(struct view_fixture *fixture, uint32_t account,
    enum account_status status, int64_t expires, uint32_t max_sessions);
void view_fixture_put_key(struct view_fixture *fixture, uint32_t account,
    uint32_t number, const char *from, int64_t expires);
/* The same key with what its options say (ssh_key.h). */
void view_fixture_put_options(struct view_fixture *fixture, uint32_t account,
    uint32_t number, uint8_t options);
void view_fixture_put_environment(struct view_fixture *fixture,
    const char *name, enum environment_state state, uint32_t owner,
    const struct environment_member *members, uint32_t member_count);
void view_fixture_put_node(struct view_fixture *fixture, uint32_t node,
    const char *environment, enum environment_state state);
void view_fixture_put_raw(struct view_fixture *fixture,
    const struct record_key *key, const void *data, size_t len);
void view_fixture_delete(struct view_fixture *fixture,
    const struct record_key *key);
void view_fixture_commit(struct view_fixture *fixture);

/* Accounts 25880 (keys 0 and 1), 21296, 30311 (suspended), 40404; the
 * environments and nodes of the demo. */
void view_fixture_publish_demo(struct view_fixture *fixture);

#endif

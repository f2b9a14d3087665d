#include <config.h>

#include "guard_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "common/base/cleanup.h"
#include "enscale_sync/view_writer.h"

#define BLOB_MAX 4096

struct host_key host_keys[HOST_KEYS];
const uint8_t user_fingerprint[SHA256_LEN] = "the fingerprint of Ada's own key";
static char dir[64];
static uint64_t generation;

/* ---- keys -------------------------------------------------------------- */

static void
write_mpint(struct wire_writer *writer, const BIGNUM *number)
{
	uint8_t raw[1 + BLOB_MAX] = { 0 };
	int len = BN_bn2bin(number, raw + 1);
	bool high = len > 0 && (raw[1] & 0x80) != 0;

	wire_write_string(writer, high ? raw : raw + 1, (size_t)len + high);
}

static void
write_param(struct wire_writer *writer, EVP_PKEY *pair, const char *name)
{
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pair, name, &number), 1);
	write_mpint(writer, number);
	BN_free(number);
}

static void
make_ed25519(struct host_key *key)
{
	uint8_t raw[32];
	size_t len = sizeof(raw);

	key->algorithm = "ssh-ed25519";
	key->pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(key->pair);
	EVP_PKEY_get_raw_public_key(key->pair, raw, &len);
	wire_write_cstring(&key->blob, key->algorithm);
	wire_write_string(&key->blob, raw, len);
}

static void
make_ecdsa(struct host_key *key, const char *curve, const char *name,
    const char *algorithm)
{
	uint8_t point[256];
	size_t len = 0;

	key->algorithm = algorithm;
	key->pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
	assert_non_null(key->pair);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key->pair,
	                     OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
	                     &len),
	    1);
	wire_write_cstring(&key->blob, algorithm);
	wire_write_cstring(&key->blob, name);
	wire_write_string(&key->blob, point, len);
}

static void
make_rsa(struct host_key *key, const char *algorithm, EVP_PKEY *pair)
{
	key->algorithm = algorithm;
	key->pair = pair;
	assert_non_null(pair);
	wire_write_cstring(&key->blob, "ssh-rsa");
	write_param(&key->blob, pair, OSSL_PKEY_PARAM_RSA_E);
	write_param(&key->blob, pair, OSSL_PKEY_PARAM_RSA_N);
}

static void
make_keys(void)
{
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);

	for (int i = 0; i < HOST_KEYS; i++)
		wire_write_init_growing(&host_keys[i].blob, BLOB_MAX);
	make_ed25519(&host_keys[HOST_ED25519]);
	make_ed25519(&host_keys[HOST_STRANGER]);
	make_ed25519(&host_keys[HOST_SECOND]);
	make_ecdsa(&host_keys[HOST_ECDSA_256], "P-256", "nistp256",
	    "ecdsa-sha2-nistp256");
	make_ecdsa(&host_keys[HOST_ECDSA_384], "P-384", "nistp384",
	    "ecdsa-sha2-nistp384");
	make_ecdsa(&host_keys[HOST_ECDSA_521], "P-521", "nistp521",
	    "ecdsa-sha2-nistp521");
	make_rsa(&host_keys[HOST_RSA_256], "rsa-sha2-256", rsa);
	EVP_PKEY_up_ref(rsa);
	make_rsa(&host_keys[HOST_RSA_512], "rsa-sha2-512", rsa);
}

struct bytes
host_key_blob(enum host_key_kind kind)
{
	const struct wire_writer *blob = &host_keys[kind].blob;

	return (struct bytes){ blob->data, blob->len };
}

static const EVP_MD *
digest_of(enum host_key_kind kind)
{
	switch (kind) {
	case HOST_ECDSA_256:
	case HOST_RSA_256:
		return EVP_sha256();
	case HOST_ECDSA_384:
		return EVP_sha384();
	case HOST_ECDSA_521:
	case HOST_RSA_512:
		return EVP_sha512();
	case HOST_ED25519:
	case HOST_STRANGER:
	case HOST_SECOND:
	case HOST_KEYS:
	default:
		return NULL;
	}
}

static void
write_ecdsa(struct wire_writer *writer, const uint8_t *der, size_t len)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	size_t place = wire_write_begin_string(writer);

	assert_non_null(sig);
	write_mpint(writer, ECDSA_SIG_get0_r(sig));
	write_mpint(writer, ECDSA_SIG_get0_s(sig));
	wire_write_end_string(writer, place);
	ECDSA_SIG_free(sig);
}

void
host_key_sign(enum host_key_kind kind, struct bytes data,
    struct wire_writer *writer)
{
	const struct host_key *key = &host_keys[kind];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[BLOB_MAX];
	size_t len = sizeof(raw);

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, digest_of(kind), NULL, key->pair), 1);
	assert_int_equal(EVP_DigestSign(ctx, raw, &len, data.data, data.len),
	    1);
	EVP_MD_CTX_free(ctx);
	wire_write_cstring(writer, key->algorithm);
	if (kind >= HOST_ECDSA_256 && kind <= HOST_ECDSA_521)
		write_ecdsa(writer, raw, len);
	else
		wire_write_string(writer, raw, len);
}

/* ---- the view ---------------------------------------------------------- */

static void
put(struct view_writer *writer, const struct record_key *key,
    struct wire_writer *record)
{
	assert_int_equal(record->error, 0);
	assert_int_equal(view_writer_put(writer, key,
	                     (struct bytes){ record->data, record->len }),
	    0);
	wire_write_free(record);
}

static void
put_account(struct view_writer *writer, const struct facts *facts)
{
	const struct account_record account = { .account = OWNER,
		.status = facts->suspended ? ACCOUNT_SUSPENDED : ACCOUNT_ACTIVE,
		.name = facts->name != NULL ? facts->name : "Ada",
		.mail = "" };
	const struct record_key key = record_key_id(RECORD_ACCOUNT, OWNER);
	struct wire_writer record;

	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_account(&record, &account), 0);
	put(writer, &key, &record);
}

static void
put_key(struct view_writer *writer, const struct facts *facts)
{
	const struct key_record user = { .account = OWNER,
		.fingerprint = user_fingerprint,
		.blob = host_key_blob(HOST_STRANGER),
		.title = "laptop",
		.from = "",
		.expires = facts->key_expires };
	const struct record_key key = record_key_key(OWNER, user_fingerprint);
	struct wire_writer record;

	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_key(&record, &user), 0);
	put(writer, &key, &record);
}

static void
put_environment(struct view_writer *writer, const char *name,
    enum environment_state state, const struct environment_member *members,
    uint32_t member_count, const uint32_t *nodes, uint32_t node_count)
{
	const struct record_key key = record_key_environment(name);
	struct wire_writer record;
	uint32_t owner = 0;

	for (uint32_t i = 0; i < member_count; i++)
		if (members[i].role == ROLE_OWNER)
			owner = members[i].account;
	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_environment(&record,
	                     &(struct environment_fields){ name, state, owner },
	                     members, member_count, nodes, node_count),
	    0);
	put(writer, &key, &record);
}

static void
put_node(struct view_writer *writer, uint32_t id, const char *environment,
    const char *address, const char *system_user, const struct bytes *keys,
    uint32_t key_count)
{
	const struct node_record node = { .node = id,
		.environment = environment,
		.address = address != NULL ? address : "198.19.0.18",
		.port = 22,
		.state = ENVIRONMENT_RUNNING,
		.service_type = "apache",
		.system_user = system_user,
		.host_key_count = key_count };
	const struct record_key key = record_key_id(RECORD_NODE, id);
	struct wire_writer record;

	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_node(&record, &node, keys), 0);
	put(writer, &key, &record);
}

static void
put_nodes(struct view_writer *writer, const struct facts *facts)
{
	const char *user = facts->system_user != NULL ? facts->system_user
	                                              : "apache";
	const struct bytes second = host_key_blob(HOST_SECOND);
	struct bytes keys[HOST_KINDS - 1];

	/* The last kind is the same RSA key again. */
	for (int i = 0; i < HOST_KINDS - 1; i++)
		keys[i] = host_key_blob((enum host_key_kind)i);
	put_node(writer, NODE, "cool-waterfall-59", facts->address, user, keys,
	    HOST_KINDS - 1);
	put_node(writer, NODE_SECOND, "cool-waterfall-59", NULL, "mysql",
	    &second, 1);
	put_node(writer, NODE_KEYLESS, "cool-waterfall-59", NULL, "nginx", NULL,
	    0);
	put_node(writer, NODE_LIMITED, "crimson-dust-8", NULL, "apache",
	    &second, 1);
	put_node(writer, NODE_STOPPED, "env-3344147", NULL, "nginx", &second,
	    1);
}

/* Their texts are as long as texts may be. */
static void
put_crowd(struct view_writer *writer, uint32_t count,
    const struct environment_member *owner)
{
	static uint32_t ids[ENVIRONMENT_NODES_MAX];
	char service[NAME_TEXT_MAX + 1];

	memset(service, 's', NAME_TEXT_MAX);
	service[NAME_TEXT_MAX] = '\0';
	assert_true(count <= ENVIRONMENT_NODES_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct node_record node = { .node = i + 1,
			.environment = CROWD,
			.address = "198.19.0.18",
			.port = 22,
			.state = ENVIRONMENT_RUNNING,
			.service_type = service,
			.system_user = "apache" };
		const struct record_key key = record_key_id(RECORD_NODE, i + 1);
		struct wire_writer record;

		ids[i] = i + 1;
		wire_write_init_growing(&record, RECORD_SIZE_MAX);
		assert_int_equal(record_encode_node(&record, &node, NULL), 0);
		put(writer, &key, &record);
	}
	put_environment(writer, CROWD, ENVIRONMENT_RUNNING, owner, 1, ids,
	    count);
}

static void
put_environments(struct view_writer *writer, const struct facts *facts)
{
	static const struct environment_member cool[] = { { 21296, ROLE_FULL },
		{ OWNER, ROLE_OWNER } };
	static const struct environment_member crimson[] = {
		{ 21296, ROLE_OWNER }, { OWNER, ROLE_LIMITED }
	};
	static const uint32_t nodes[] = { NODE, NODE_SECOND, NODE_KEYLESS };
	static const uint32_t limited[] = { NODE_LIMITED };
	static const uint32_t stopped[] = { NODE_STOPPED };
	static const struct account_environment rows[] = {
		{ CROWD, ROLE_OWNER },
		{ "crimson-dust-8", ROLE_LIMITED },
		{ "env-3344147", ROLE_OWNER },
	};
	struct account_environment listed[4] = { { "cool-waterfall-59",
	    ROLE_OWNER } };
	const uint32_t others = facts->crowd > 0 ? 3 : 2;
	const struct record_key key = record_key_id(RECORD_ENVIRONMENTS, OWNER);
	struct wire_writer record;

	put_environment(writer, "cool-waterfall-59",
	    facts->stopped ? ENVIRONMENT_STOPPED : ENVIRONMENT_RUNNING, cool,
	    facts->withdrawn ? 1 : 2, nodes, 3);
	put_environment(writer, "crimson-dust-8", ENVIRONMENT_RUNNING, crimson,
	    2, limited, 1);
	put_environment(writer, "env-3344147", ENVIRONMENT_STOPPED, cool + 1, 1,
	    stopped, 1);
	if (facts->crowd > 0)
		put_crowd(writer, facts->crowd, cool + 1);
	memcpy(listed + 1, rows + 3 - others, others * sizeof(rows[0]));
	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(
	    record_encode_environments(&record, OWNER, listed, 1 + others), 0);
	put(writer, &key, &record);
}

struct view *
guard_fixture_publish(const struct facts *facts)
{
	struct view_writer *writer;
	struct view *view;

	assert_int_equal(view_writer_open(dir, &writer), 0);
	assert_int_equal(view_writer_begin(writer, true), 0);
	put_account(writer, facts);
	if (!facts->keyless)
		put_key(writer, facts);
	put_environments(writer, facts);
	put_nodes(writer, facts);
	assert_int_equal(view_writer_commit(writer, ++generation, 1763850000),
	    0);
	view_writer_close(writer);
	assert_int_equal(view_open(dir, &view), 0);
	return view;
}

const char *
guard_fixture_view_dir(void)
{
	return dir;
}

struct session
guard_fixture_session(void)
{
	struct session session = { .id = SESSION,
		.account = OWNER,
		.uid = UID_BASE_DEFAULT + OWNER,
		.address = ADDRESS };

	memcpy(session.fingerprint, user_fingerprint, SHA256_LEN);
	return session;
}

int
guard_fixture_make(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/enscale-guard-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	make_keys();
	return 0;
}

int
guard_fixture_free(void **state)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	(void)state;
	for (int i = 0; i < HOST_KEYS; i++) {
		EVP_PKEY_free(host_keys[i].pair);
		wire_write_free(&host_keys[i].blob);
	}
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
	return rmdir(dir);
}

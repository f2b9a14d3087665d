#include <config.h>

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/base64.h"
#include "common/keys/fingerprint.h"
#include "tests/unit/view_fixture.h"

void
view_fixture_make(struct view_fixture *fixture)
{
	*fixture = (struct view_fixture){ .root = "/tmp/view_fixture.XXXXXX" };
	assert_non_null(mkdtemp(fixture->root));
	snprintf(fixture->view, sizeof(fixture->view), "%s/view",
	    fixture->root);
	assert_int_equal(mkdir(fixture->view, 0700), 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
view_fixture_free(struct view_fixture *fixture)
{
	assert_int_equal(
	    nftw(fixture->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void
view_fixture_manifest(const char *folder, char ret_path[FIXTURE_PATH_SIZE])
{
	char name[MANIFEST_NAME_SIZE];

	manifest_name(MANIFEST_VERSION, name);
	snprintf(ret_path, FIXTURE_PATH_SIZE, "%s/%s", folder, name);
}

struct fixture_key
view_fixture_key(uint32_t account, uint32_t number)
{
	struct fixture_key key = { .blob_len = 0 };
	uint8_t point[32] = { 0 };
	struct wire_writer writer;

	memcpy(point, &account, sizeof(account));
	memcpy(point + sizeof(account), &number, sizeof(number));
	wire_write_init(&writer, key.blob, sizeof(key.blob));
	wire_write_cstring(&writer, "ssh-ed25519");
	wire_write_string(&writer, point, sizeof(point));
	assert_int_equal(writer.error, 0);
	key.blob_len = writer.len;
	assert_int_equal(
	    fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
	        key.fingerprint),
	    0);
	fingerprint_format_sha256(key.fingerprint, key.fingerprint_text);
	memcpy(key.text, "ssh-ed25519 ", 12);
	assert_true(base64_encode(key.blob, key.blob_len, key.text + 12,
	                sizeof(key.text) - 12) > 0);
	return key;
}

void
view_fixture_begin(struct view_fixture *fixture, bool base)
{
	assert_int_equal(view_writer_open(fixture->view, &fixture->writer), 0);
	assert_int_equal(view_writer_begin(fixture->writer, base), 0);
}

void
view_fixture_commit(struct view_fixture *fixture)
{
	assert_int_equal(view_writer_commit(fixture->writer,
	                     ++fixture->generation, FIXTURE_AS_OF),
	    0);
	view_writer_close(fixture->writer);
	fixture->writer = NULL;
}

void
view_fixture_put_raw(struct view_fixture *fixture, const struct record_key *key,
    const void *data, size_t len)
{
	assert_int_equal(
	    view_writer_put(fixture->writer, key, (struct bytes){ data, len }),
	    0);
}

static void
put(struct view_fixture *fixture, const struct record_key *key,
    struct wire_writer *writer, int encoded)
{
	assert_int_equal(encoded, 0);
	view_fixture_put_raw(fixture, key, writer->data, writer->len);
	wire_write_free(writer);
}

void
view_fixture_delete(struct view_fixture *fixture, const struct record_key *key)
{
	struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	put(fixture, key, &writer, record_encode_tombstone(&writer, key));
}

void
view_fixture_put_account(struct view_fixture *fixture, uint32_t account,
    enum account_status status, int64_t expires, uint32_t max_sessions)
{
	const struct account_record record = { .account = account,
		.status = status,
		.expires = expires,
		.max_sessions = max_sessions,
		.name = "Somebody",
		.mail = "" };
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	put(fixture, &key, &writer, record_encode_account(&writer, &record));
}

static void
put_key(struct view_fixture *fixture, uint32_t account, uint32_t number,
    const char *from, uint8_t options, int64_t expires)
{
	struct fixture_key made = view_fixture_key(account, number);
	const struct key_record record = { .account = account,
		.fingerprint = made.fingerprint,
		.blob = { made.blob, made.blob_len },
		.title = "Enscale Demo Key",
		.from = from,
		.options = options,
		.expires = expires };
	struct record_key key = record_key_key(account, made.fingerprint);
	struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	put(fixture, &key, &writer, record_encode_key(&writer, &record));
}

void
view_fixture_put_key(struct view_fixture *fixture, uint32_t account,
    uint32_t number, const char *from, int64_t expires)
{
	put_key(fixture, account, number, from, 0, expires);
}

void
view_fixture_put_options(struct view_fixture *fixture, uint32_t account,
    uint32_t number, uint8_t options)
{
	put_key(fixture, account, number, "", options, 0);
}

void
view_fixture_put_environment(struct view_fixture *fixture, const char *name,
    enum environment_state state, uint32_t owner,
    const struct environment_member *members, uint32_t member_count)
{
	struct record_key key = record_key_environment(name);
	struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	put(fixture, &key, &writer,
	    record_encode_environment(&writer,
	        &(struct environment_fields){ name, state, owner }, members,
	        member_count, NULL, 0));
}

void
view_fixture_put_node(struct view_fixture *fixture, uint32_t node,
    const char *environment, enum environment_state state)
{
	const struct node_record record = { .node = node,
		.environment = environment,
		.address = "198.19.0.18",
		.port = 22,
		.state = state,
		.service_type = "apache",
		.system_user = "apache" };
	struct record_key key = record_key_id(RECORD_NODE, node);
	struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	put(fixture, &key, &writer, record_encode_node(&writer, &record, NULL));
}

void
view_fixture_publish_demo(struct view_fixture *fixture)
{
	static const struct environment_member
	    waterfall[] = { { 21296, ROLE_FULL }, { 25880, ROLE_OWNER } },
	    dust[] = { { 21296, ROLE_OWNER }, { 25880, ROLE_LIMITED } },
	    stopped[] = { { 25880, ROLE_OWNER } };

	view_fixture_begin(fixture, true);
	view_fixture_put_account(fixture, 25880, ACCOUNT_ACTIVE, 0, 0);
	view_fixture_put_account(fixture, 21296, ACCOUNT_ACTIVE, 0, 0);
	view_fixture_put_account(fixture, 30311, ACCOUNT_SUSPENDED, 0, 0);
	view_fixture_put_account(fixture, 40404, ACCOUNT_ACTIVE, 0, 0);
	view_fixture_put_key(fixture, 25880, 0, "", 0);
	view_fixture_put_key(fixture, 25880, 1, "", 0);
	view_fixture_put_key(fixture, 21296, 0, "", 0);
	view_fixture_put_key(fixture, 30311, 0, "", 0);
	view_fixture_put_key(fixture, 40404, 0, "", 0);
	view_fixture_put_environment(fixture, "cool-waterfall-59",
	    ENVIRONMENT_RUNNING, 25880, waterfall, 2);
	view_fixture_put_environment(fixture, "crimson-dust-8",
	    ENVIRONMENT_RUNNING, 21296, dust, 2);
	view_fixture_put_environment(fixture, "env-3344147",
	    ENVIRONMENT_STOPPED, 25880, stopped, 1);
	view_fixture_put_node(fixture, 124718, "cool-waterfall-59",
	    ENVIRONMENT_RUNNING);
	view_fixture_put_node(fixture, 124719, "cool-waterfall-59",
	    ENVIRONMENT_RUNNING);
	view_fixture_put_node(fixture, 136553, "crimson-dust-8",
	    ENVIRONMENT_RUNNING);
	view_fixture_put_node(fixture, 144490, "env-3344147",
	    ENVIRONMENT_RUNNING);
	view_fixture_commit(fixture);
}

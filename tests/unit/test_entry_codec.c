#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "enscale_sync/entry_codec.h"
#include "tests/unit/sync_fixture.h"

static struct sync_fixture f;
static struct wire_writer writer;

static int
make(void **state)
{
	struct entry entry;

	(void)state;
	sync_fixture_make(&f);
	entry = sync_entry(&f, 7, "enscaleAccountId=1,dc=example",
	    "objectClass: enscaleAccount\nenscaleAccountId: 1\n"
	    "enscaleStatus: suspended\ncn: Somebody\n");
	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	entry_encode(&writer, &entry);
	return writer.error;
}

static int
unmake(void **state)
{
	(void)state;
	wire_write_free(&writer);
	sync_fixture_free(&f);
	return 0;
}

static int
decode(const uint8_t *data, size_t len, uint32_t uuid, struct entry *ret_entry)
{
	struct entry_rows rows = { 0 };
	int r = entry_decode((struct bytes){ data, len }, sync_uuid(uuid),
	    &rows, ret_entry);

	entry_rows_free(&rows);
	return r;
}

static void
what_was_written_is_read(void **state)
{
	struct entry entry;

	(void)state;
	assert_int_equal(decode(writer.data, writer.len, 7, &entry), 0);
	assert_int_equal(entry.kind, ENTRY_ACCOUNT);
	assert_int_equal(entry.account.status, ACCOUNT_SUSPENDED);
	assert_string_equal(entry.account.name, "Somebody");
}

/* Written and read in turn, it is the same. */
static void
assert_comes_back(const char *lines)
{
	struct entry_rows rows = { 0 };
	struct wire_writer both;
	struct entry entry = sync_entry(&f, 7, "cn=e,dc=example", lines), read;
	bool same = false;

	writer.len = 0;
	entry_encode(&writer, &entry);
	assert_int_equal(entry_decode((struct bytes){ writer.data, writer.len },
	                     sync_uuid(7), &rows, &read),
	    0);
	assert_int_equal(entry.refused, read.refused);
	wire_write_init_growing(&both, RECORD_SIZE_MAX);
	assert_int_equal(entry_compare(&both, &entry, &read, &same), 0);
	wire_write_free(&both);
	entry_rows_free(&rows);
	assert_true(same);
}

static void
so_are_names_of_accounts(void **state)
{
	struct entry entry;
	size_t len;

	(void)state;
	memcpy(f.schema.names[SCHEMA_ACCOUNT_ID], "uid", sizeof("uid"));
	memcpy(f.schema.names[SCHEMA_FULL_ACCESS], "member", sizeof("member"));
	assert_comes_back("objectClass: enscaleAccount\nuid: 5\nuid: ann\n"
	                  "uid: a.nn\n");
	/* A refused one has names, and nothing else. */
	assert_comes_back("objectClass: enscaleAccount\nuid: ann\nuid: b\n");
	assert_comes_back("objectClass: enscaleEnvironment\ncn: e\nmember: 3\n"
	                  "member: ann\nmember: uid=bob,dc=example\n"
	                  "enscaleOwner: 9\nenscaleLimitedAccess: 4\n");
	len = writer.len;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(decode(writer.data, i, 7, &entry),
		    ENS_E_CORRUPT);
	assert_comes_back("objectClass: enscaleEnvironment\ncn: e\n"
	                  "member: ann\n");
}

static void
no_bit_can_turn_unseen(void **state)
{
	struct entry entry;

	(void)state;
	for (size_t i = 0; i < 8 * writer.len; i++) {
		writer.data[i / 8] ^= (uint8_t)(1U << i % 8);
		assert_int_equal(decode(writer.data, writer.len, 7, &entry),
		    ENS_E_CORRUPT);
		writer.data[i / 8] ^= (uint8_t)(1U << i % 8);
	}
}

static void
no_byte_can_be_missing(void **state)
{
	struct entry entry;

	(void)state;
	for (size_t len = 0; len < writer.len; len++)
		assert_int_equal(decode(writer.data, len, 7, &entry),
		    ENS_E_CORRUPT);
}

static void
it_is_no_other_entry(void **state)
{
	struct entry entry;

	(void)state;
	assert_int_equal(decode(writer.data, writer.len, 8, &entry),
	    ENS_E_CORRUPT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(so_are_names_of_accounts),
		TEST(no_bit_can_turn_unseen),
		TEST(no_byte_can_be_missing),
		TEST(it_is_no_other_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

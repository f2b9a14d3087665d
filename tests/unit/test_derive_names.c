#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "enscale_sync/derive.h"
#include "tests/unit/sync_fixture.h"

/* Groups with as many names as there may be, and more. */

#define SUFFIX "dc=enscale,dc=com"
#define GROUP  1
#define MOST   (ENVIRONMENT_MEMBERS_MAX + 5)

static struct sync_fixture f;

/* What was put: of the group whom it lets in, and who has it in his list. */
static struct {
	bool in_group[MOST + 1], in_own[MOST + 1];
	uint32_t in_group_count, in_own_count;
	uint64_t left_out;
} seen;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	return 0;
}

static void
see_members(const struct record_key *key, struct bytes record)
{
	struct environment_record environment;

	assert_int_equal(record_decode_environment(record, key, &environment),
	    0);
	for (uint32_t i = 1; i <= MOST; i++)
		seen.in_group[i] = environment_record_role(&environment, i) !=
		    ROLE_NONE;
	seen.in_group_count = environment.member_count;
}

static int
see(void *arg, const struct record_key *key, struct bytes record)
{
	struct account_environments_record environments;

	(void)arg;
	if (key->data[0] == RECORD_ENVIRONMENT)
		see_members(key, record);
	if (key->data[0] != RECORD_ENVIRONMENTS)
		return 0;
	assert_int_equal(record_decode_environments(record, key, &environments),
	    0);
	assert_int_equal(environments.count, 1);
	seen.in_own[environments.account] = true;
	seen.in_own_count++;
	return 0;
}

static int
see_excess(void *arg, const struct record_key *subject,
    const struct derive_excess *excess)
{
	(void)arg;
	(void)subject;
	seen.left_out += excess->left_out;
	return 0;
}

static void
derive_everything(void)
{
	struct derive *derive;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(
	    derive_new(f.state, NULL, see, see_excess, NULL, &derive), 0);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(derive_all(derive), 0);
	state_end(f.state);
	derive_free(derive);
}

static struct ldap_dn_hash
name_of(uint32_t number)
{
	struct ldap_dn_hash name;
	char text[16];
	int len = snprintf(text, sizeof(text), "p%u", number);

	assert_int_equal(ldap_dn_hash_word(text, (size_t)len, &name), 0);
	return name;
}

static void
put_accounts(uint32_t count)
{
	struct ldap_dn_hash name;
	char dn[64], lines[64];

	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 1; i <= count; i++) {
		struct entry entry;

		(void)snprintf(dn, sizeof(dn), "uid=%u," SUFFIX, i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", i);
		entry = sync_entry(&f, GROUP + i, dn, lines);
		name = name_of(i);
		entry.account.names = &name;
		entry.account.name_count = 1;
		assert_int_equal(state_put(f.state, &entry, true), 0);
	}
	assert_int_equal(state_commit(f.state), 0);
}

static int
compare(const void *a, const void *b)
{
	return entry_member_compare(a, b);
}

/* From one number to another by name; the owner is listed by his number. */
static void
put_group(uint32_t from, uint32_t to, uint32_t owner)
{
	static struct entry_member rows[2 * MOST];
	struct entry entry = sync_entry(&f, GROUP, "cn=g," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: g\n");
	uint32_t count = 0;

	for (uint32_t i = from; i <= to; i++)
		rows[count++] = (struct entry_member){ .role = ROLE_FULL,
			.name = name_of(i) };
	if (owner != 0)
		rows[count++] = (struct entry_member){ .account = owner,
			.role = ROLE_OWNER };
	qsort(rows, count, sizeof(rows[0]), compare);
	entry.environment.members = rows;
	entry.environment.member_count = count;
	entry.environment.owner = owner;
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_put(f.state, &entry, true), 0);
	assert_int_equal(state_commit(f.state), 0);
}

/* Most people of a large group have no account. */
static void
a_group_may_have_more_names_than_may_enter_it(void **state)
{
	(void)state;
	put_accounts(7);
	put_group(1, 2 * ENVIRONMENT_MEMBERS_MAX, 0);
	derive_everything();
	assert_int_equal(seen.in_group_count, 7);
	assert_int_equal(seen.in_own_count, 7);
	assert_int_equal(seen.left_out, 0);
}

static void
of_too_many_by_name_the_lowest_and_the_owner_may_enter(void **state)
{
	(void)state;
	put_accounts(MOST);
	put_group(1, MOST, MOST - 1);
	derive_everything();
	assert_int_equal(seen.in_group_count, ENVIRONMENT_MEMBERS_MAX);
	assert_int_equal(seen.in_own_count, ENVIRONMENT_MEMBERS_MAX);
	assert_memory_equal(seen.in_group, seen.in_own, sizeof(seen.in_own));
	assert_true(seen.in_group[MOST - 1]);
	assert_true(seen.in_group[ENVIRONMENT_MEMBERS_MAX - 1]);
	assert_false(seen.in_group[ENVIRONMENT_MEMBERS_MAX]);
	assert_int_equal(seen.left_out, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_may_have_more_names_than_may_enter_it),
		TEST(of_too_many_by_name_the_lowest_and_the_owner_may_enter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/wire.h"
#include "enscale_sync/entry_codec.h"
#include "enscale_sync/rights.h"
#include "tests/unit/sync_fixture.h"

static struct sync_fixture f;

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

/* What lines ours say, and theirs: by what do theirs grant more? */
static void
assert_widened(const char *what, const char *ours, const char *theirs)
{
	AUTO(wire_write_free) struct wire_writer copy;
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry a = sync_entry(&f, 1, "cn=x,dc=test", ours), b;
	const char *found;

	wire_write_init_growing(&copy, RECORD_SIZE_MAX);
	entry_encode(&copy, &a);
	assert_int_equal(entry_decode((struct bytes){ copy.data, copy.len },
	                     a.uuid, &rows, &a),
	    0);
	b = sync_entry(&f, 1, "cn=x,dc=test", theirs);
	found = rights_widened(&a, &b);
	if (what == NULL)
		assert_null(found);
	else
		assert_string_equal(found, what);
}

/* By one and not by the other way round. */
static void
assert_only_widened(const char *what, const char *ours, const char *theirs)
{
	assert_widened(what, ours, theirs);
	assert_widened(NULL, theirs, ours);
}

#define ACCOUNT     "objectClass: enscaleAccount\nenscaleAccountId: 7\n"
#define KEY         "objectClass: enscaleKey\n"
#define ENVIRONMENT "objectClass: enscaleEnvironment\ncn: env-1\n"
#define NODE                                           \
	"objectClass: enscaleNode\nenscaleNodeId: 5\n" \
	"enscaleSystemUser: apache\n"
#define PLACE NODE "ipHostNumber: 10.0.0.1\n"

static const char *
with_key(const char *lines, const char *options, uint32_t number)
{
	static char buffers[16][512];
	static unsigned int turn;
	char *buffer = buffers[turn++ % 16];

	(void)snprintf(buffer, sizeof(buffers[0]), "%ssshPublicKey: %s%s\n",
	    lines, options, sync_key(number));
	return buffer;
}

static void
an_account_that_is_the_same_grants_no_more(void **state)
{
	(void)state;
	assert_widened(NULL, ACCOUNT, ACCOUNT);
	assert_widened(NULL, ACCOUNT "enscaleStatus: active\n", ACCOUNT);
	assert_widened(NULL, ACCOUNT "cn: Ann\n", ACCOUNT "cn: Bea\n");
}

static void
an_account_grants_more_without_its_limits(void **state)
{
	(void)state;
	assert_only_widened("enscaleStatus",
	    ACCOUNT "enscaleStatus: suspended\n", ACCOUNT);
	assert_only_widened("enscaleExpires",
	    ACCOUNT "enscaleExpires: 20200101000000Z\n", ACCOUNT);
	assert_only_widened("enscaleExpires",
	    ACCOUNT "enscaleExpires: 20200101000000Z\n",
	    ACCOUNT "enscaleExpires: 20200101000001Z\n");
	assert_only_widened("enscaleMaxSessions",
	    ACCOUNT "enscaleMaxSessions: 2\n", ACCOUNT);
	assert_only_widened("enscaleMaxSessions",
	    ACCOUNT "enscaleMaxSessions: 2\n",
	    ACCOUNT "enscaleMaxSessions: 3\n");
}

static void
another_number_is_another_account_or_node(void **state)
{
	(void)state;
	assert_widened("enscaleAccountId", ACCOUNT,
	    "objectClass: enscaleAccount\nenscaleAccountId: 8\n");
	assert_widened("enscaleNodeId", PLACE,
	    "objectClass: enscaleNode\nenscaleNodeId: 6\n"
	    "enscaleSystemUser: apache\nipHostNumber: 10.0.0.1\n");
}

static void
a_key_on_an_account_that_was_not_there_is_more(void **state)
{
	const char *two = with_key(with_key(ACCOUNT, "", 1), "", 2);

	(void)state;
	assert_only_widened("sshPublicKey", ACCOUNT, with_key(ACCOUNT, "", 1));
	assert_only_widened("sshPublicKey", with_key(ACCOUNT, "", 2), two);
	assert_widened("sshPublicKey", with_key(ACCOUNT, "", 1),
	    with_key(ACCOUNT, "", 2));
	assert_widened(NULL, two, two);
	assert_only_widened("sshPublicKey",
	    with_key(ACCOUNT, "from=\"10.0.0.1\" ", 1),
	    with_key(ACCOUNT, "", 1));
}

static void
a_key_grants_more_without_its_limits(void **state)
{
	const char *plain = with_key(KEY, "", 1);

	(void)state;
	assert_widened(NULL, plain, plain);
	assert_only_widened("sshPublicKey",
	    with_key(KEY, "from=\"10.0.0.1\" ", 1), plain);
	assert_widened(NULL, with_key(KEY, "from=\"10.0.0.1,10.0.0.2\" ", 1),
	    with_key(KEY, "from=\"10.0.0.2,10.0.0.1\" ", 1));
	assert_widened("sshPublicKey", with_key(KEY, "from=\"10.0.0.1\" ", 1),
	    with_key(KEY, "from=\"10.0.0.2\" ", 1));
	assert_only_widened("sshPublicKey", with_key(KEY, "no-pty ", 1), plain);
	assert_only_widened("sshPublicKey", with_key(KEY, "restrict ", 1),
	    with_key(KEY, "no-pty ", 1));
	assert_only_widened("enscaleExpires",
	    with_key(KEY "enscaleExpires: 20200101000000Z\n", "", 1), plain);
	assert_widened("sshPublicKey", plain, with_key(KEY, "", 2));
}

static void
an_environment_grants_more_where_it_runs_or_a_role_rises(void **state)
{
	(void)state;
	assert_only_widened("enscaleState",
	    ENVIRONMENT "enscaleState: stopped\n", ENVIRONMENT);
	assert_only_widened("enscaleFullAccess", ENVIRONMENT,
	    ENVIRONMENT "enscaleFullAccess: 3\n");
	assert_only_widened("enscaleOwner",
	    ENVIRONMENT "enscaleFullAccess: 3\n",
	    ENVIRONMENT "enscaleOwner: 3\n");
	assert_only_widened("enscaleLimitedAccess",
	    ENVIRONMENT "enscaleFullAccess: 3\nenscaleLimitedAccess: 3\n",
	    ENVIRONMENT "enscaleFullAccess: 3\n");
	assert_only_widened("enscaleFullAccess",
	    ENVIRONMENT "enscaleFullAccess: 3\n",
	    ENVIRONMENT "enscaleFullAccess: 2\nenscaleFullAccess: 3\n"
	                "enscaleFullAccess: 4\n");
	assert_widened(NULL, ENVIRONMENT "enscaleState: stopped\n",
	    ENVIRONMENT "enscaleState: sleeping\n");
}

static void
a_node_that_runs_or_leads_elsewhere_is_more(void **state)
{
	(void)state;
	assert_widened(NULL, PLACE, PLACE "enscaleServiceType: Apache\n");
	assert_only_widened("enscaleState", PLACE "enscaleState: stopped\n",
	    PLACE);
	assert_widened("ipHostNumber", PLACE, NODE "ipHostNumber: 10.0.0.2\n");
	assert_widened("enscalePort", PLACE "enscalePort: 2222\n", PLACE);
	assert_widened("enscaleSystemUser", PLACE,
	    "objectClass: enscaleNode\nenscaleNodeId: 5\n"
	    "enscaleSystemUser: mysql\nipHostNumber: 10.0.0.1\n");
}

static void
a_host_key_that_was_not_there_is_more(void **state)
{
	char lines[512];

	(void)state;
	(void)snprintf(lines, sizeof(lines), PLACE "enscaleHostKey: %s\n",
	    sync_key(1));
	assert_only_widened("enscaleHostKey", PLACE, lines);
}

static void
what_was_refused_is_more_and_what_is_refused_is_not(void **state)
{
	(void)state;
	assert_only_widened("what was refused of it",
	    ACCOUNT "enscaleStatus: asleep\n", ACCOUNT);
	assert_widened("objectClass", with_key(KEY, "", 1), ACCOUNT);
}

/* What is left of ours beside theirs; NULL: nothing of a key. */
static void
assert_lessened(const char *left, const char *ours, const char *theirs)
{
	AUTO(wire_write_free) struct wire_writer copy;
	AUTO(wire_write_free) struct wire_writer scratch;
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry a = sync_entry(&f, 1, "cn=x,dc=test", ours), b;
	bool same;

	wire_write_init_growing(&copy, RECORD_SIZE_MAX);
	wire_write_init_growing(&scratch, 2 * RECORD_SIZE_MAX);
	entry_encode(&copy, &a);
	assert_int_equal(entry_decode((struct bytes){ copy.data, copy.len },
	                     a.uuid, &rows, &a),
	    0);
	b = sync_entry(&f, 1, "cn=x,dc=test", theirs);
	assert_int_equal(rights_lessen(&a, &rows, &b), left != NULL);
	/* It is never more than it was. */
	b = sync_entry(&f, 1, "cn=x,dc=test", ours);
	assert_null(rights_widened(&b, &a));
	b = sync_entry(&f, 1, "cn=x,dc=test", left != NULL ? left : ours);
	assert_int_equal(entry_compare(&scratch, &a, &b, &same), 0);
	if (!same)
		fail_msg("%s is not what is left of %s", left, ours);
}

static void
what_is_as_little_as_both_has_the_stricter_limit_of_each(void **state)
{
	const char *two = with_key(with_key(ACCOUNT, "", 1), "", 2);

	(void)state;
	assert_lessened(ACCOUNT
	    "enscaleStatus: suspended\nenscaleMaxSessions: 2\n",
	    ACCOUNT "enscaleMaxSessions: 2\n",
	    ACCOUNT "enscaleStatus: suspended\nenscaleMaxSessions: 9\n");
	assert_lessened(ACCOUNT "enscaleStatus: suspended\n"
	                        "enscaleExpires: 20200101000000Z\n",
	    ACCOUNT "enscaleStatus: suspended\n",
	    ACCOUNT "enscaleExpires: 20200101000000Z\ncn: Ann\n");
	/* A key that theirs does not have stays, and one of its own waits. */
	assert_lessened(
	    with_key(with_key(ACCOUNT, "", 1), "from=\"10.0.0.1\" ", 2), two,
	    with_key(with_key(ACCOUNT, "", 3), "from=\"10.0.0.1\" ", 2));
	assert_lessened(with_key(ACCOUNT, "", 1),
	    with_key(with_key(ACCOUNT, "", 1), "from=\"10.0.0.1\" ", 2),
	    with_key(ACCOUNT, "from=\"10.0.0.2\" ", 2));
	assert_lessened(with_key(KEY "enscaleExpires: 20200101000000Z\n",
	                    "no-pty,from=\"10.0.0.1\" ", 1),
	    with_key(KEY, "no-pty,from=\"10.0.0.1,10.0.0.2\" ", 1),
	    with_key(KEY "enscaleExpires: 20200101000000Z\n",
	        "from=\"10.0.0.1\" ", 1));
	assert_lessened(NULL, with_key(KEY, "from=\"10.0.0.1\" ", 1),
	    with_key(KEY, "from=\"10.0.0.2\" ", 1));
	assert_lessened(with_key(KEY, "", 1), with_key(KEY, "", 1),
	    with_key(KEY, "no-pty ", 2));
	assert_lessened(PLACE "enscaleState: stopped\n", PLACE,
	    PLACE "enscaleServiceType: web\nenscaleState: stopped\n");
	assert_lessened(ACCOUNT, ACCOUNT, ACCOUNT "enscaleStatus: asleep\n");
}

static void
of_two_roles_the_lower_one_is_left(void **state)
{
	(void)state;
	assert_lessened(ENVIRONMENT "enscaleFullAccess: 1\n"
	                            "enscaleFullAccess: 3\n"
	                            "enscaleLimitedAccess: 2\n"
	                            "enscaleState: stopped\n",
	    ENVIRONMENT "enscaleOwner: 1\nenscaleFullAccess: 2\n"
	                "enscaleFullAccess: 3\n",
	    ENVIRONMENT "enscaleOwner: 4\nenscaleFullAccess: 1\n"
	                "enscaleLimitedAccess: 2\nenscaleState: stopped\n");
	assert_lessened(ENVIRONMENT "enscaleLimitedAccess: 1\n",
	    ENVIRONMENT "enscaleLimitedAccess: 1\n",
	    ENVIRONMENT "enscaleOwner: 1\n");
}

static void
each_limit_is_known_by_whose_it_is(void **state)
{
	struct entry entry = sync_entry(&f, 1, "cn=x,dc=test",
	    ACCOUNT "enscaleStatus: suspended\nenscaleMaxSessions: 1\n");

	(void)state;
	assert_true(rights_has_limit(&entry, RIGHTS_SUSPENSION));
	assert_false(rights_has_limit(&entry, RIGHTS_ACCOUNT_EXPIRY));
	assert_true(rights_has_limit(&entry, RIGHTS_SESSIONS));
	assert_false(rights_has_limit(&entry, RIGHTS_FROM));
	entry = sync_entry(&f, 1, "cn=x,dc=test",
	    with_key(KEY "enscaleExpires: 20200101000000Z\n",
	        "from=\"10.0.0.1\" ", 1));
	assert_true(rights_has_limit(&entry, RIGHTS_FROM));
	assert_true(rights_has_limit(&entry, RIGHTS_KEY_EXPIRY));
	assert_false(rights_has_limit(&entry, RIGHTS_ACCOUNT_EXPIRY));
}

static void
the_state_counts_who_has_a_limit(void **state)
{
	(void)state;
	sync_complete(&f);
	sync_put(&f, 1, "enscaleAccountId=7,dc=test",
	    ACCOUNT "enscaleStatus: suspended\n");
	sync_put(&f, 1, "enscaleAccountId=7,dc=test",
	    ACCOUNT "enscaleStatus: suspended\ncn: Ann\n");
	assert_int_equal(state_info(f.state)->limits[RIGHTS_SUSPENSION], 1);
	sync_fixture_reopen(&f);
	assert_int_equal(state_info(f.state)->limits[RIGHTS_SUSPENSION], 1);
	sync_put(&f, 1, "enscaleAccountId=7,dc=test", ACCOUNT);
	assert_int_equal(state_info(f.state)->limits[RIGHTS_SUSPENSION], 0);
	sync_put(&f, 1, "enscaleAccountId=7,dc=test",
	    ACCOUNT "enscaleStatus: suspended\n");
	sync_delete(&f, 1);
	assert_int_equal(state_info(f.state)->limits[RIGHTS_SUSPENSION], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_that_is_the_same_grants_no_more),
		TEST(an_account_grants_more_without_its_limits),
		TEST(another_number_is_another_account_or_node),
		TEST(a_key_on_an_account_that_was_not_there_is_more),
		TEST(a_key_grants_more_without_its_limits),
		TEST(an_environment_grants_more_where_it_runs_or_a_role_rises),
		TEST(a_node_that_runs_or_leads_elsewhere_is_more),
		TEST(a_host_key_that_was_not_there_is_more),
		TEST(what_was_refused_is_more_and_what_is_refused_is_not),
		TEST(what_is_as_little_as_both_has_the_stricter_limit_of_each),
		TEST(of_two_roles_the_lower_one_is_left),
		TEST(each_limit_is_known_by_whose_it_is),
		TEST(the_state_counts_who_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

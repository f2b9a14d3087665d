/* What each uid may use of the guard (enscale_guard/admission.c). */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enscale_guard/admission.h"

#define UID       1879048192U
#define NEIGHBOUR (UID + ADMISSION_BUCKETS) /* in the same list */

static struct admission admission;

static int
begin(void **state)
{
	(void)state;
	admission_init(&admission, UINT32_MAX);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	admission_clear(&admission);
	return 0;
}

static struct client *
enter(uid_t uid)
{
	struct client *client = admission_enter(&admission, uid);

	assert_non_null(client);
	return client;
}

static void
one_uid_cannot_take_the_connections_of_others(void **state)
{
	struct client *client = NULL;

	(void)state;
	for (uint32_t i = 0; i < ADMISSION_UID_CONNECTIONS; i++)
		client = enter(UID);
	assert_null(admission_enter(&admission, UID));
	enter(NEIGHBOUR);
	admission_leave(&admission, client);
	enter(UID);
	assert_null(admission_enter(&admission, UID));
}

static void
all_together_have_no_more_than_the_process_has(void **state)
{
	struct client *first;

	(void)state;
	admission_init(&admission, 2);
	first = enter(UID);
	enter(UID + 1);
	assert_null(admission_enter(&admission, UID + 2));
	admission_leave(&admission, first);
	enter(UID + 2);
}

static void
root_has_places_that_others_cannot_take(void **state)
{
	(void)state;
	admission_init(&admission, 6);
	admission_keep_for_root(&admission, 2, 1);
	enter(UID);
	enter(UID);
	assert_null(admission_enter(&admission, UID));
	enter(NEIGHBOUR);
	enter(NEIGHBOUR);
	enter(UID + 1);
	assert_null(admission_enter(&admission, UID + 2));
	enter(0);
	assert_null(admission_enter(&admission, 0)); /* all are taken */
}

static void
root_is_limited_by_all_places_where_some_are_kept_for_it(void **state)
{
	(void)state;
	admission_init(&admission, 6);
	admission_keep_for_root(&admission, 2, 1);
	for (int i = 0; i < 6; i++)
		enter(0);
	assert_null(admission_enter(&admission, 0));
}

static void
the_limit_is_never_above_the_guards_own(void **state)
{
	(void)state;
	assert_int_equal(admission.limit, ADMISSION_TOTAL_CONNECTIONS);
}

static void
requests_are_limited_by_what_they_cost(void **state)
{
	struct client *client = enter(UID), *other = enter(NEIGHBOUR);

	(void)state;
	assert_true(admission_charge(client, ADMISSION_BURST - 1));
	assert_false(admission_charge(client, ADMISSION_BURST / 2));
	assert_true(admission_charge(other, ADMISSION_BURST / 2));
	/* What is too much takes nothing. */
	client->bucket.fill = 2 * BUCKET_SECOND;
	client->bucket.at = bucket_now() + BUCKET_SECOND;
	assert_false(admission_charge(client, ADMISSION_COST_REFUSED));
	assert_true(client->bucket.fill >= 2 * BUCKET_SECOND);
}

static void
points_come_back_at_the_rate_and_up_to_the_burst(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, ADMISSION_RATE, ADMISSION_BURST, 1000);
	assert_true(bucket_take(&bucket, ADMISSION_BURST, 1000));
	assert_false(
	    bucket_take(&bucket, ADMISSION_RATE, 1000 + BUCKET_SECOND - 1));
	assert_true(bucket_take(&bucket, ADMISSION_RATE, 1000 + BUCKET_SECOND));
	/* a long time, and a clock that goes back */
	assert_true(bucket_take(&bucket, ADMISSION_BURST, UINT64_MAX));
	assert_false(bucket_take(&bucket, 1, UINT64_MAX));
	assert_false(bucket_take(&bucket, 1, 0));
}

static void
connecting_anew_gives_no_points_back(void **state)
{
	struct client *client = enter(UID);

	(void)state;
	assert_true(admission_charge(client, ADMISSION_BURST - 2));
	admission_leave(&admission, client);
	admission_prune(&admission);
	client = enter(UID);
	assert_false(admission_charge(client, ADMISSION_BURST / 2));
}

static void
who_has_no_connection_and_all_points_is_forgotten(void **state)
{
	struct client *client = enter(UID), *open = enter(NEIGHBOUR);

	(void)state;
	client->bucket.fill = open->bucket.fill = ADMISSION_BURST *
	    BUCKET_SECOND;
	admission_leave(&admission, client);
	admission_prune(&admission);
	assert_ptr_equal(
	    LIST_FIRST(&admission.clients[UID % ADMISSION_BUCKETS]), open);
	assert_null(LIST_NEXT(open, all));
	assert_int_equal(admission.connections, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_uid_cannot_take_the_connections_of_others, begin, end),
		cmocka_unit_test_setup_teardown(
		    all_together_have_no_more_than_the_process_has, begin, end),
		cmocka_unit_test_setup_teardown(
		    root_has_places_that_others_cannot_take, begin, end),
		cmocka_unit_test_setup_teardown(
		    root_is_limited_by_all_places_where_some_are_kept_for_it,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    the_limit_is_never_above_the_guards_own, begin, end),
		cmocka_unit_test_setup_teardown(
		    requests_are_limited_by_what_they_cost, begin, end),
		cmocka_unit_test_setup_teardown(
		    points_come_back_at_the_rate_and_up_to_the_burst, begin,
		    end),
		cmocka_unit_test_setup_teardown(
		    connecting_anew_gives_no_points_back, begin, end),
		cmocka_unit_test_setup_teardown(
		    who_has_no_connection_and_all_points_is_forgotten, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

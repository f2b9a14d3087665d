#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/account_map.h"
#include "common/errors.h"
#include "common/view.h"
#include "enscale_sync/publish.h"
#include "tests/unit/surroundings.h"
#include "tests/unit/sync_fixture.h"

#define NOW           1763850000
#define SUFFIX        "dc=enscale,dc=com"
#define ACCOUNT_DN(n) "enscaleAccountId=" n ",ou=accounts," SUFFIX
#define KEY_DN(k, n)  "cn=" k "," ACCOUNT_DN(n)
#define ACCOUNT(n)    "objectClass: enscaleAccount\nenscaleAccountId: " n "\n"

static struct sync_fixture f;
static struct config config;
static struct publisher *publisher;

static void
open_publisher(void)
{
	const char *what;

	assert_int_equal(publisher_open(&config, f.state, &publisher, &what),
	    0);
}

/* Runs a command in the folder of the test. */
static void
shell(const char *what)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cd %s && %s", f.root, what);
	assert_int_equal(system(command), 0);
}

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	config_init(&config);
	memcpy(config.state_dir, f.root, sizeof(f.root));
	memcpy(config.run_dir, f.root, sizeof(f.root));
	shell("mkdir view map guard");
	open_publisher();
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	publisher_close(publisher);
	publisher = NULL;
	sync_fixture_free(&f);
	return 0;
}

/* As after an end of the process at this moment. */
static void
restart(void)
{
	publisher_close(publisher);
	sync_fixture_reopen(&f);
	open_publisher();
}

static struct published
publish(int64_t as_of)
{
	struct published published;

	assert_int_equal(publisher_publish(publisher, as_of, &published), 0);
	return published;
}

static void
put_account(uint32_t id, const char *more)
{
	char dn[128], lines[256];

	(void)snprintf(dn, sizeof(dn), ACCOUNT_DN("%u"), id);
	(void)snprintf(lines, sizeof(lines), ACCOUNT("%u") "%s", id, more);
	sync_put(&f, id, dn, lines);
}

static int
look(uint32_t id)
{
	struct account_record account;
	struct view *view;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	r = view_open(path, &view);
	if (r != 0)
		return r;
	r = view_find_account(view, id, &account);
	view_close(view);
	return r;
}

static bool
on_map(uint32_t id)
{
	const struct account_map *map;
	char path[128];
	bool has;

	(void)snprintf(path, sizeof(path), "%s/map/accounts.map", f.root);
	assert_int_equal(account_map_open(path, &map), 0);
	has = account_map_has(map, id);
	account_map_close(map);
	return has;
}

static void
nothing_is_published_before_the_first_refresh_is_complete(void **state)
{
	(void)state;
	put_account(1, "");
	assert_false(publisher_is_behind(publisher));
	assert_int_equal(publish(NOW).records, 0);
	assert_int_equal(look(1), ENS_E_VIEW);
	assert_false(publisher_is_ready(publisher));
}

static void
the_first_publication_holds_everything(void **state)
{
	struct published published;

	(void)state;
	put_account(1, "");
	put_account(2, "");
	sync_complete(&f);
	assert_true(publisher_is_behind(publisher));
	published = publish(NOW);
	assert_true(published.base);
	assert_int_equal(published.records, 2);
	assert_true(publisher_is_ready(publisher));
	assert_false(publisher_is_behind(publisher));
	assert_int_equal(look(1), 0);
	assert_int_equal(look(3), ENS_E_NOTFOUND);
	assert_true(on_map(1) && on_map(2));
	assert_false(on_map(3));
	assert_int_equal(publisher_as_of(publisher), NOW);
}

static void
an_empty_directory_is_published_as_well(void **state)
{
	(void)state;
	sync_complete(&f);
	assert_true(publish(NOW).base);
	assert_int_equal(look(1), ENS_E_NOTFOUND);
	assert_true(publisher_is_ready(publisher));
}

static void
a_change_publishes_what_changed_and_no_more(void **state)
{
	struct published published;

	(void)state;
	for (uint32_t i = 1; i <= 50; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	put_account(7, "enscaleStatus: suspended\n");
	put_account(51, "");
	sync_delete(&f, 9);
	published = publish(NOW + 1);
	assert_false(published.base);
	assert_int_equal(published.records, 3);
	assert_int_equal(look(9), ENS_E_NOTFOUND);
	assert_int_equal(look(8), 0);
	assert_int_equal(look(51), 0);
	assert_true(on_map(7) && on_map(51) && on_map(8));
	assert_false(on_map(9));
}

static void
a_change_that_no_record_shows_is_not_published(void **state)
{
	uint64_t generation;

	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	generation = publisher_generation(publisher);
	put_account(1, "entryCSN: 20251122225400.123456Z#000000#001#000000\n");
	assert_true(publisher_is_behind(publisher));
	assert_int_equal(publish(NOW + 1).records, 0);
	assert_true(publisher_is_ready(publisher));
	assert_int_equal(publisher_generation(publisher), generation);
	/* And the view tells its age with the new generation. */
	assert_int_equal(publisher_touch(publisher, NOW + 60), 0);
	assert_int_equal(publisher_generation(publisher),
	    state_info(f.state)->generation);
	assert_int_equal(publisher_as_of(publisher), NOW + 60);
	/* The clock was put back: no view is of the future. */
	assert_int_equal(publisher_touch(publisher, NOW), 0);
	assert_int_equal(publisher_as_of(publisher), NOW);
}

static void
a_deleted_key_is_in_no_record_any_more(void **state)
{
	char lines[256], path[128];
	struct account_keys_record keys;
	struct view *view;
	uint8_t fingerprint[SHA256_LEN];
	struct key_record key;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	put_account(1, "");
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(1));
	sync_put(&f, 11, KEY_DN("a", "1"), lines);
	sync_complete(&f);
	(void)publish(NOW);
	assert_int_equal(view_open(path, &view), 0);
	assert_int_equal(view_find_account_keys(view, 1, &keys), 0);
	memcpy(fingerprint, keys.fingerprints, SHA256_LEN);
	assert_int_equal(view_find_key(view, 1, fingerprint, &key), 0);
	view_close(view);
	sync_delete(&f, 11);
	assert_int_equal(publish(NOW).records, 2);
	assert_int_equal(view_open(path, &view), 0);
	assert_int_equal(view_find_account_keys(view, 1, &keys),
	    ENS_E_NOTFOUND);
	assert_int_equal(view_find_key(view, 1, fingerprint, &key),
	    ENS_E_NOTFOUND);
	view_close(view);
}

static void
what_was_not_published_before_the_end_is_published_after_it(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 50; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	put_account(51, "");
	sync_delete(&f, 1);
	restart();
	assert_true(publisher_is_behind(publisher));
	assert_false(publish(0).base);
	assert_int_equal(look(51), 0);
	assert_int_equal(look(1), ENS_E_NOTFOUND);
	assert_true(on_map(51));
	assert_false(on_map(1));
	/* It did not come from the directory just now. */
	assert_int_equal(publisher_as_of(publisher), NOW);
}

static void
a_restart_with_nothing_to_do_is_ready_after_comparing_the_map(void **state)
{
	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	restart();
	assert_false(publisher_is_ready(publisher));
	assert_int_equal(publish(0).records, 0);
	assert_true(publisher_is_ready(publisher));
}

static void
a_lost_view_is_published_anew(void **state)
{
	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	publisher_close(publisher);
	shell("rm view/*");
	open_publisher();
	assert_true(publish(NOW).base);
	assert_int_equal(look(1), 0);
}

/* A change is seen before it is durable: a power failure may leave the
 * segment's name and size, and nothing in it. */
static void
a_change_that_a_power_failure_emptied_is_published_again(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 400; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	sync_delete(&f, 7);
	assert_false(publish(NOW).base);
	assert_false(publisher_is_durable(publisher));
	shell(
	    "n=$(sed -n 's/^segment \\([^ ]*\\).*/\\1/p' view/manifest | head -1)"
	    " && s=$(stat -c %s view/$n) && truncate -s 0 view/$n"
	    " && truncate -s $s view/$n");
	restart();
	assert_int_equal(look(7), 0);
	assert_int_equal(publish(0).records, 1);
	assert_int_equal(look(7), ENS_E_NOTFOUND);
	assert_true(publisher_is_ready(publisher));
	assert_int_equal(publisher_settle(publisher), 0);
	assert_true(publisher_is_durable(publisher));
}

static void
a_view_that_is_distrusted_serves_until_another_replaces_it(void **state)
{
	uint64_t generation;

	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	generation = publisher_generation(publisher);
	publisher_distrust(publisher);
	assert_true(publisher_is_behind(publisher));
	assert_int_equal(look(1), 0);
	assert_true(publish(NOW).base);
	assert_int_equal(look(1), 0);
	assert_true(publisher_generation(publisher) > generation);
	assert_true(publisher_is_ready(publisher));
}

static void
a_lost_map_is_made_anew(void **state)
{
	(void)state;
	put_account(1, "");
	put_account(300000, "");
	sync_complete(&f);
	(void)publish(NOW);
	publisher_close(publisher);
	shell("rm map/*");
	open_publisher();
	assert_false(on_map(1));
	(void)publish(0);
	assert_true(on_map(1) && on_map(300000));
}

static void
a_map_with_too_much_on_it_is_put_right(void **state)
{
	struct account_map_writer *map;
	char path[128];
	bool replaced;

	(void)state;
	put_account(5, "");
	sync_complete(&f);
	publisher_close(publisher);
	(void)snprintf(path, sizeof(path), "%s/map/accounts.map", f.root);
	assert_int_equal(
	    account_map_create(path, config.uid_base, 0, &map, &replaced), 0);
	assert_int_equal(account_map_set(map, 4, true), 0);
	assert_int_equal(account_map_set(map, 6, true), 0);
	assert_int_equal(account_map_set(map, 400000, true), 0);
	account_map_writer_close(map);
	open_publisher();
	(void)publish(NOW);
	assert_true(on_map(5));
	assert_false(on_map(4) || on_map(6) || on_map(400000));
}

static void
the_view_of_a_lost_state_serves_until_the_new_one_is_complete(void **state)
{
	uint64_t generation;

	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	put_account(2, "");
	(void)publish(NOW);
	generation = publisher_generation(publisher);
	publisher_close(publisher);
	state_close(f.state);
	f.state = NULL;
	shell("rm state/state.mdb");
	sync_fixture_reopen(&f);
	open_publisher();
	put_account(1, "");
	assert_int_equal(publish(NOW).records, 0);
	assert_int_equal(look(2), 0);
	assert_false(publisher_is_ready(publisher));
	sync_complete(&f);
	assert_true(publish(NOW + 1).base);
	assert_int_equal(look(1), 0);
	assert_int_equal(look(2), ENS_E_NOTFOUND);
	assert_true(publisher_generation(publisher) > generation);
	assert_true(on_map(1));
	assert_false(on_map(2));
}

static void
an_older_view_that_was_put_back_is_replaced(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 50; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	shell("cp -a view old");
	sync_delete(&f, 7);
	(void)publish(NOW);
	/* Published, and forgotten with the next change. */
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_purge(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	publisher_close(publisher);
	shell("rm -r view && mv old view");
	open_publisher();
	assert_int_equal(look(7), 0);
	assert_true(publish(NOW).base);
	assert_int_equal(look(7), ENS_E_NOTFOUND);
}

static void
the_guard_is_told_of_each_publication(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char byte;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)state;
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
	    "%s/" CONFIG_NOTIFY_SOCKET, f.root);
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW); /* nobody listens yet */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	put_account(2, "");
	(void)publish(NOW);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	put_account(2, "");
	(void)publish(NOW);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	close(fd);
}

static void
a_long_publication_is_no_hanging_loop(void **state)
{
	int fd = listen_as_supervisor();
	char text[64];
	ssize_t n;

	(void)state;
	for (uint32_t i = 1; i <= 20000; i++)
		put_account(i, "");
	sync_complete(&f);
	assert_int_equal(publish(NOW).records, 20000);
	n = recv(fd, text, sizeof(text), 0);
	assert_int_equal(n, strlen("WATCHDOG=1"));
	assert_memory_equal(text, "WATCHDOG=1", (size_t)n);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(close(fd), 0);
}

/* ---- limits ------------------------------------------------------------ */

static char excess_text[256];

static int
see_excess(const char *dn, const char *text, void *arg)
{
	uint32_t *count = arg;

	(void)snprintf(excess_text, sizeof(excess_text), "%s: %s", dn, text);
	++*count;
	return 0;
}

/* How many subjects are over a limit, as whoever asks is told. */
static uint32_t
count_excess(void)
{
	uint32_t count = 0;

	excess_text[0] = '\0';
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_excess(f.state, see_excess, &count), 0);
	assert_int_equal(state_excess_count(f.state), count);
	state_end(f.state);
	return count;
}

static void
put_keys(uint32_t count)
{
	char dn[128], lines[256];
	struct entry entry;

	put_account(1, "");
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 0; i < count; i++) {
		(void)snprintf(dn, sizeof(dn), KEY_DN("%u", "1"), i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(i));
		entry = sync_entry(&f, 100 + i, dn, lines);
		assert_int_equal(state_put(f.state, &entry, true), 0);
	}
	assert_int_equal(state_commit(f.state), 0);
}

#define OVER ACCOUNT_DN("1") ": 10001 keys, 10000 is the limit: 1 left out"

static void
an_overstepped_limit_is_named_for_as_long_as_it_lasts(void **state)
{
	(void)state;
	put_keys(ACCOUNT_KEYS_MAX + 1);
	sync_complete(&f);
	(void)publish(NOW);
	assert_int_equal(count_excess(), 1);
	assert_string_equal(excess_text, OVER);
	/* Not by an unrelated change, nor by a restart, is it forgotten. */
	put_account(2, "");
	(void)publish(NOW);
	assert_int_equal(count_excess(), 1);
	restart();
	(void)publish(NOW);
	assert_string_equal((count_excess(), excess_text), OVER);
	put_account(1, "enscaleStatus: suspended\n");
	(void)publish(NOW);
	assert_string_equal((count_excess(), excess_text), OVER);
	/* One less: the limit is kept. */
	sync_delete(&f, 100 + 7);
	(void)publish(NOW);
	assert_int_equal(count_excess(), 0);
}

static void
what_is_gone_oversteps_no_limit(void **state)
{
	(void)state;
	put_keys(ACCOUNT_KEYS_MAX + 1);
	sync_complete(&f);
	(void)publish(NOW);
	sync_delete(&f, 1);
	(void)publish(NOW);
	assert_int_equal(count_excess(), 0);
	/* Nor after everything was published anew. */
	put_account(1, "");
	(void)publish(NOW);
	assert_int_equal(count_excess(), 1);
	sync_delete(&f, 1);
	publisher_distrust(publisher);
	assert_true(publish(NOW).base);
	assert_int_equal(count_excess(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_published_before_the_first_refresh_is_complete),
		TEST(the_first_publication_holds_everything),
		TEST(an_empty_directory_is_published_as_well),
		TEST(a_change_publishes_what_changed_and_no_more),
		TEST(a_change_that_no_record_shows_is_not_published),
		TEST(a_deleted_key_is_in_no_record_any_more),
		TEST(
		    what_was_not_published_before_the_end_is_published_after_it),
		TEST(
		    a_restart_with_nothing_to_do_is_ready_after_comparing_the_map),
		TEST(a_lost_view_is_published_anew),
		TEST(a_change_that_a_power_failure_emptied_is_published_again),
		TEST(
		    a_view_that_is_distrusted_serves_until_another_replaces_it),
		TEST(a_lost_map_is_made_anew),
		TEST(a_map_with_too_much_on_it_is_put_right),
		TEST(
		    the_view_of_a_lost_state_serves_until_the_new_one_is_complete),
		TEST(an_older_view_that_was_put_back_is_replaced),
		TEST(the_guard_is_told_of_each_publication),
		TEST(a_long_publication_is_no_hanging_loop),
		TEST(an_overstepped_limit_is_named_for_as_long_as_it_lasts),
		TEST(what_is_gone_oversteps_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

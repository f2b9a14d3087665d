#include <cdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/names/account_map.h"
#include "common/view/view.h"
#include "enscale_sync/publish.h"
#include "tests/unit/older_view.h"
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

/* What was made durable, in this order: s, the state; v, part of the view. Not
 * what libcdb of Debian 13 does by itself to a file that nothing names yet. */
static char synced[64];
static bool in_libcdb;

static int
sync_as(char what, long number, int fd)
{
	size_t len = strlen(synced);

	if (!in_libcdb && len + 1 < sizeof(synced))
		memcpy(synced + len, (const char[]){ what, '\0' }, 2);
	return (int)syscall(number, fd);
}

int
fsync(int fd)
{
	return sync_as('v', SYS_fsync, fd);
}

/* LMDB has to see it, in a library of its own. */
__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	return sync_as('s', SYS_fdatasync, fd);
}

int __real_cdb_make_finish(struct cdb_make *make);
int __wrap_cdb_make_finish(struct cdb_make *make);

int
__wrap_cdb_make_finish(struct cdb_make *make)
{
	int r;

	in_libcdb = true;
	r = __real_cdb_make_finish(make);
	in_libcdb = false;
	return r;
}

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

/* As the follower does at the end of a refresh. */
static void
complete(void)
{
	assert_int_equal(state_begin_write(f.state), 0);
	state_raise_generation(f.state, publisher_generation(publisher));
	state_set_complete(f.state);
	assert_int_equal(state_commit(f.state), 0);
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
	    "n=$(sed -n 's/^segment \\([^ ]*\\).*/\\1/p' view/manifest.* | head -1)"
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

/* Others can be put above it for a while. */
static void
a_segment_that_cannot_be_merged_any_more_is_replaced(void **state)
{
	struct published published;
	bool base = false;

	(void)state;
	for (uint32_t i = 1; i <= 400; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	sync_delete(&f, 1);
	(void)publish(NOW);
	/* The rows end in the middle of one; the first is the delta. */
	shell(
	    "n=$(sed -n 's/^segment \\([^ ]*\\).*/\\1/p' view/manifest.* | head -1)"
	    " && head -c 8 /dev/zero | tr '\\0' '\\377'"
	    " | dd of=view/$n bs=1 seek=2048 conv=notrunc status=none");
	for (uint32_t i = 2; i <= 2 * VIEW_SEGMENTS_MAX; i++) {
		sync_delete(&f, i);
		if (publisher_publish(publisher, NOW, &published) ==
		    ENS_E_CORRUPT)
			published = publish(NOW);
		base |= published.base;
		assert_int_equal(look(i), ENS_E_NOTFOUND);
	}
	assert_true(base);
	assert_int_equal(look(1), ENS_E_NOTFOUND);
	assert_int_equal(look(400), 0);
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
	assert_true(publisher_waits(publisher));
	put_account(1, "");
	assert_int_equal(publish(NOW + 1).records, 0);
	assert_int_equal(look(2), 0);
	assert_true(publisher_is_ready(publisher));
	assert_int_equal(publisher_as_of(publisher), NOW);
	complete();
	assert_true(publish(NOW + 1).base);
	assert_int_equal(look(1), 0);
	assert_int_equal(look(2), ENS_E_NOTFOUND);
	assert_true(publisher_generation(publisher) > generation);
	assert_true(on_map(1));
	assert_false(on_map(2));
}

static void
publish_as_the_version_before(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	publish_as(path, MANIFEST_VERSION_BEFORE);
}

static void
a_view_of_the_version_before_is_replaced_at_once(void **state)
{
	uint64_t generation;

	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	generation = publisher_generation(publisher);
	publisher_close(publisher);
	publish_as_the_version_before();
	assert_int_equal(look(1), 0);
	open_publisher();
	assert_false(publisher_waits(publisher));
	assert_true(publish(0).base);
	assert_true(publisher_generation(publisher) > generation);
	assert_int_equal(publisher_as_of(publisher), NOW);
	assert_int_equal(look(1), 0);
}

/* An update may have another form of the state, too, and the directory away. */
static void
a_view_of_the_version_before_serves_until_a_new_state_is_complete(void **state)
{
	(void)state;
	put_account(1, "");
	sync_complete(&f);
	(void)publish(NOW);
	publisher_close(publisher);
	publish_as_the_version_before();
	state_close(f.state);
	f.state = NULL;
	shell("rm state/state.mdb");
	sync_fixture_reopen(&f);
	open_publisher();
	assert_true(publisher_waits(publisher));
	assert_int_equal(publish(NOW + 1).records, 0);
	assert_int_equal(look(1), 0);
	assert_true(on_map(1));
	assert_true(publisher_is_ready(publisher));
	put_account(2, "");
	complete();
	assert_true(publish(NOW + 1).base);
	assert_int_equal(look(1), ENS_E_NOTFOUND);
	assert_int_equal(look(2), 0);
}

/* What is left of the state after a power failure that took its last commits:
 * taken in the run of the test, and put back at its next start. */
static void
keep_state(void)
{
	assert_int_equal(state_sync(f.state), 0);
	shell("cp state/state.mdb old.mdb");
}

static void
lose_commits(void)
{
	publisher_close(publisher);
	publisher = NULL;
	state_close(f.state);
	f.state = NULL;
	shell("mv old.mdb state/state.mdb");
	sync_fixture_reopen(&f);
}

static void
settle(void)
{
	assert_int_equal(publisher_settle(publisher), 0);
	assert_int_equal(state_settle(f.state), 0);
	while (!state_is_settled(f.state))
		assert_int_equal(state_settle(f.state), 0);
}

/* 50 accounts, of which number 7 was deleted and 51 added last; the state does
 * not know of it any more. */
static void
lose_a_deletion(void)
{
	for (uint32_t i = 1; i <= 50; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	settle();
	keep_state();
	sync_delete(&f, 7);
	put_account(51, "");
	(void)publish(NOW + 1);
	assert_int_equal(publisher_settle(publisher), 0);
	lose_commits();
}

static void
empty_newest_segment(void)
{
	shell(
	    "n=$(sed -n 's/^segment \\([^ ]*\\).*/\\1/p' view/manifest.* | head -1)"
	    " && truncate -s 0 view/$n");
}

static void
assert_view_serves(void)
{
	assert_int_equal(look(7), ENS_E_NOTFOUND);
	assert_int_equal(look(51), 0);
	assert_false(on_map(7));
	assert_true(on_map(1) && on_map(51));
	assert_int_equal(publisher_as_of(publisher), NOW + 1);
}

static void
what_is_published_becomes_durable_after_the_state(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 2000; i++)
		put_account(i, "");
	sync_complete(&f);
	(void)publish(NOW);
	settle();
	put_account(2, "enscaleStatus: suspended\n");
	synced[0] = '\0';
	(void)publish(NOW + 1);
	assert_string_equal(synced, "");
	assert_int_equal(publisher_settle(publisher), 0);
	assert_string_equal(synced, "svvv");
	assert_int_equal(publisher_settle(publisher), 0);
	assert_string_equal(synced, "svvv");
	put_account(3, "enscaleStatus: suspended\n");
	synced[0] = '\0';
	(void)publish(NOW + 2);
	assert_int_equal(publisher_touch(publisher, NOW + 60), 0);
	assert_string_equal(synced, "svvv");
	/* What is merged, or holds everything, does not wait; its file has its
	 * name only when it is on the disk. */
	for (uint32_t i = 4; i <= 600; i++)
		put_account(i, "enscaleStatus: suspended\n");
	synced[0] = '\0';
	(void)publish(NOW + 61);
	assert_string_equal(synced, "vsvvv");
	put_account(3, "");
	publisher_distrust(publisher);
	synced[0] = '\0';
	assert_true(publish(NOW + 62).base);
	assert_string_equal(synced, "vsvvv");
}

static void
a_state_that_is_older_than_its_view_is_no_source_of_one(void **state)
{
	(void)state;
	lose_a_deletion();
	open_publisher();
	assert_true(publisher_waits(publisher));
	assert_false(publisher_is_ready(publisher));
	assert_int_equal(publish(NOW + 9).records, 0);
	assert_true(publisher_is_ready(publisher));
	assert_false(publisher_is_behind(publisher));
	assert_false(publisher_is_current(publisher));
	assert_view_serves();
	/* Nor does it become one by itself: what comes and goes is counted as
	 * always, and its number passes that of the view. */
	for (uint32_t i = 60; i < 70; i++)
		put_account(i, "");
	put_account(7, "mail: seven@enscale.com\n");
	assert_int_equal(publish(NOW + 9).records, 0);
	assert_int_equal(publisher_touch(publisher, NOW + 9), 0);
	assert_view_serves();
	restart();
	assert_true(
	    state_info(f.state)->generation > publisher_generation(publisher));
	assert_true(publisher_waits(publisher));
	assert_int_equal(publish(NOW + 9).records, 0);
	assert_view_serves();
}

static void
the_map_of_a_view_that_serves_on_is_put_right(void **state)
{
	struct account_map_writer *map;
	char path[128];
	bool replaced;

	(void)state;
	lose_a_deletion();
	(void)snprintf(path, sizeof(path), "%s/map/accounts.map", f.root);
	assert_int_equal(
	    account_map_create(path, config.uid_base, 0, &map, &replaced), 0);
	assert_int_equal(account_map_set(map, 7, true), 0);
	assert_int_equal(account_map_set(map, 51, false), 0);
	assert_int_equal(account_map_set(map, 400000, true), 0);
	account_map_writer_close(map);
	open_publisher();
	(void)publish(0);
	assert_true(publisher_is_ready(publisher));
	assert_view_serves();
	assert_false(on_map(400000));
}

static void
a_state_that_was_behind_is_published_as_a_whole_once_it_is_complete(
    void **state)
{
	uint64_t generation;

	(void)state;
	lose_a_deletion();
	open_publisher();
	(void)publish(0);
	generation = publisher_generation(publisher);
	sync_delete(&f, 7);
	put_account(52, "");
	complete();
	assert_false(publisher_waits(publisher));
	/* A power failure at this moment makes it no older. */
	restart();
	assert_false(publisher_waits(publisher));
	assert_true(publish(NOW + 9).base);
	assert_true(publisher_generation(publisher) > generation);
	assert_true(publisher_is_current(publisher));
	assert_int_equal(look(7), ENS_E_NOTFOUND);
	assert_int_equal(look(51), ENS_E_NOTFOUND);
	assert_int_equal(look(52), 0);
	assert_false(on_map(7) || on_map(51));
	assert_true(on_map(1) && on_map(52));
	restart();
	assert_false(publish(0).base);
	assert_true(publisher_is_current(publisher));
}

/* As far as it can be told: nobody gets in, rather than somebody who was shut
 * out. */
static void
an_older_state_is_no_source_when_the_view_lost_its_last_segment(void **state)
{
	(void)state;
	lose_a_deletion();
	empty_newest_segment();
	open_publisher();
	assert_int_equal(publish(0).records, 0);
	assert_false(publisher_is_ready(publisher));
	assert_int_equal(look(7), ENS_E_CORRUPT);
	complete();
	assert_true(publish(0).base);
	assert_int_equal(look(1), 0);
}

static void
a_newer_state_is_published_when_the_view_lost_its_last_segment(void **state)
{
	(void)state;
	put_account(1, "");
	put_account(2, "");
	sync_complete(&f);
	(void)publish(NOW);
	sync_delete(&f, 1);
	(void)publish(NOW + 1);
	publisher_close(publisher);
	empty_newest_segment();
	open_publisher();
	assert_true(publish(0).base);
	assert_int_equal(look(1), ENS_E_NOTFOUND);
	assert_int_equal(look(2), 0);
	assert_int_equal(publisher_as_of(publisher), NOW + 1);
}

/* The one whose disk was full until its end has listed nothing of what it has:
 * only as a whole it takes the place of another's view. */
static void
a_view_of_another_state_is_not_taken_for_ones_own(void **state)
{
	(void)state;
	put_account(1, "");
	put_account(2, "");
	sync_complete(&f);
	(void)publish(NOW);
	publisher_close(publisher);
	state_close(f.state);
	f.state = NULL;
	shell("rm state/state.mdb");
	sync_fixture_reopen(&f);
	open_publisher();
	put_account(1, "");
	complete();
	/* It has a number above the view's, and never comes to publish. */
	put_account(3, "");
	settle();
	restart();
	assert_true(publish(NOW).base);
	assert_int_equal(look(2), ENS_E_NOTFOUND);
	assert_int_equal(look(3), 0);
}

static void
what_is_published_and_what_would_be_are_counted_alike(void **state)
{
	uint64_t had[SHRINK_KINDS], has[SHRINK_KINDS];
	char lines[256];

	(void)state;
	for (uint32_t i = 1; i <= 400; i++)
		put_account(i, "");
	(void)snprintf(lines, sizeof(lines), "sshPublicKey: %s\n", sync_key(1));
	put_account(7, lines);
	sync_put(&f, 1000, "cn=cool-waterfall-59," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: cool-waterfall-59\n"
	    "enscaleOwner: 7\nenscaleFullAccess: 8\n");
	sync_complete(&f);
	(void)publish(NOW);
	sync_delete(&f, 400);
	(void)publish(NOW);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(publisher_count(publisher, had, has), 0);
	state_end(f.state);
	assert_memory_equal(had, has, sizeof(had));
	assert_int_equal(had[SHRINK_ACCOUNTS], 399);
	assert_int_equal(had[SHRINK_KEYS], 1);
	assert_int_equal(had[SHRINK_ENVIRONMENTS], 1);
	assert_int_equal(had[SHRINK_ACCESS], 2);
	sync_delete(&f, 8);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(publisher_count(publisher, had, has), 0);
	state_end(f.state);
	assert_int_equal(had[SHRINK_ACCOUNTS], 399);
	assert_int_equal(has[SHRINK_ACCOUNTS], 398);
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
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000");
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
		TEST(a_segment_that_cannot_be_merged_any_more_is_replaced),
		TEST(a_lost_map_is_made_anew),
		TEST(a_map_with_too_much_on_it_is_put_right),
		TEST(
		    the_view_of_a_lost_state_serves_until_the_new_one_is_complete),
		TEST(a_view_of_the_version_before_is_replaced_at_once),
		TEST(
		    a_view_of_the_version_before_serves_until_a_new_state_is_complete),
		TEST(what_is_published_becomes_durable_after_the_state),
		TEST(a_state_that_is_older_than_its_view_is_no_source_of_one),
		TEST(the_map_of_a_view_that_serves_on_is_put_right),
		TEST(
		    a_state_that_was_behind_is_published_as_a_whole_once_it_is_complete),
		TEST(
		    an_older_state_is_no_source_when_the_view_lost_its_last_segment),
		TEST(
		    a_newer_state_is_published_when_the_view_lost_its_last_segment),
		TEST(a_view_of_another_state_is_not_taken_for_ones_own),
		TEST(what_is_published_and_what_would_be_are_counted_alike),
		TEST(an_older_view_that_was_put_back_is_replaced),
		TEST(the_guard_is_told_of_each_publication),
		TEST(a_long_publication_is_no_hanging_loop),
		TEST(an_overstepped_limit_is_named_for_as_long_as_it_lasts),
		TEST(what_is_gone_oversteps_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/view/view.h"
#include "tests/unit/follow_fixture.h"

struct sync_fixture f;
struct publisher *publisher;
struct follow *follow;
struct config config;
struct status status;

/* ---- the follower ------------------------------------------------------ */

void
follow_fixture_start(void)
{
	const char *what;

	assert_int_equal(publisher_open(&config, f.state, &publisher, &what),
	    0);
	assert_int_equal(
	    follow_new(&config, f.state, publisher, &status, &follow), 0);
}

void
follow_fixture_stop(void)
{
	follow_free(follow);
	follow = NULL;
	publisher_close(publisher);
	publisher = NULL;
}

void
follow_fixture_restart(void)
{
	follow_fixture_stop();
	sync_fixture_reopen(&f);
	follow_fixture_start();
}

void
follow_fixture_shell(const char *what)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cd %s && %s", f.root, what);
	assert_int_equal(system(command), 0);
}

int
follow_fixture_make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	config_init(&config);
	memset(&status, 0, sizeof(status));
	memcpy(config.state_dir, f.root, sizeof(f.root));
	memcpy(config.run_dir, f.root, sizeof(f.root));
	follow_fixture_shell("mkdir view map guard");
	follow_fixture_start();
	return 0;
}

int
follow_fixture_free(void **state)
{
	(void)state;
	follow_fixture_stop();
	sync_fixture_free(&f);
	return 0;
}

/* ---- messages ---------------------------------------------------------- */

struct entry
account(uint32_t number, const char *csn, const char *more)
{
	char dn[64];
	static char lines[384];

	(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,ou=accounts,%s",
	    number, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleAccount\nenscaleAccountId: %u\n"
	    "entryCSN: %s\n%s",
	    number, csn, more);
	return sync_entry(&f, number, dn, lines);
}

const char *
with_key(void)
{
	static char line[160];

	(void)snprintf(line, sizeof(line), "sshPublicKey: %s\n", sync_key(1));
	return line;
}

void
begin(bool full)
{
	assert_int_equal(follow_begin(follow, full, false), 0);
}

void
tell(uint32_t number, const char *csn, const char *more)
{
	struct entry entry = account(number, csn, more);

	assert_int_equal(follow_entry(follow, &entry), 0);
}

void
tell_many(uint32_t first, uint32_t count, const char *csn)
{
	for (uint32_t i = first; i < first + count; i++)
		tell(i, csn, "");
}

void
tell_key(uint32_t number, uint32_t below)
{
	struct entry entry;
	char dn[128], lines[384];

	(void)snprintf(dn, sizeof(dn),
	    "cn=k,enscaleAccountId=%u,ou=accounts,%s", below, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\ncn: k\nsshPublicKey: %s\n"
	    "entryCSN: %s\n",
	    sync_key(number), CSN_LATE);
	entry = sync_entry(&f, number, dn, lines);
	assert_int_equal(follow_entry(follow, &entry), 0);
}

typedef int tell_uuids(struct follow *follow,
    const uint8_t (*uuids)[ENTRY_UUID_LEN], uint32_t count);

static void
tell_uuid(tell_uuids *how, uint32_t number)
{
	uint8_t uuids[1][ENTRY_UUID_LEN];

	memcpy(uuids[0], sync_uuid(number), ENTRY_UUID_LEN);
	assert_int_equal(
	    how(follow, (const uint8_t(*)[ENTRY_UUID_LEN])uuids, 1), 0);
}

void
tell_present(uint32_t number)
{
	tell_uuid(follow_present, number);
}

void
tell_gone(uint32_t number)
{
	tell_uuid(follow_gone, number);
}

void
tell_reached(const char *csn)
{
	char text[128];
	struct berval cookie = { 0, text };

	cookie.bv_len = (size_t)snprintf(text, sizeof(text), "rid=000,csn=%s",
	    csn);
	assert_int_equal(follow_reached(follow, cookie), 0);
}

void
done(bool swept)
{
	assert_int_equal(follow_done(follow, swept), 0);
}

void
settle(void)
{
	assert_int_equal(follow_settle(follow), 0);
}

void
follow_some(uint32_t count)
{
	begin(true);
	tell_many(1, count, CSN_EARLY);
	tell_reached(CSN_EARLY);
	done(true);
}

void
follow_unproven(uint32_t count)
{
	follow_some(count);
	follow_lost(follow, "lost");
	begin(false);
	done(false);
}

void
follow_held(void)
{
	follow_some(MANY);
	begin(true);
	tell_reached(CSN_EARLY);
	done(true);
}

void
follow_behind(bool with_held)
{
	follow_some(1);
	tell_reached(CSN_LATE);
	settle();
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_int_equal(follow_begin(follow, true, true), 0);
	tell(1, with_held ? CSN_BEFORE : CSN_EARLY, "");
	tell_reached(CSN_EARLY);
	done(true);
}

/* ---- what came of it --------------------------------------------------- */

bool
has(uint32_t number, const char *csn)
{
	return follow_has(follow, sync_uuid(number), csn);
}

static int
look(uint32_t number, struct account_record *ret_account)
{
	struct view *view;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	r = view_open(path, &view);
	if (r != 0)
		return r;
	r = view_find_account(view, number, ret_account);
	view_close(view);
	return r;
}

bool
is_published(uint32_t number)
{
	struct account_record record;

	return look(number, &record) == 0;
}

bool
is_suspended(uint32_t number)
{
	struct account_record record;

	return look(number, &record) == 0 && record.status == ACCOUNT_SUSPENDED;
}

void
assert_connection(enum status_connection connection)
{
	assert_int_equal(status.connection, connection);
}

bool
asks_for_all(void)
{
	return follow_cookie(follow).bv_len == 0;
}

void
assert_publishes(bool publishes)
{
	uint64_t publications = status.publications;

	publisher_distrust(publisher);
	follow_publish(follow);
	assert_int_equal(status.publications, publications + publishes);
	assert_string_equal(status.last_error, "");
}

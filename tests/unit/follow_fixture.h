/*
 * A follower without a server: what that sends is handed over, message by
 * message. State and publisher are the real ones.
 */
#ifndef ENSCALE_TESTS_FOLLOW_FIXTURE_H
#define ENSCALE_TESTS_FOLLOW_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/follow.h"
#include "tests/unit/sync_fixture.h"

#define SUFFIX "dc=enscale,dc=com"
#define MANY   300 /* a refresh that names none of them takes too much away */

/* The times that something was changed at. */
#define CSN_BEFORE "20260101000000.000000Z#000000#001#000000"
#define CSN_EARLY  "20260101000001.000000Z#000000#001#000000"
#define CSN_LATE   "20260101000002.000000Z#000000#001#000000"
#define CSN_LAST   "20260101000003.000000Z#000000#001#000000"

#define SUSPENDED "enscaleStatus: suspended\n"

extern struct sync_fixture f;
extern struct publisher *publisher;
extern struct follow *follow;
extern struct config config;
extern struct status status;

int follow_fixture_make(void **state);
int follow_fixture_free(void **state);
void follow_fixture_start(void);
void follow_fixture_stop(void);
/* As after an end of the process at this moment. */
void follow_fixture_restart(void);
/* Runs a command in the folder of the test. */
void follow_fixture_shell(const char *what);

#define FOLLOW_TEST(name)                                          \
	cmocka_unit_test_setup_teardown(name, follow_fixture_make, \
	    follow_fixture_free)

/* ---- messages ---------------------------------------------------------- */

/* Good until the next one. more: lines. */
struct entry account(uint32_t number, const char *csn, const char *more);
/* Such a line. */
const char *with_key(void);
void begin(bool full);
/* An account. */
void tell(uint32_t number, const char *csn, const char *more);
void tell_many(uint32_t first, uint32_t count, const char *csn);
/* A key that is an entry, below an account. */
void tell_key(uint32_t number, uint32_t below);
void tell_present(uint32_t number);
void tell_gone(uint32_t number);
void tell_reached(const char *csn);
void done(bool swept);
void settle(void);

/* A first refresh: accounts from 1 on, and the server is at CSN_EARLY. */
void follow_some(uint32_t count);
/* The same, but what is here was not proved: by what changed since. */
void follow_unproven(uint32_t count);
/* A refresh in full that names none of many accounts, and is held. */
void follow_held(void);
/* A server that is behind what another one told; with something held. */
void follow_behind(bool with_held);

/* ---- what came of it --------------------------------------------------- */

bool has(uint32_t number, const char *csn);
bool is_published(uint32_t number);
bool is_suspended(uint32_t number);
void assert_connection(enum status_connection connection);
/* Is all asked for? */
bool asks_for_all(void);
/* When another publication is due, for a reason of its own. */
void assert_publishes(bool publishes);

#endif

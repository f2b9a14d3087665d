/*
 * The NSS module's objects, linked into a test program, with a map of the
 * test's own. A process has one map for its life, so each test runs in a
 * child of its own and returns the number of the line that failed.
 */
#ifndef ENS_TESTS_UNIT_NSS_FIXTURE_H
#define ENS_TESTS_UNIT_NSS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/names/account_map.h"
#include "common/names/login_name.h"
#include "nss_enscale/exports.h"

#define BASE  UID_BASE_DEFAULT
#define HOME  ENS_STATE_DIR "/empty"
#define SHELL ENS_BIN_DIR "/enscale-shell"

#ifndef __has_feature
#	define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#	define OWN_THREAD 1 /* the tool runs a thread in our process */
#else
#	define OWN_THREAD 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#	define OWN_SPACE 1 /* the tool needs terabytes of addresses */
#else
#	define OWN_SPACE OWN_THREAD
#endif

/* In the children: 0, or the line that went wrong. */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* The accounts of the map, in order. */
#define KNOWN 4
extern const uint32_t known[KNOWN];

/* A folder with a map, which is the working directory; and its end. */
int nss_fixture_make(void **state);
int nss_fixture_remove(void **state);
#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, nss_fixture_make, \
	    nss_fixture_remove)

/* Writes the map, with the known accounts. */
void write_map(uint32_t uid_base, uint32_t flags);

/* Writes four bytes of it. */
int overwrite(off_t at, uint32_t value);

/* Runs a test in a child; its line, if any, is named as one of this file. */
#define in_a_child(test) in_a_child_of(__FILE__, test)
void in_a_child_of(const char *file, int (*test)(void));

struct answer {
	enum nss_status status;
	int error; /* *errnop */
	int errno_after;
	struct passwd pw;
	struct group gr;
	char buffer[512];
};

/* What *errnop holds before. */
#define UNTOUCHED 4711

void ask_name(struct answer *answer, const char *name);
void ask_uid(struct answer *answer, uid_t uid);

/* What was answered; errno has to be as it was. */
bool answered(const struct answer *answer, enum nss_status status, int error);
bool succeeded(const struct answer *answer);
bool not_found(const struct answer *answer);

/* A whole entry of ours, with every text inside the buffer. */
bool is_entry(const struct answer *answer, const char *name, uint32_t account);

#endif

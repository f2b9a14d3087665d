/*
 * What the NSS module answers, and what it costs to be asked.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "tests/unit/nss_fixture.h"

#define FIXED_LEN (2 + 1 + sizeof(HOME) + sizeof(SHELL)) /* "*", "" */

/* ---- passwd ------------------------------------------------------------ */

static int
find_by_name_and_uid(void)
{
	struct answer answer;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	ask_name(&answer, "227028-25880");
	CHECK(is_entry(&answer, "227028-25880", 25880));
	ask_name(&answer, "999999999-30311");
	CHECK(is_entry(&answer, "999999999-30311", 30311));
	ask_uid(&answer, BASE + 25880);
	CHECK(is_entry(&answer, "25880", 25880));
	ask_name(&answer, "25881");
	CHECK(not_found(&answer));
	ask_name(&answer, "227028-25881");
	CHECK(not_found(&answer));
	ask_uid(&answer, BASE + 25881);
	CHECK(not_found(&answer));
	ask_uid(&answer, BASE);
	CHECK(not_found(&answer));
	ask_uid(&answer, BASE - 1);
	CHECK(not_found(&answer));
	ask_uid(&answer, BASE + ACCOUNT_ID_MAX);
	CHECK(not_found(&answer));
	return 0;
}

static void
an_account_is_found_by_both_its_names_and_its_uid(void **state)
{
	(void)state;
	in_a_child(find_by_name_and_uid);
}

/* A buffer with guards on both sides. */
struct guarded {
	unsigned char bytes[64 + 512 + 64];
};

static void
guard(struct guarded *guarded)
{
	memset(guarded->bytes, 0xa5, sizeof(guarded->bytes));
}

static bool
unharmed(const struct guarded *guarded, size_t at, size_t len)
{
	for (size_t i = 0; i < sizeof(guarded->bytes); i++) {
		if ((i < at || i >= at + len) && guarded->bytes[i] != 0xa5)
			return false;
	}
	return true;
}

static int
passwd_buffers(void)
{
	/* The last one is asked for by its uid. */
	const char *const names[] = { "25880", "227028-25880", "25880" };

	for (size_t i = 0; i < 3; i++) {
		size_t enough = strlen(names[i]) + 1 + FIXED_LEN;

		for (size_t len = 0; len < enough + 20; len++) {
			struct passwd before = { .pw_uid = 1 }, pw = before;
			enum nss_status status;
			struct guarded room;
			int error = UNTOUCHED;

			guard(&room);
			status = i < 2
			    ? _nss_enscale_getpwnam_r(names[i], &pw,
			          (char *)room.bytes + 64, len, &error)
			    : _nss_enscale_getpwuid_r(BASE + 25880, &pw,
			          (char *)room.bytes + 64, len, &error);
			CHECK(unharmed(&room, 64, len));
			if (len < enough) {
				CHECK(status == NSS_STATUS_TRYAGAIN);
				CHECK(error == ERANGE);
				CHECK(memcmp(&pw, &before, sizeof(pw)) == 0);
			} else {
				CHECK(status == NSS_STATUS_SUCCESS);
				CHECK(strcmp(pw.pw_shell, SHELL) == 0);
			}
		}
	}
	return 0;
}

static int
group_buffers(void)
{
	/* By name at every alignment, then by gid at every alignment. */
	for (size_t i = 0; i < 2 * sizeof(void *); i++) {
		size_t shift = i % sizeof(void *), enough = 0;

		for (size_t len = 0; len < 64; len++) {
			enum nss_status status;
			struct group gr = { .gr_gid = 1 };
			struct guarded room;
			int error = UNTOUCHED;

			guard(&room);
			status = i < sizeof(void *)
			    ? _nss_enscale_getgrnam_r("25880", &gr,
			          (char *)room.bytes + 64 + shift, len, &error)
			    : _nss_enscale_getgrgid_r(BASE + 25880, &gr,
			          (char *)room.bytes + 64 + shift, len, &error);
			CHECK(unharmed(&room, 64 + shift, len));
			if (status == NSS_STATUS_TRYAGAIN) {
				CHECK(error == ERANGE && enough == 0);
				CHECK(gr.gr_gid == 1);
				continue;
			}
			CHECK(status == NSS_STATUS_SUCCESS);
			CHECK((uintptr_t)gr.gr_mem % sizeof(void *) == 0);
			CHECK(gr.gr_mem[0] == NULL);
			CHECK(strcmp(gr.gr_name, "25880") == 0);
			CHECK(strcmp(gr.gr_passwd, "*") == 0);
			CHECK(gr.gr_gid == BASE + 25880);
			if (enough == 0)
				enough = len;
		}
		/* A pointer, "25880", "*", and what aligns the pointer. */
		CHECK(enough >= sizeof(void *) + 6 + 2 &&
		    enough < 2 * sizeof(void *) + 6 + 2);
	}
	return 0;
}

static void
too_small_is_erange_exactly_while_too_small(void **state)
{
	(void)state;
	in_a_child(passwd_buffers);
	in_a_child(group_buffers);
}

static int
refuse_names(void)
{
	static char large[1024 * 1024 + 1];
	const char *const names[] = { "", "-", "0", "025880", "25880-",
		"-25880", "25880-0", "0-25880", "1-2-3", "227028--25880",
		"4294967297", "18446744073709551616", "18446744073709577496",
		"2588000000", "999999999", "227028-999999999", "+25880",
		" 25880", "25880 ", "25880\n", "\xd9\xa2", "root", "nobody",
		"25880:x", "25880/..", "0x6518", "25880.0", "2588e1" };
	struct answer answer;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask_name(&answer, names[i]);
		CHECK(not_found(&answer));
		answer.status = _nss_enscale_getgrnam_r(names[i], &answer.gr,
		    answer.buffer, sizeof(answer.buffer), &answer.error);
		CHECK(answer.status == NSS_STATUS_NOTFOUND);
	}
	/* Every byte alone, before, in and behind a name of ours. */
	for (int c = 1; c < 256; c++) {
		const char *const good = "227028-25880";

		if (c >= '0' && c <= '9')
			continue; /* well-formed names */
		for (size_t at = 0; at <= strlen(good); at++) {
			char name[32];

			if (c == '-' && good[at] == '-')
				continue; /* the dash itself */
			snprintf(name, sizeof(name), "%.*s%c%s", (int)at, good,
			    c, good + at);
			ask_name(&answer, name);
			CHECK(not_found(&answer));
			name[at + 1] = '\0';
			ask_name(&answer, name);
			CHECK(not_found(&answer));
		}
	}
	memset(large, '1', sizeof(large) - 1);
	ask_name(&answer, large);
	CHECK(not_found(&answer));
	memset(large, 'x', sizeof(large) - 1);
	ask_name(&answer, large);
	CHECK(not_found(&answer));
	return 0;
}

static void
names_outside_the_grammar_are_not_found(void **state)
{
	(void)state;
	in_a_child(refuse_names);
}

/* From here on any system call but read, write and exit kills. */
static bool
begin_strictly(void)
{
	return OWN_THREAD || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0;
}

static void
end_strictly(bool ok)
{
	if (OWN_THREAD)
		_exit(ok ? 0 : 1);
	syscall(SYS_exit, ok ? 0 : 1);
}

static int
strictly_without_a_map(void)
{
	gid_t list[4], *groups = list;
	long start = 0, size = 4;
	struct answer answer;
	bool ok = true;
	int error;

	if (unlink(ENS_NSS_MAP_FILE) != 0)
		return __LINE__;
	CHECK(begin_strictly());
	ok = ok && refuse_names() == 0;
	ok = ok &&
	    _nss_enscale_initgroups_dyn("root", 0, &start, &size, &groups, 0,
	        &error) == NSS_STATUS_NOTFOUND;
	for (uint32_t uid = 0; uid < 70000; uid += 7) {
		ask_uid(&answer, uid);
		ok = ok && not_found(&answer);
		ok = ok &&
		    _nss_enscale_getgrgid_r(uid, &answer.gr, answer.buffer,
		        sizeof(answer.buffer), &error) == NSS_STATUS_NOTFOUND;
	}
	ask_uid(&answer, UINT32_MAX);
	ok = ok && not_found(&answer);
	ask_uid(&answer, 0x80000000);
	ok = ok && not_found(&answer);
	end_strictly(ok);
	return __LINE__;
}

static void
what_is_not_ours_costs_no_system_call(void **state)
{
	(void)state;
	in_a_child(strictly_without_a_map);
	write_map(BASE, 0);
}

static int
strictly_with_a_map(void)
{
	struct answer answer;
	bool ok = true;

	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	CHECK(begin_strictly());
	for (int i = 0; i < 1000; i++) {
		ask_name(&answer, "227028-25880");
		ok = ok && is_entry(&answer, "227028-25880", 25880);
		ask_name(&answer, "25881");
		ok = ok && not_found(&answer);
		ask_uid(&answer, BASE + 25880);
		ok = ok && is_entry(&answer, "25880", 25880);
	}
	end_strictly(ok);
	return __LINE__;
}

static void
what_is_ours_costs_none_but_the_first_time(void **state)
{
	(void)state;
	in_a_child(strictly_with_a_map);
}

/* ---- a map that cannot be asked ---------------------------------------- */

static int
expect_unavailable(int error)
{
	struct answer answer;
	gid_t list[4], *groups = list;
	long start = 0, size = 4;

	ask_name(&answer, "25880");
	CHECK(answered(&answer, NSS_STATUS_UNAVAIL, error));
	ask_uid(&answer, BASE + 25880);
	CHECK(answered(&answer, NSS_STATUS_UNAVAIL, error));
	CHECK(_nss_enscale_getgrnam_r("25880", &answer.gr, answer.buffer,
	          sizeof(answer.buffer), &answer.error) == NSS_STATUS_UNAVAIL);
	CHECK(_nss_enscale_getgrgid_r(BASE + 25880, &answer.gr, answer.buffer,
	          sizeof(answer.buffer), &answer.error) == NSS_STATUS_UNAVAIL);
	CHECK(_nss_enscale_initgroups_dyn("25880", 1, &start, &size, &groups, 0,
	          &answer.error) == NSS_STATUS_UNAVAIL);
	CHECK(start == 0);
	_nss_enscale_setpwent(0);
	CHECK(_nss_enscale_getpwent_r(&answer.pw, answer.buffer,
	          sizeof(answer.buffer), &answer.error) == NSS_STATUS_UNAVAIL);
	CHECK(answer.error == error);
	/* Ours by its syntax, but no such id can exist. */
	ask_name(&answer, "999999999");
	CHECK(not_found(&answer));
	return 0;
}

static int
missing(void)
{
	CHECK(unlink(ENS_NSS_MAP_FILE) == 0);
	return expect_unavailable(ENOENT);
}

static int
cut(void)
{
	CHECK(truncate(ENS_NSS_MAP_FILE, 5000) == 0);
	return expect_unavailable(EIO);
}

static int
empty(void)
{
	CHECK(truncate(ENS_NSS_MAP_FILE, 0) == 0);
	return expect_unavailable(EIO);
}

static int
foreign(void)
{
	CHECK(overwrite(0, 0x12345678) == 0);
	return expect_unavailable(EIO);
}

static int
other_version(void)
{
	CHECK(overwrite(offsetof(struct account_map_header, version), 2) == 0);
	return expect_unavailable(EIO);
}

static int
left_retired(void)
{
	CHECK(overwrite(offsetof(struct account_map_header, flags),
	          ACCOUNT_MAP_RETIRED) == 0);
	return expect_unavailable(EIO);
}

static int
fifo(void)
{
	CHECK(unlink(ENS_NSS_MAP_FILE) == 0);
	CHECK(mkfifo(ENS_NSS_MAP_FILE, 0600) == 0);
	return expect_unavailable(EIO);
}

static int
without_descriptors(rlim_t descriptors)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = descriptors;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	return expect_unavailable(EMFILE);
}

static int
no_descriptor_at_all(void)
{
	return without_descriptors(0);
}

/* The three standard ones are there. */
static int
no_descriptor_free(void)
{
	return without_descriptors(3);
}

static int
no_room(void)
{
	struct rlimit limit = { 16 * 1024 * 1024, 16 * 1024 * 1024 };

	if (OWN_SPACE)
		return 0;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	return expect_unavailable(ENOMEM);
}

static void
a_map_that_cannot_be_asked_is_unavailable_and_says_why(void **state)
{
	int (*const tests[])(void) = { missing, cut, empty, foreign,
		other_version, left_retired, fifo, no_descriptor_at_all,
		no_descriptor_free, no_room };

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		in_a_child(tests[i]);
		unlink(ENS_NSS_MAP_FILE);
		write_map(BASE, 0);
	}
}

static int
comes_later(void)
{
	struct answer answer;

	CHECK(rename(ENS_NSS_MAP_FILE, "away") == 0);
	ask_name(&answer, "25880");
	CHECK(answered(&answer, NSS_STATUS_UNAVAIL, ENOENT));
	CHECK(rename("away", ENS_NSS_MAP_FILE) == 0);
	ask_name(&answer, "25880");
	CHECK(is_entry(&answer, "25880", 25880));
	return 0;
}

static void
a_map_that_comes_later_is_found(void **state)
{
	(void)state;
	in_a_child(comes_later);
}

/* ---- enumeration ------------------------------------------------------- */

static int
not_enumerated(void)
{
	struct answer answer = { 0 };

	CHECK(_nss_enscale_setpwent(0) == NSS_STATUS_SUCCESS);
	CHECK(_nss_enscale_getpwent_r(&answer.pw, answer.buffer,
	          sizeof(answer.buffer), &answer.error) == NSS_STATUS_NOTFOUND);
	CHECK(answer.error == ENOENT);
	CHECK(_nss_enscale_endpwent() == NSS_STATUS_SUCCESS);
	return 0;
}

static int
enumerated(void)
{
	struct answer answer = { 0 };

	for (int round = 0; round < 2; round++) {
		CHECK(_nss_enscale_setpwent(0) == NSS_STATUS_SUCCESS);
		for (size_t i = 0; i < KNOWN; i++) {
			/* Too small a buffer skips nobody. */
			for (size_t len = 0; len < 3 + FIXED_LEN; len++)
				CHECK(_nss_enscale_getpwent_r(&answer.pw,
				          answer.buffer, len, &answer.error) ==
				    NSS_STATUS_TRYAGAIN);
			CHECK(_nss_enscale_getpwent_r(&answer.pw, answer.buffer,
			          sizeof(answer.buffer),
			          &answer.error) == NSS_STATUS_SUCCESS);
			CHECK(answer.pw.pw_uid == BASE + known[i]);
		}
		CHECK(_nss_enscale_getpwent_r(&answer.pw, answer.buffer,
		          sizeof(answer.buffer),
		          &answer.error) == NSS_STATUS_NOTFOUND);
		if (round == 0)
			CHECK(_nss_enscale_endpwent() == NSS_STATUS_SUCCESS);
	}
	return 0;
}

static void
accounts_are_listed_only_where_the_map_says_so(void **state)
{
	(void)state;
	in_a_child(not_enumerated);
	write_map(BASE, ACCOUNT_MAP_ENUMERATE);
	in_a_child(enumerated);
}

/* ---- group ------------------------------------------------------------- */

static int
find_groups(void)
{
	struct answer answer;

	answer.status = _nss_enscale_getgrgid_r(BASE + 25880, &answer.gr,
	    answer.buffer, sizeof(answer.buffer), &answer.error);
	CHECK(answer.status == NSS_STATUS_SUCCESS);
	CHECK(strcmp(answer.gr.gr_name, "25880") == 0);
	CHECK(answer.gr.gr_gid == BASE + 25880);
	CHECK(answer.gr.gr_mem[0] == NULL);
	answer.status = _nss_enscale_getgrnam_r("227028-25880", &answer.gr,
	    answer.buffer, sizeof(answer.buffer), &answer.error);
	CHECK(answer.status == NSS_STATUS_NOTFOUND);
	answer.status = _nss_enscale_getgrnam_r("25881", &answer.gr,
	    answer.buffer, sizeof(answer.buffer), &answer.error);
	CHECK(answer.status == NSS_STATUS_NOTFOUND);
	answer.status = _nss_enscale_getgrgid_r(BASE + 25881, &answer.gr,
	    answer.buffer, sizeof(answer.buffer), &answer.error);
	CHECK(answer.status == NSS_STATUS_NOTFOUND);
	return 0;
}

static void
an_account_has_a_private_group(void **state)
{
	(void)state;
	in_a_child(find_groups);
}

/* Asks for the groups with a list of this size, of which start are used. */
static enum nss_status
ask_groups(const char *user, gid_t group, long *start, long *size, long limit,
    gid_t **list)
{
	int error = UNTOUCHED;

	*list = calloc((size_t)(*size > 0 ? *size : 1), sizeof(**list));
	if (*list == NULL)
		return NSS_STATUS_TRYAGAIN;
	if (*start > 0)
		(*list)[0] = group;
	return _nss_enscale_initgroups_dyn(user, group, start, size, list,
	    limit, &error);
}

static int
groups(void)
{
	const gid_t own = BASE + 25880;
	AUTO_FREE gid_t *a = NULL;
	AUTO_FREE gid_t *b = NULL;
	AUTO_FREE gid_t *c = NULL;
	AUTO_FREE gid_t *d = NULL;
	AUTO_FREE gid_t *e = NULL;
	long start, size;

	/* The primary group is on the list already. */
	start = 1, size = 16;
	CHECK(ask_groups("227028-25880", own, &start, &size, -1, &a) ==
	    NSS_STATUS_SUCCESS);
	CHECK(start == 1 && size == 16 && a[0] == own);
	/* Another one was given: the list grows. */
	start = 1, size = 1;
	CHECK(ask_groups("25880", 100, &start, &size, -1, &b) ==
	    NSS_STATUS_SUCCESS);
	CHECK(start == 2 && size == 2 && b[0] == 100 && b[1] == own);
	/* It may not grow: left out, as glibc's own modules do. */
	start = 1, size = 1;
	CHECK(ask_groups("25880", 100, &start, &size, 1, &c) ==
	    NSS_STATUS_SUCCESS);
	CHECK(start == 1 && size == 1);
	start = 0, size = 0;
	CHECK(ask_groups("25880", 100, &start, &size, 5, &d) ==
	    NSS_STATUS_SUCCESS);
	CHECK(start == 1 && size == 1 && d[0] == own);
	start = 1, size = 16;
	CHECK(ask_groups("25881", 100, &start, &size, -1, &e) ==
	    NSS_STATUS_NOTFOUND);
	CHECK(start == 1 && size == 16);
	return 0;
}

static void
initgroups_adds_the_private_group_once(void **state)
{
	(void)state;
	in_a_child(groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_found_by_both_its_names_and_its_uid),
		TEST(too_small_is_erange_exactly_while_too_small),
		TEST(names_outside_the_grammar_are_not_found),
		TEST(what_is_not_ours_costs_no_system_call),
		TEST(what_is_ours_costs_none_but_the_first_time),
		TEST(a_map_that_cannot_be_asked_is_unavailable_and_says_why),
		TEST(a_map_that_comes_later_is_found),
		TEST(accounts_are_listed_only_where_the_map_says_so),
		TEST(an_account_has_a_private_group),
		TEST(initgroups_adds_the_private_group_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

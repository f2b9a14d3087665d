/* Reading ahead: nothing is lost or comes out of order, and the other end does
 * not wait. Both ends are here, so that nothing depends on time. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <lber.h>
#include <openldap.h>

#include "ldap/ldap_backlog.h"
#include "tests/unit/surroundings.h"

#define ELEMENT_MAX 100000
#define ELEMENTS    20000

/* What the other end has to say: elements of any size, with their number. */
struct server {
	int fd;
	uint32_t next;
	uint8_t *waiting; /* of the element under way */
	size_t at, len;
	uint64_t said;
};

static struct server server;
static LDAP *ld;
static Sockbuf *sockbuf;
static char dir[64];

static size_t
size_of(uint32_t number)
{
	/* Mostly small, some larger than what is read at once. */
	return number % 997 == 0 ? ELEMENT_MAX : 4 + number * 7919U % 2000;
}

static uint8_t
byte_of(uint32_t number, size_t at)
{
	return (uint8_t)(number * 31 + at * 7 + at / 251);
}

static void
make_element(void)
{
	size_t size = size_of(server.next);

	/* X.690, 8.1: OCTET STRING, with a length of four bytes. */
	server.waiting[0] = 0x04;
	server.waiting[1] = 0x84;
	for (int i = 0; i < 4; i++)
		server.waiting[2 + i] = (uint8_t)(size >> (24 - 8 * i));
	for (size_t i = 0; i < size; i++)
		server.waiting[6 + i] = byte_of(server.next, i);
	server.next++;
	server.at = 0;
	server.len = 6 + size;
}

/* As much as the socket takes. */
static void
speak(void)
{
	for (;;) {
		ssize_t n;

		if (server.at == server.len) {
			if (server.next == ELEMENTS)
				return;
			make_element();
		}
		n = write(server.fd, server.waiting + server.at,
		    server.len - server.at);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			return;
		}
		server.at += (size_t)n;
		server.said += (uint64_t)n;
	}
}

static bool
has_said_all(void)
{
	return server.next == ELEMENTS && server.at == server.len;
}

static int
make_with(const char *folder)
{
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	server = (struct server){ .fd = ends[0] };
	server.waiting = malloc(6 + ELEMENT_MAX);
	assert_non_null(server.waiting);
	assert_int_equal(ldap_init_fd(ends[1], LDAP_PROTO_TCP, "ldap://x", &ld),
	    LDAP_SUCCESS);
	assert_int_equal(ldap_backlog_add(ld, folder), 0);
	assert_int_equal(ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sockbuf),
	    LDAP_SUCCESS);
	return 0;
}

static int
make(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/enscale-test-backlog-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return make_with(dir);
}

static int
make_without_file(void **state)
{
	(void)state;
	dir[0] = '\0';
	return make_with("/nonexistent");
}

static int
unmake(void **state)
{
	(void)state;
	if (server.fd >= 0)
		assert_int_equal(close(server.fd), 0);
	free(server.waiting);
	(void)ldap_unbind_ext(ld, NULL, NULL);
	/* The file had no name: the folder is empty. */
	if (dir[0] != '\0')
		assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* Below reading ahead: as TLS, which may have half a record only. */
static ber_slen_t
read_seldom(Sockbuf_IO_Desc *layer, void *buf, ber_len_t len)
{
	static int turn;

	if (turn++ % 3 != 0) {
		errno = EWOULDBLOCK;
		return turn % 2 == 0 ? 0 : -1;
	}
	return LBER_SBIOD_READ_NEXT(layer, buf, len < 16384 ? len : 16384);
}

static ber_slen_t
write_on(Sockbuf_IO_Desc *layer, void *buf, ber_len_t len)
{
	return LBER_SBIOD_WRITE_NEXT(layer, buf, len);
}

static int
control_on(Sockbuf_IO_Desc *layer, int option, void *arg)
{
	return LBER_SBIOD_CTRL_NEXT(layer, option, arg);
}

static int
make_with_records(void **state)
{
	static Sockbuf_IO calls = {
		.sbi_ctrl = control_on,
		.sbi_read = read_seldom,
		.sbi_write = write_on,
	};
	int r = make(state);

	assert_int_equal(ber_sockbuf_add_io(sockbuf, &calls,
	                     LBER_SBIOD_LEVEL_TRANSPORT, NULL),
	    0);
	return r;
}

/* The next element, as libldap reads one; false when none is there. */
static bool
hear(uint32_t number, uint64_t *heard)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	static char value[ELEMENT_MAX];
	size_t wrong = 0;
	ber_len_t len;
	ber_tag_t tag;

	assert_non_null(ber);
	tag = ber_get_next(sockbuf, &len, ber);
	for (int i = 0; tag == LBER_DEFAULT && errno == EAGAIN && i < 100;
	     i++) {
		speak(); /* the rest of one that has begun */
		tag = ber_get_next(sockbuf, &len, ber);
	}
	if (tag == LBER_DEFAULT) {
		ber_free(ber, 1);
		return false;
	}
	assert_int_equal(tag, 0x04);
	assert_int_equal(len, size_of(number));
	assert_int_equal(ber_read(ber, value, len), (ber_slen_t)len);
	for (size_t i = 0; i < len; i++)
		wrong += (uint8_t)value[i] != byte_of(number, i);
	assert_int_equal(wrong, 0);
	ber_free(ber, 1);
	*heard += 6 + len;
	return true;
}

static void
hear_up_to(uint32_t end, uint32_t *next, uint64_t *heard)
{
	for (; *next < end; (*next)++) {
		speak();
		assert_true(hear(*next, heard));
	}
}

static void
hear_all(uint32_t from, uint64_t heard)
{
	hear_up_to(ELEMENTS, &from, &heard);
	assert_int_equal(heard, server.said);
	assert_true(has_said_all());
}

/* ---- tests ------------------------------------------------------------- */

static void
all_comes_in_order(void **state)
{
	(void)state;
	hear_all(0, 0);
}

static void
all_comes_in_order_without_a_file(void **state)
{
	(void)state;
	hear_all(0, 0);
}

static void
half_a_record_is_no_end(void **state)
{
	(void)state;
	hear_all(0, 0);
}

static void
the_server_does_not_wait_for_who_reads_slowly(void **state)
{
	uint64_t heard = 0;
	uint32_t i = 0;

	(void)state;
	hear_up_to(ELEMENTS / 10, &i, &heard);
	/* Without reading ahead this is what the socket holds. */
	assert_true(server.said - heard > (uint64_t)4 << 20);
	hear_all(i, heard);
}

static void
without_room_for_more_the_server_waits(void **state)
{
	uint64_t heard = 0;
	uint32_t i = 0;

	(void)state;
	/* Less than is taken at a time. */
	limit_files((rlim_t)1 << 20);
	hear_up_to(ELEMENTS / 20, &i, &heard);
	/* What is in memory, and in the socket. */
	assert_true(server.said - heard < (uint64_t)2 << 20);
	limit_files(RLIM_INFINITY);
	hear_up_to(ELEMENTS / 5, &i, &heard);
	assert_true(server.said - heard > (uint64_t)4 << 20);
	hear_all(i, heard);
}

static void
a_file_that_cannot_be_written_ends_the_connection(void **state)
{
	uint64_t heard = 0;
	uint32_t i = 0;

	(void)state;
	hear_up_to(ELEMENTS / 10, &i, &heard);
	/* Its room was taken before: nobody expects this. */
	limit_files((rlim_t)1 << 20);
	do {
		speak();
	} while (hear(i++, &heard));
	assert_int_equal(errno, EIO);
	limit_files(RLIM_INFINITY);
	assert_true(heard < server.said);
}

static void
what_was_read_ahead_outlives_the_server(void **state)
{
	uint64_t heard = 0;
	uint32_t i = 0;

	(void)state;
	while (!has_said_all()) {
		speak();
		assert_true(hear(i++, &heard));
	}
	assert_true(i < ELEMENTS);
	assert_int_equal(close(server.fd), 0);
	server.fd = -1;
	for (; i < ELEMENTS; i++) {
		assert_int_equal(
		    ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_DATA_READY, NULL), 1);
		assert_true(hear(i, &heard));
	}
	assert_int_equal(heard, server.said);
	/* The end is something to be read, too. */
	assert_int_equal(
	    ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_DATA_READY, NULL), 1);
	errno = 0;
	assert_false(hear(i, &heard));
	assert_int_equal(errno, 0);
}

static void
nothing_is_ready_when_nothing_came(void **state)
{
	uint64_t heard = 0;
	uint32_t i = 0;

	(void)state;
	assert_int_equal(
	    ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_DATA_READY, NULL), 0);
	assert_false(has_said_all());
	speak();
	do {
		assert_true(hear(i++, &heard));
	} while (heard < server.said);
	assert_int_equal(
	    ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_DATA_READY, NULL), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(all_comes_in_order),
		cmocka_unit_test_setup_teardown(
		    all_comes_in_order_without_a_file, make_without_file,
		    unmake),
		cmocka_unit_test_setup_teardown(half_a_record_is_no_end,
		    make_with_records, unmake),
		TEST(the_server_does_not_wait_for_who_reads_slowly),
		TEST(without_room_for_more_the_server_waits),
		TEST(a_file_that_cannot_be_written_ends_the_connection),
		TEST(what_was_read_ahead_outlives_the_server),
		TEST(nothing_is_ready_when_nothing_came),
	};

	/* libldap takes its leave of a server that may be gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

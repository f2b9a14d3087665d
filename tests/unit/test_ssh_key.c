#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/ssh_key.h"
#include "tests/unit/sample_keys.h"

static int
parse(const char *line, struct ssh_key *ret_key)
{
	return ssh_key_parse(line, strlen(line), ret_key);
}

static struct bytes
blob_of(const struct ssh_key *key)
{
	return (struct bytes){ key->blob, key->blob_len };
}

static void
accepted_keys_are_parsed_and_written_anew(void **state)
{
	static const struct {
		const char *line;
		enum ssh_key_type type;
		uint32_t bits;
		const char *short_name;
	} cases[] = {
		{ SAMPLE_ED25519, SSH_KEY_ED25519, 256, "ED25519" },
		{ SAMPLE_RSA2048, SSH_KEY_RSA, 2048, "RSA" },
		{ SAMPLE_ECDSA256, SSH_KEY_ECDSA_256, 256, "ECDSA" },
		{ SAMPLE_ECDSA384, SSH_KEY_ECDSA_384, 384, "ECDSA" },
		{ SAMPLE_ECDSA521, SSH_KEY_ECDSA_521, 521, "ECDSA" },
	};
	char text[2 * KEY_BLOB_MAX];
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, &key), 0);
		assert_int_equal(key.type, cases[i].type);
		assert_int_equal(key.bits, cases[i].bits);
		assert_string_equal(key.from, "");
		assert_string_equal(key.comment, "");
		assert_true(key.expires == 0);
		assert_string_equal(ssh_key_type_short_name(key.type),
		    cases[i].short_name);
		assert_int_equal(
		    ssh_key_format(blob_of(&key), text, sizeof(text)),
		    strlen(cases[i].line));
		assert_string_equal(text, cases[i].line);
		assert_int_equal(
		    ssh_key_format(blob_of(&key), text, strlen(cases[i].line)),
		    0);
	}
}

/* Security keys are built here: making one needs the hardware. */
static size_t
make_sk(const char *type, const char *curve, size_t point_len,
    const char *application, uint8_t *buf, size_t size)
{
	uint8_t point[65] = { 0x04, 1, 2, 3 };
	struct wire_writer writer;

	wire_write_init(&writer, buf, size);
	wire_write_cstring(&writer, type);
	if (curve != NULL)
		wire_write_cstring(&writer, curve);
	wire_write_string(&writer, point, point_len);
	wire_write_cstring(&writer, application);
	assert_int_equal(writer.error, 0);
	return writer.len;
}

static void
security_keys_are_accepted(void **state)
{
	static const char ed[] = "sk-ssh-ed25519@openssh.com";
	static const char ec[] = "sk-ecdsa-sha2-nistp256@openssh.com";
	uint8_t blob[256];
	char text[512];
	struct ssh_key key;
	enum ssh_key_type type;
	size_t n;

	(void)state;
	n = make_sk(ed, NULL, 32, "ssh:", blob, sizeof(blob));
	assert_true(
	    ssh_key_format((struct bytes){ blob, n }, text, sizeof(text)) > 0);
	assert_int_equal(parse(text, &key), 0);
	assert_int_equal(key.type, SSH_KEY_SK_ED25519);
	n = make_sk(ec, "nistp256", 65, "ssh:", blob, sizeof(blob));
	assert_int_equal(
	    ssh_key_check_blob((struct bytes){ blob, n }, &type, NULL), 0);
	assert_int_equal(type, SSH_KEY_SK_ECDSA_256);

	n = make_sk(ed, NULL, 33, "ssh:", blob, sizeof(blob));
	assert_int_equal(
	    ssh_key_check_blob((struct bytes){ blob, n }, &type, NULL),
	    ENS_E_KEY_FORMAT);
	n = make_sk(ed, NULL, 32, "", blob, sizeof(blob));
	assert_int_equal(
	    ssh_key_check_blob((struct bytes){ blob, n }, &type, NULL),
	    ENS_E_KEY_FORMAT);
	n = make_sk(ec, "nistp384", 65, "ssh:", blob, sizeof(blob));
	assert_int_equal(
	    ssh_key_check_blob((struct bytes){ blob, n }, &type, NULL),
	    ENS_E_KEY_FORMAT);
}

static void
weak_and_foreign_keys_are_refused_with_their_reason(void **state)
{
	struct ssh_key key;

	(void)state;
	assert_int_equal(parse(SAMPLE_RSA1024, &key), ENS_E_KEY_WEAK);
	assert_int_equal(parse(SAMPLE_DSA, &key), ENS_E_KEY_WEAK);
	assert_int_equal(parse(SAMPLE_CERTIFICATE, &key), ENS_E_KEY_TYPE);
	assert_int_equal(parse("ssh-foo AAAAB3NzaC1mb28=", &key),
	    ENS_E_KEY_TYPE);
	assert_int_equal(parse("from=\"10.*\" " SAMPLE_DSA, &key),
	    ENS_E_KEY_WEAK);
}

static void
options_comment_and_line_end_are_taken(void **state)
{
	char line[1024], comment[NAME_TEXT_MAX + 2];
	struct ssh_key key;

	(void)state;
	assert_int_equal(
	    parse(
	        "from=\"10.0.0.0/8,!10.9.*\",expiry-time=\"20300101Z\" " SAMPLE_ED25519
	        " Zo\xc3\xab's key \xff \r\n",
	        &key),
	    0);
	assert_string_equal(key.from, "10.0.0.0/8,!10.9.*");
	assert_true(key.expires == 1893456000);
	assert_string_equal(key.comment, "Zo\xc3\xab's key ");
	assert_int_equal(
	    parse("Expiry-Time=\"203001010000Z\",FROM=\"::1\" " SAMPLE_ED25519
	          "   ",
	        &key),
	    0);
	assert_string_equal(key.from, "::1");
	memset(comment, 'c', sizeof(comment));
	comment[NAME_TEXT_MAX] = '\0';
	snprintf(line, sizeof(line), "%s %s", SAMPLE_ED25519, comment);
	assert_int_equal(parse(line, &key), 0);
	assert_string_equal(key.comment, comment);
}

static void
lines_that_are_no_key_are_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "\n", "#", "ssh-ed25519", "ssh-ed25519 ",
		"ssh-ed25519 x", "ssh-ed25519 AAAA", " " SAMPLE_ED25519,
		"# " SAMPLE_ED25519, SAMPLE_ED25519 "\n\n",
		SAMPLE_ED25519 "\nroot", "from=\"1.2.3.4 " SAMPLE_ED25519,
		"=\"x\" " SAMPLE_ED25519, "no-pty", "no-pty hello world",
		"from=\"1.2.3.4\"", "\"", "=\"\" x",
		/* one type's name before another's blob */
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAICDiJ5e3rOrq4QSI6gyWSlXh+x8OpQHom645DROpxVTa"
	};
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i], &key) != ENS_E_KEY_FORMAT)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(
	    ssh_key_parse(SAMPLE_ED25519 "\0", sizeof(SAMPLE_ED25519), &key),
	    ENS_E_KEY_FORMAT);
}

/* Parses options before a good key; "" when they are taken. */
static const char *
reason_of(const char *options, struct ssh_key *ret_key)
{
	static char reason[KEY_REASON_MAX + 1];
	char line[512];
	int n = snprintf(line, sizeof(line), "%s " SAMPLE_ED25519, options);
	int r;

	assert_in_range(n, 1, sizeof(line) - 1);
	r = ssh_key_parse_line(
	    (struct bytes){ (const uint8_t *)line, (size_t)n }, ret_key,
	    reason);
	assert_true(r == 0 || r == ENS_E_KEY_OPTION);
	return r == 0 ? "" : reason;
}

#define MALFORMED " (malformed, or given twice)"

static void
options_that_cannot_be_honoured_are_refused_by_name(void **state)
{
	static const struct {
		const char *options, *name;
	} cases[] = {
		{ "command=\"x\"", "command" },
		{ "command=\"echo \\\"a b\\\" c\"", "command" },
		{ "from=\"1.2.3.4\",command=\"x\"", "command" },
		{ "no-pty,Command=\"x\"", "Command" },
		{ "environment=\"A=b\"", "environment" },
		{ "principals=\"root\"", "principals" },
		{ "cert-authority", "cert-authority" },
		{ "tunnel=\"0\"", "tunnel" },
		{ "permitopen=\"a:1\"", "permitopen" },
		{ "permitlisten=\"1\"", "permitlisten" },
		{ "no-verify-required", "no-verify-required" },
		{ "restrict=\"x\"", "restrict" },
		{ "some\x01thing", "some" },
		{ "from=\"\"", "from" MALFORMED },
		{ "from=1.2.3.4", "from" MALFORMED },
		{ "from", "from" MALFORMED },
		{ "from=\"1.2.3.4\",", "an option without a name" },
		{ "from=\"1.2.3.4\"x", "x" MALFORMED },
		{ "from=\"1.2.3.4\",from=\"1.2.3.4\"", "from" MALFORMED },
		{ "from=\"a b\"", "from" MALFORMED },
		{ "from=\"a\\\"b\"", "from" MALFORMED },
		{ "expiry-time=\"2030\"", "expiry-time" MALFORMED },
		{ "expiry-time=\"20300101Z\",expiry-time=\"20300101Z\"",
		    "expiry-time" MALFORMED },
	};
	static const char words[] = "option not accepted: ";
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *reason = reason_of(cases[i].options, &key);

		if (strncmp(reason, words, sizeof(words) - 1) != 0 ||
		    strcmp(reason + sizeof(words) - 1, cases[i].name) != 0)
			fail_msg("%s: %s", cases[i].options, reason);
	}
}

static void
options_that_take_away_are_kept_in_the_order_of_sshd(void **state)
{
	static const struct {
		const char *options;
		uint8_t bits;
		const char *written;
	} cases[] = {
		{ "no-pty", KEY_NO_PTY, "no-pty" },
		{ "NO-Agent-Forwarding", KEY_NO_AGENT, "no-agent-forwarding" },
		{ "no-port-forwarding", KEY_NO_PORTS, "no-port-forwarding" },
		{ "restrict", KEY_NARROWED,
		    "no-pty,no-agent-forwarding,no-port-forwarding" },
		{ "restrict,pty", KEY_NO_AGENT | KEY_NO_PORTS,
		    "no-agent-forwarding,no-port-forwarding" },
		{ "pty,restrict", KEY_NARROWED,
		    "no-pty,no-agent-forwarding,no-port-forwarding" },
		{ "restrict,agent-forwarding,port-forwarding,pty", 0, "" },
		{ "no-X11-forwarding,no-user-rc,x11-forwarding,user-rc", 0,
		    "" },
		{ "verify-required,no-touch-required",
		    KEY_VERIFY | KEY_NO_TOUCH,
		    "verify-required,no-touch-required" },
	};
	char written[KEY_OPTIONS_TEXT_MAX + 1];
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(reason_of(cases[i].options, &key), "");
		assert_int_equal(key.options, cases[i].bits);
		ssh_key_format_options(key.options, written);
		assert_string_equal(written, cases[i].written);
	}
	ssh_key_format_options(KEY_OPTIONS, written);
	assert_string_equal(reason_of(written, &key), "");
	assert_int_equal(key.options, KEY_OPTIONS);
}

static void
of_two_from_lists_the_one_within_the_other_is_stricter(void **state)
{
	static const struct {
		const char *a, *b, *stricter; /* NULL: neither */
	} cases[] = {
		{ "", "", "" },
		{ "", "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1" },
		{ "10.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.1" },
		{ "10.0.0.2,10.0.0.1", "10.0.0.1,10.0.0.2,*.example",
		    "10.0.0.2,10.0.0.1" },
		{ "10.0.0.1", "10.0.0.2", NULL },
		{ "10.0.0.1,10.0.0.2", "10.0.0.2,10.0.0.3", NULL },
		/* Texts alone are compared. */
		{ "10.0.0.1", "10.0.0.0/8", NULL },
		{ "10.0.0.1", "10.0.0.10", NULL },
		{ "10.0.0.0/8,!10.0.0.1", "10.0.0.0/8",
		    "10.0.0.0/8,!10.0.0.1" },
		{ "10.0.0.2", "10.0.0.2,!10.0.0.1", "10.0.0.2,!10.0.0.1" },
		{ "10.0.0.2", "10.0.0.2,10.0.0.3,!10.0.0.1", NULL },
		{ "10.0.0.2,!10.0.0.1", "10.0.0.2,10.0.0.3,!10.0.0.1",
		    "10.0.0.2,!10.0.0.1" },
		{ "10.0.0.1,", "10.0.0.1", "10.0.0.1" },
	};
	const char *found;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int turned = 0; turned < 2; turned++) {
			found = turned
			    ? ssh_key_stricter_from(cases[i].b, cases[i].a)
			    : ssh_key_stricter_from(cases[i].a, cases[i].b);
			if (cases[i].stricter == NULL && found == NULL)
				continue;
			if (cases[i].stricter == NULL || found == NULL ||
			    strcmp(found, cases[i].stricter) != 0)
				fail_msg("%s and %s", cases[i].a, cases[i].b);
		}
	}
}

static void
tabs_stand_between_words_and_comments_are_made_fit_to_be_shown(void **state)
{
	char line[1024], comment[NAME_TEXT_MAX + 3];
	struct ssh_key key;

	(void)state;
	assert_int_equal(
	    parse(
	        "no-pty\tssh-ed25519\t\t"
	        "AAAAC3NzaC1lZDI1NTE5AAAAICDiJ5e3rOrq4QSI6gyWSlXh+x8OpQHom645DROpxVTa"
	        "\ta\tb \x1b[m\xff\t",
	        &key),
	    0);
	assert_string_equal(key.comment, "a b [m");
	assert_true(key.comment_changed);
	assert_int_equal(parse(SAMPLE_ED25519 " me", &key), 0);
	assert_false(key.comment_changed);
	memset(comment, 'c', sizeof(comment));
	comment[NAME_TEXT_MAX + 2] = '\0';
	snprintf(line, sizeof(line), "%s %s", SAMPLE_ED25519, comment);
	assert_int_equal(parse(line, &key), 0);
	assert_int_equal(strlen(key.comment), NAME_TEXT_MAX);
	assert_true(key.comment_changed);
}

static void
over_long_lines_are_refused_whole(void **state)
{
	char *line = malloc(KEY_LINE_MAX + 64);
	char from[FROM_TEXT_MAX + 2];
	struct ssh_key key;

	(void)state;
	memset(line, 'A', KEY_LINE_MAX + 1);
	memcpy(line, "ssh-ed25519 ", 12);
	assert_int_equal(ssh_key_parse(line, KEY_LINE_MAX + 1, &key),
	    ENS_E_LIMIT);
	assert_int_equal(ssh_key_parse(line, KEY_LINE_MAX, &key), ENS_E_LIMIT);
	memset(from, '1', sizeof(from));
	from[FROM_TEXT_MAX + 1] = '\0';
	snprintf(line, KEY_LINE_MAX, "from=\"%s\" %s", from, SAMPLE_ED25519);
	assert_int_equal(parse(line, &key), ENS_E_KEY_OPTION);
	from[FROM_TEXT_MAX] = '\0';
	snprintf(line, KEY_LINE_MAX, "from=\"%s\" %s", from, SAMPLE_ED25519);
	assert_int_equal(parse(line, &key), 0);
	free(line);
}

/* Each blob cut at every byte is no key; with a bit flipped it is another
 * key or none, but never a crash; with a byte behind it, none. */
static void
cut_and_flipped_blobs_are_no_surprise(void **state)
{
	static const char *const lines[] = { SAMPLE_ED25519, SAMPLE_RSA2048,
		SAMPLE_ECDSA256, SAMPLE_ECDSA384, SAMPLE_ECDSA521 };
	enum ssh_key_type type;
	struct ssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		uint8_t *copy;

		assert_int_equal(parse(lines[i], &key), 0);
		for (size_t n = 0; n < key.blob_len; n++) {
			copy = malloc(n + 1); /* exact, for ASan */
			memcpy(copy, key.blob, n);
			assert_true(
			    ssh_key_check_blob((struct bytes){ copy, n }, &type,
			        NULL) < 0);
			free(copy);
		}
		copy = malloc(key.blob_len + 1);
		memcpy(copy, key.blob, key.blob_len);
		copy[key.blob_len] = 0;
		assert_int_equal(
		    ssh_key_check_blob((struct bytes){ copy, key.blob_len + 1 },
		        &type, NULL),
		    ENS_E_KEY_FORMAT);
		for (size_t bit = 0; bit < key.blob_len * 8; bit++) {
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			ssh_key_check_blob((struct bytes){ copy, key.blob_len },
			    &type, NULL);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		free(copy);
	}
}

static void
every_line_survives_a_flip_of_every_bit(void **state)
{
	const char good[] =
	    "no-pty,from=\"10.0.0.0/8\",expiry-time=\"20300101Z\" " SAMPLE_ED25519
	    " title";
	char line[sizeof(good)];
	struct ssh_key key;

	(void)state;
	for (size_t bit = 0; bit < (sizeof(good) - 1) * 8; bit++) {
		memcpy(line, good, sizeof(good));
		line[bit / 8] ^= (char)(1 << bit % 8);
		if (ssh_key_parse(line, sizeof(good) - 1, &key) == 0 &&
		    key.from[0] != '\0')
			assert_true(ssh_key_from_is_valid(key.from));
	}
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, good, n);
		if (n < strlen(good) - strlen(" title"))
			assert_true(ssh_key_parse(copy, n, &key) < 0);
		free(copy);
	}
}

static int
check_rsa(const uint8_t *e, size_t e_len, const uint8_t *n, size_t n_len)
{
	uint8_t blob[KEY_BLOB_MAX];
	struct wire_writer writer;
	enum ssh_key_type type;

	wire_write_init(&writer, blob, sizeof(blob));
	wire_write_cstring(&writer, "ssh-rsa");
	wire_write_string(&writer, e, e_len);
	wire_write_string(&writer, n, n_len);
	assert_int_equal(writer.error, 0);
	return ssh_key_check_blob((struct bytes){ blob, writer.len }, &type,
	    NULL);
}

static void
rsa_numbers_have_one_form(void **state)
{
	static const uint8_t e[] = { 1, 0, 1 }, zero[] = { 0 }, one[] = { 1 },
	                     three[] = { 3 }, even[] = { 4 },
	                     padded[] = { 0, 3 }, negative[] = { 0x83 };
	uint8_t n[2050], modulus[2050];

	(void)state;
	memset(n, 0xff, sizeof(n));
	n[0] = 0;
	assert_int_equal(check_rsa(e, 3, n, 257), 0);
	assert_int_equal(check_rsa(three, 1, n, 257), 0);
	assert_int_equal(check_rsa(e, 0, n, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(zero, 1, n, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(one, 1, n, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(even, 1, n, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(padded, 2, n, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(negative, 1, n, 257), ENS_E_KEY_FORMAT);
	/* e and n exchanged */
	assert_int_equal(check_rsa(n, 257, e, 3), ENS_E_KEY_FORMAT);
	/* negative, padded, even */
	assert_int_equal(check_rsa(e, 3, n + 1, 256), ENS_E_KEY_FORMAT);
	memcpy(modulus, n, sizeof(n));
	modulus[1] = 0x7f;
	assert_int_equal(check_rsa(e, 3, modulus, 257), ENS_E_KEY_FORMAT);
	assert_int_equal(check_rsa(e, 3, modulus + 1, 256), ENS_E_KEY_WEAK);
	memcpy(modulus, n, sizeof(n));
	modulus[256] = 0xfe;
	assert_int_equal(check_rsa(e, 3, modulus, 257), ENS_E_KEY_FORMAT);
	/* 16384 bits, and one more */
	assert_int_equal(check_rsa(e, 3, n, 2049), 0);
	memcpy(modulus, n, sizeof(n));
	modulus[0] = 0x01;
	assert_int_equal(check_rsa(e, 3, modulus, 2049), ENS_E_LIMIT);
}

static void
points_are_uncompressed_and_on_the_named_curve(void **state)
{
	struct ssh_key key;
	enum ssh_key_type type;

	(void)state;
	assert_int_equal(parse(SAMPLE_ECDSA256, &key), 0);
	key.blob[4 + 19 + 4 + 8 + 4] = 0x02;
	assert_int_equal(ssh_key_check_blob(blob_of(&key), &type, NULL),
	    ENS_E_KEY_FORMAT);
	key.blob[4 + 19 + 4 + 8 + 4] = 0x04;
	assert_int_equal(ssh_key_check_blob(blob_of(&key), &type, NULL), 0);
	memcpy(key.blob + 4 + 19 + 4, "nistp384", 8);
	assert_int_equal(ssh_key_check_blob(blob_of(&key), &type, NULL),
	    ENS_E_KEY_FORMAT);
}

static int
expiry(const char *text, int64_t *ret_time)
{
	return ssh_key_parse_expiry(text, strlen(text), ret_time);
}

static void
expiry_times_are_real_ones(void **state)
{
	static const char *const bad[] = { "", "Z", "2030", "2030010",
		"203001010", "20300001Z", "20301301Z", "20300132Z", "20300229Z",
		"20300431Z", "203001012400Z", "203001010060Z",
		"20300101000060Z", "2030-01-01", "20300101z ", "+0300101Z",
		"19700101Z", "19600101Z", "20300101ZZ", "2030010100000000Z" };
	int64_t t = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (expiry(bad[i], &t) != ENS_E_SYNTAX)
			fail_msg("taken: %s", bad[i]);
	}
	assert_true(t == 42);
	assert_int_equal(expiry("20300101Z", &t), 0);
	assert_true(t == 1893456000);
	assert_int_equal(expiry("203001010102Z", &t), 0);
	assert_true(t == 1893456000 + 3720);
	assert_int_equal(expiry("20300101010203Z", &t), 0);
	assert_true(t == 1893456000 + 3723);
	assert_int_equal(expiry("20280229Z", &t), 0);
	setenv("TZ", "UTC-2", 1);
	tzset();
	assert_int_equal(expiry("20300101", &t), 0);
	assert_true(t == 1893456000 - 7200);
}

static void
from_lists_cannot_leave_their_quotes(void **state)
{
	char one[2] = "";

	(void)state;
	assert_true(ssh_key_from_is_valid("10.0.0.0/8,!*.x,2001:db8::/32,?"));
	assert_false(ssh_key_from_is_valid(""));
	for (int c = 1; c < 256; c++) {
		one[0] = (char)c;
		if (c <= ' ' || c >= 0x7f || strchr("\"'\\`$;()<>|&=#", c))
			assert_false(ssh_key_from_is_valid(one));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_keys_are_parsed_and_written_anew),
		cmocka_unit_test(security_keys_are_accepted),
		cmocka_unit_test(
		    weak_and_foreign_keys_are_refused_with_their_reason),
		cmocka_unit_test(options_comment_and_line_end_are_taken),
		cmocka_unit_test(lines_that_are_no_key_are_refused),
		cmocka_unit_test(
		    options_that_cannot_be_honoured_are_refused_by_name),
		cmocka_unit_test(
		    options_that_take_away_are_kept_in_the_order_of_sshd),
		cmocka_unit_test(
		    tabs_stand_between_words_and_comments_are_made_fit_to_be_shown),
		cmocka_unit_test(over_long_lines_are_refused_whole),
		cmocka_unit_test(cut_and_flipped_blobs_are_no_surprise),
		cmocka_unit_test(every_line_survives_a_flip_of_every_bit),
		cmocka_unit_test(rsa_numbers_have_one_form),
		cmocka_unit_test(
		    points_are_uncompressed_and_on_the_named_curve),
		cmocka_unit_test(
		    of_two_from_lists_the_one_within_the_other_is_stricter),
		cmocka_unit_test(expiry_times_are_real_ones),
		cmocka_unit_test(from_lists_cannot_leave_their_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The manifest: one form, and nothing else is one. */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"
#include "common/view/manifest.h"
#include "common/view/record.h"

static struct manifest
sample(uint32_t segments)
{
	struct manifest manifest = {
		.generation = 42,
		.as_of = 1763850000,
		.segment_count = segments,
		.version = MANIFEST_VERSION,
	};

	for (uint32_t i = 0; i < segments; i++) {
		snprintf(manifest.segments[i].name, SEGMENT_NAME_LEN + 1,
		    "%016x.cdb", 0xabc000 + i);
		manifest.segments[i].size = 8192 + i;
	}
	return manifest;
}

static void
what_is_formatted_is_parsed_again(void **state)
{
	char text[MANIFEST_SIZE_MAX];

	(void)state;
	for (uint32_t n = 1; n <= VIEW_SEGMENTS_MAX; n++) {
		struct manifest manifest = sample(n), parsed;
		size_t len = manifest_format(&manifest, text);

		assert_int_equal(manifest_parse(text, len, &parsed), 0);
		assert_memory_equal(&parsed, &manifest, sizeof(manifest));
	}
}

static void
the_largest_manifest_fits(void **state)
{
	struct manifest manifest = sample(VIEW_SEGMENTS_MAX), parsed;
	char text[MANIFEST_SIZE_MAX];
	size_t len;

	(void)state;
	manifest.generation = UINT64_MAX;
	manifest.as_of = INT64_MAX;
	for (uint32_t i = 0; i < VIEW_SEGMENTS_MAX; i++)
		manifest.segments[i].size = INT64_MAX;
	len = manifest_format(&manifest, text);
	assert_true(len < MANIFEST_SIZE_MAX);
	assert_int_equal(manifest_parse(text, len, &parsed), 0);
	assert_memory_equal(&parsed, &manifest, sizeof(manifest));
}

static void
any_bit_turned_is_noticed(void **state)
{
	struct manifest manifest = sample(2), parsed;
	char text[MANIFEST_SIZE_MAX];
	size_t len = manifest_format(&manifest, text);

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		int r;

		text[bit / 8] ^= (char)(1U << bit % 8);
		r = manifest_parse(text, len, &parsed);
		assert_true(r == ENS_E_CORRUPT || r == ENS_E_VERSION);
		text[bit / 8] ^= (char)(1U << bit % 8);
	}
}

static void
any_cut_is_noticed(void **state)
{
	struct manifest manifest = sample(2), parsed;
	char text[MANIFEST_SIZE_MAX];
	size_t len = manifest_format(&manifest, text);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		char *cut = malloc(n == 0 ? 1 : n);

		assert_non_null(cut);
		memcpy(cut, text, n);
		assert_int_equal(manifest_parse(cut, n, &parsed),
		    ENS_E_CORRUPT);
		free(cut);
	}
	text[len] = '\n';
	assert_int_equal(manifest_parse(text, len + 1, &parsed), ENS_E_CORRUPT);
}

/* Parses lines with a check line that agrees. */
static int
parse_sealed(const char *lines)
{
	struct manifest parsed;
	char text[2 * MANIFEST_SIZE_MAX];
	int len;

	len = snprintf(text, sizeof(text), "%scheck %08" PRIx32 "\n", lines,
	    crc32c(0, lines, strlen(lines)));
	return manifest_parse(text, (size_t)len, &parsed);
}

#define HEAD "enscale-view 5\ngeneration 42\nas-of 17\n"
#define NAME "0123456789abcdef.cdb"

static void
a_sealed_text_of_another_form_is_refused(void **state)
{
	const char *const bad[] = {
		"",
		"enscale-view 5\n",
		HEAD, /* no segment: it would say that nobody exists */
		HEAD "segment " NAME "\n",
		HEAD "segment " NAME " \n",
		HEAD "segment " NAME " 01\n",
		HEAD "segment " NAME " -1\n",
		HEAD "segment " NAME " 1 \n",
		HEAD "segment " NAME " 9223372036854775808\n",
		HEAD "segment " NAME " 99999999999999999999\n",
		HEAD "segment  " NAME " 1\n",
		HEAD "segment 0123456789ABCDEF.cdb 1\n",
		HEAD "segment ../../../../../../x 1\n",
		HEAD "segment 0123456789abcde.cdb 1\n",
		HEAD "segment 0123456789abcdef.txt 1\n",
		HEAD "segment " NAME " 1\nmore 1\n",
		HEAD "segment " NAME " 1\n\n",
		"enscale-view 5\ngeneration 18446744073709551616\nas-of 17\n"
		"segment " NAME " 1\n",
		"enscale-view 5\ngeneration 042\nas-of 17\nsegment " NAME
		" 1\n",
		"enscale-view 5\ngeneration 42\nas-of 9223372036854775808\n"
		"segment " NAME " 1\n",
		"enscale-view 5\nas-of 17\ngeneration 42\nsegment " NAME " 1\n",
		"enscale-view 02\ngeneration 42\nas-of 17\nsegment " NAME
		" 1\n",
		"Enscale-view 2\ngeneration 42\nas-of 17\nsegment " NAME " 1\n",
	};

	(void)state;
	assert_int_equal(parse_sealed(HEAD "segment " NAME " 1\n"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_sealed(bad[i]), ENS_E_CORRUPT);
}

static void
one_segment_too_many_is_refused(void **state)
{
	static const char one[] = "segment " NAME " 1\n";
	char lines[MANIFEST_SIZE_MAX] = HEAD;
	size_t len = strlen(lines);

	(void)state;
	for (int i = 0; i < VIEW_SEGMENTS_MAX; i++, len += sizeof(one) - 1)
		memcpy(lines + len, one, sizeof(one));
	assert_int_equal(parse_sealed(lines), 0);
	memcpy(lines + len, one, sizeof(one));
	assert_int_equal(parse_sealed(lines), ENS_E_CORRUPT);
}

static void
another_version_is_named_so_whatever_follows(void **state)
{
	struct manifest parsed;

	(void)state;
	assert_int_equal(parse_sealed("enscale-view 6\nsomething new\n"),
	    ENS_E_VERSION);
	assert_int_equal(manifest_parse("enscale-view 0\n", 15, &parsed),
	    ENS_E_VERSION);
}

static const char *
own_name(void)
{
	static char name[MANIFEST_NAME_SIZE];

	manifest_name(MANIFEST_VERSION, name);
	return name;
}

static int
read_own(int dir_fd, struct manifest *ret_manifest)
{
	return manifest_read(dir_fd, MANIFEST_VERSION, ret_manifest);
}

static void
a_file_is_named_after_its_version(void **state)
{
	static const char *const others[] = { "", "manifes", "manifest.",
		"manifest.04", "manifest.4x", "manifest.4294967296",
		"manifestx", ".new-manifest" };
	char name[MANIFEST_NAME_SIZE];

	(void)state;
	manifest_name(3, name);
	assert_string_equal(name, "manifest");
	assert_int_equal(manifest_name_version(name), 3);
	manifest_name(UINT32_MAX, name);
	assert_string_equal(name, "manifest.4294967295");
	assert_int_equal(manifest_name_version(name), UINT32_MAX);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(manifest_name_version(others[i]), 0);
}

static void
put_file(int dir_fd, const char *text, size_t len)
{
	int fd = openat(dir_fd, own_name(), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void
only_a_readable_file_of_moderate_size_is_read(void **state)
{
	char dir[] = "/tmp/enscale-manifest-XXXXXX";
	struct manifest manifest = sample(3), parsed;
	char text[MANIFEST_SIZE_MAX + 1];
	size_t len;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(read_own(fd, &parsed), ENS_E_NOTFOUND);
	len = manifest_format(&manifest, text);
	put_file(fd, text, len);
	assert_int_equal(read_own(fd, &parsed), 0);
	assert_memory_equal(&parsed, &manifest, sizeof(manifest));
	memset(text, 'x', sizeof(text));
	put_file(fd, text, sizeof(text));
	assert_int_equal(read_own(fd, &parsed), ENS_E_CORRUPT);
	put_file(fd, text, 0);
	assert_int_equal(read_own(fd, &parsed), ENS_E_CORRUPT);
	/* Nothing that would make a reader wait, or lead elsewhere. */
	assert_int_equal(unlinkat(fd, own_name(), 0), 0);
	assert_int_equal(mkfifoat(fd, own_name(), 0600), 0);
	assert_int_not_equal(read_own(fd, &parsed), 0);
	assert_int_equal(unlinkat(fd, own_name(), 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", fd, own_name()), 0);
	assert_int_equal(read_own(fd, &parsed), ENS_E_VIEW);
	assert_int_equal(unlinkat(fd, own_name(), 0), 0);
	close(fd);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_formatted_is_parsed_again),
		cmocka_unit_test(the_largest_manifest_fits),
		cmocka_unit_test(any_bit_turned_is_noticed),
		cmocka_unit_test(any_cut_is_noticed),
		cmocka_unit_test(a_sealed_text_of_another_form_is_refused),
		cmocka_unit_test(one_segment_too_many_is_refused),
		cmocka_unit_test(another_version_is_named_so_whatever_follows),
		cmocka_unit_test(a_file_is_named_after_its_version),
		cmocka_unit_test(only_a_readable_file_of_moderate_size_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The manifest of the view: read strictly, in the one form that
 * manifest_format() writes. A text that differs by one byte is not a manifest.
 */
#include <config.h>

#include "common/view/manifest.h"

#include "common/base/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/view/record.h"

#define NAME               "manifest"
#define UNNUMBERED_VERSION 3U /* its file is called NAME alone */

#define CHECK_LINE_LEN 15 /* "check 89abcdef\n" */
#define CHECK_DIGITS   8
#define NAME_DIGITS    16

/* What is left of the text. */
struct cursor {
	const char *at;
	size_t left;
};

static bool
skip(struct cursor *cursor, const char *word)
{
	size_t len = strlen(word);

	if (len > cursor->left || memcmp(cursor->at, word, len) != 0)
		return false;
	cursor->at += len;
	cursor->left -= len;
	return true;
}

/* A canonical decimal number of at most max. */
static bool
number(struct cursor *cursor, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t digits = 0;

	while (digits < cursor->left && cursor->at[digits] >= '0' &&
	    cursor->at[digits] <= '9') {
		uint64_t digit = (uint64_t)(cursor->at[digits] - '0');

		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
		digits++;
	}
	if (digits == 0 || (digits > 1 && cursor->at[0] == '0'))
		return false;
	cursor->at += digits;
	cursor->left -= digits;
	*ret_value = value;
	return true;
}

static bool
hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
segment_name(struct cursor *cursor, char ret_name[SEGMENT_NAME_LEN + 1])
{
	if (cursor->left < SEGMENT_NAME_LEN)
		return false;
	for (size_t i = 0; i < NAME_DIGITS; i++) {
		if (!hex_digit(cursor->at[i]))
			return false;
	}
	if (memcmp(cursor->at + NAME_DIGITS, ".cdb", 4) != 0)
		return false;
	memcpy(ret_name, cursor->at, SEGMENT_NAME_LEN);
	ret_name[SEGMENT_NAME_LEN] = '\0';
	cursor->at += SEGMENT_NAME_LEN;
	cursor->left -= SEGMENT_NAME_LEN;
	return true;
}

static size_t
check_line(const char *text, size_t len, char line[CHECK_LINE_LEN + 1])
{
	uint32_t crc = crc32c(0, text, len);

	return (size_t)snprintf(line, CHECK_LINE_LEN + 1,
	    "check %08" PRIx32 "\n", crc);
}

static bool
check_ok(const char *text, size_t len)
{
	char line[CHECK_LINE_LEN + 1];

	if (len < CHECK_LINE_LEN)
		return false;
	len -= CHECK_LINE_LEN;
	check_line(text, len, line);
	return memcmp(text + len, line, CHECK_LINE_LEN) == 0;
}

static bool
segments(struct cursor *cursor, struct manifest *manifest)
{
	while (skip(cursor, "segment ")) {
		struct manifest_segment *segment;

		if (manifest->segment_count == VIEW_SEGMENTS_MAX)
			return false;
		segment = &manifest->segments[manifest->segment_count++];
		if (!segment_name(cursor, segment->name) ||
		    !skip(cursor, " ") ||
		    !number(cursor, INT64_MAX, &segment->size) ||
		    !skip(cursor, "\n"))
			return false;
	}
	/* Without a segment it would say that nobody exists. */
	return manifest->segment_count > 0;
}

void
manifest_name(uint32_t version, char ret_name[MANIFEST_NAME_SIZE])
{
	if (version == UNNUMBERED_VERSION)
		snprintf(ret_name, MANIFEST_NAME_SIZE, NAME);
	else
		snprintf(ret_name, MANIFEST_NAME_SIZE, NAME ".%" PRIu32,
		    version);
}

uint32_t
manifest_name_version(const char *name)
{
	struct cursor cursor = { name, strlen(name) };
	uint64_t version;

	if (!skip(&cursor, NAME))
		return 0;
	if (cursor.left == 0)
		return UNNUMBERED_VERSION;
	if (!skip(&cursor, ".") || !number(&cursor, UINT32_MAX, &version) ||
	    cursor.left > 0)
		return 0;
	return (uint32_t)version;
}

int
manifest_parse(const char *text, size_t len, struct manifest *ret_manifest)
{
	struct manifest manifest = { 0 };
	struct cursor cursor = { text, len };
	uint64_t version, as_of;

	if (!skip(&cursor, "enscale-view ") ||
	    !number(&cursor, UINT32_MAX, &version) || !skip(&cursor, "\n"))
		return ENS_E_CORRUPT;
	if (version < MANIFEST_VERSION_BEFORE || version > MANIFEST_VERSION)
		return ENS_E_VERSION;
	if (!check_ok(text, len))
		return ENS_E_CORRUPT;
	if (!skip(&cursor, "generation ") ||
	    !number(&cursor, UINT64_MAX, &manifest.generation) ||
	    !skip(&cursor, "\nas-of ") || !number(&cursor, INT64_MAX, &as_of) ||
	    !skip(&cursor, "\n") || !segments(&cursor, &manifest) ||
	    cursor.left != CHECK_LINE_LEN)
		return ENS_E_CORRUPT;
	manifest.version = (uint32_t)version;
	manifest.as_of = (int64_t)as_of;
	*ret_manifest = manifest;
	return 0;
}

/* The longest manifest fits: 16 segments of at most 49 bytes a line, and a
 * head of less than 100. */
size_t
manifest_format(const struct manifest *manifest, char buf[MANIFEST_SIZE_MAX])
{
	size_t len;

	len = (size_t)snprintf(buf, MANIFEST_SIZE_MAX,
	    "enscale-view %" PRIu32 "\ngeneration %" PRIu64 "\nas-of %" PRId64
	    "\n",
	    manifest->version, manifest->generation, manifest->as_of);
	for (uint32_t i = 0;
	     i < manifest->segment_count && i < VIEW_SEGMENTS_MAX; i++)
		len += (size_t)snprintf(buf + len, MANIFEST_SIZE_MAX - len,
		    "segment %.*s %" PRIu64 "\n", SEGMENT_NAME_LEN,
		    manifest->segments[i].name, manifest->segments[i].size);
	return len + check_line(buf, len, buf + len);
}

int
manifest_read(int dir_fd, uint32_t version, struct manifest *ret_manifest)
{
	char text[MANIFEST_SIZE_MAX + 1], name[MANIFEST_NAME_SIZE];
	struct manifest manifest;
	AUTO_FD int fd = -1;
	size_t len = 0;
	int r;

	manifest_name(version, name);
	fd = openat(dir_fd, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? ENS_E_NOTFOUND : ENS_E_VIEW;
	while (len < sizeof(text)) {
		ssize_t n = read(fd, text + len, sizeof(text) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ENS_E_VIEW;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len > MANIFEST_SIZE_MAX)
		return ENS_E_CORRUPT;
	r = manifest_parse(text, len, &manifest);
	if (r != 0)
		return r;
	if (manifest.version != version)
		return ENS_E_VERSION;
	*ret_manifest = manifest;
	return 0;
}

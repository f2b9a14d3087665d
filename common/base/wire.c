/* Byte cursors with a sticky error; no allocation when reading. */
#include <config.h>

#include "common/base/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"

#define GROW_FIRST 256

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
bytes_equal_text(struct bytes b, const char *text)
{
	return bytes_equal(b,
	    (struct bytes){ (const uint8_t *)text, strlen(text) });
}

void
wire_read_init(struct wire_reader *reader, const void *data, size_t len)
{
	*reader = (struct wire_reader){ .at = data, .left = len };
}

/* The only place that moves the cursor; NULL after an error. */
static const uint8_t *
take(struct wire_reader *reader, size_t len)
{
	const uint8_t *at = reader->at;

	if (reader->error != 0)
		return NULL;
	if (len > reader->left) {
		reader->error = ENS_E_CORRUPT;
		return NULL;
	}
	if (len == 0)
		return at;
	reader->at += len;
	reader->left -= len;
	return at;
}

static uint64_t
take_integer(struct wire_reader *reader, size_t len)
{
	const uint8_t *at = take(reader, len);
	uint64_t value = 0;

	if (at == NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return value;
}

uint8_t
wire_read_u8(struct wire_reader *reader)
{
	return (uint8_t)take_integer(reader, 1);
}

uint16_t
wire_read_u16(struct wire_reader *reader)
{
	return (uint16_t)take_integer(reader, 2);
}

uint32_t
wire_read_u32(struct wire_reader *reader)
{
	return (uint32_t)take_integer(reader, 4);
}

uint64_t
wire_read_u64(struct wire_reader *reader)
{
	return take_integer(reader, 8);
}

struct bytes
wire_read_bytes(struct wire_reader *reader, size_t len)
{
	const uint8_t *at = take(reader, len);

	return (struct bytes){ at, at == NULL ? 0 : len };
}

struct bytes
wire_read_string(struct wire_reader *reader)
{
	return wire_read_bytes(reader, wire_read_u32(reader));
}

const char *
wire_read_text(struct wire_reader *reader, size_t max)
{
	size_t len = wire_read_u32(reader);
	const uint8_t *at;

	if (reader->error == 0 && len > max)
		reader->error = ENS_E_CORRUPT;
	at = take(reader, len + 1);
	if (at == NULL)
		return "";
	if (memchr(at, '\0', len + 1) != at + len) {
		reader->error = ENS_E_CORRUPT;
		return "";
	}
	return (const char *)at;
}

int
wire_read_end(const struct wire_reader *reader)
{
	if (reader->error != 0 || reader->left != 0)
		return ENS_E_CORRUPT;
	return 0;
}

void
wire_write_init(struct wire_writer *writer, void *buf, size_t size)
{
	*writer = (struct wire_writer){ .data = buf,
		.size = size,
		.max = size };
}

void
wire_write_init_growing(struct wire_writer *writer, size_t max)
{
	*writer = (struct wire_writer){ .max = max, .growing = true };
}

void
wire_write_free(struct wire_writer *writer)
{
	if (writer->growing && writer->data != NULL) {
		explicit_bzero(writer->data, writer->size);
		free(writer->data);
	}
	*writer = (struct wire_writer){ 0 };
}

/* Makes room for size bytes in all. Not realloc(3), which would leave a copy
 * of what may be secret behind. */
static int
grow(struct wire_writer *writer, size_t size)
{
	size_t larger = writer->size == 0 ? GROW_FIRST : writer->size;
	uint8_t *data;

	while (larger < size)
		larger = larger > writer->max / 2 ? writer->max : larger * 2;
	if (larger > writer->max)
		larger = writer->max;
	data = malloc(larger);
	if (data == NULL)
		return -ENOMEM;
	if (writer->data != NULL) {
		memcpy(data, writer->data, writer->len);
		explicit_bzero(writer->data, writer->size);
		free(writer->data);
	}
	writer->data = data;
	writer->size = larger;
	return 0;
}

/* The place of the next len bytes, or NULL after an error. */
static uint8_t *
reserve(struct wire_writer *writer, size_t len)
{
	uint8_t *at;

	if (writer->error != 0)
		return NULL;
	if (len > writer->max - writer->len) {
		writer->error = ENS_E_LIMIT;
		return NULL;
	}
	if (len > writer->size - writer->len)
		writer->error = grow(writer, writer->len + len);
	if (writer->error != 0)
		return NULL;
	at = writer->data + writer->len;
	writer->len += len;
	return at;
}

static void
store(uint8_t *at, size_t len, uint64_t value)
{
	for (size_t i = len; i > 0; i--) {
		at[i - 1] = (uint8_t)value;
		value >>= 8;
	}
}

static void
put_integer(struct wire_writer *writer, size_t len, uint64_t value)
{
	uint8_t *at = reserve(writer, len);

	if (at != NULL)
		store(at, len, value);
}

void
wire_write_u8(struct wire_writer *writer, uint8_t value)
{
	put_integer(writer, 1, value);
}

void
wire_write_u16(struct wire_writer *writer, uint16_t value)
{
	put_integer(writer, 2, value);
}

void
wire_write_u32(struct wire_writer *writer, uint32_t value)
{
	put_integer(writer, 4, value);
}

void
wire_write_u64(struct wire_writer *writer, uint64_t value)
{
	put_integer(writer, 8, value);
}

void
wire_write_bytes(struct wire_writer *writer, const void *data, size_t len)
{
	uint8_t *at;

	if (len == 0)
		return;
	at = reserve(writer, len);
	if (at != NULL)
		memcpy(at, data, len);
}

void
wire_write_string(struct wire_writer *writer, const void *data, size_t len)
{
	if (len > UINT32_MAX && writer->error == 0)
		writer->error = ENS_E_LIMIT;
	wire_write_u32(writer, (uint32_t)len);
	wire_write_bytes(writer, data, len);
}

void
wire_write_cstring(struct wire_writer *writer, const char *text)
{
	wire_write_string(writer, text, strlen(text));
}

void
wire_write_text(struct wire_writer *writer, const char *text)
{
	wire_write_cstring(writer, text);
	wire_write_u8(writer, 0);
}

size_t
wire_write_begin_string(struct wire_writer *writer)
{
	wire_write_u32(writer, 0);
	return writer->len;
}

void
wire_write_end_string(struct wire_writer *writer, size_t place)
{
	size_t len;

	if (writer->error != 0)
		return;
	len = writer->len - place;
	if (len > UINT32_MAX) {
		writer->error = ENS_E_LIMIT;
		return;
	}
	store(writer->data + place - 4, 4, len);
}

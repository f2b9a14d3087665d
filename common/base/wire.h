/*
 * Byte cursors with a sticky error, for the SSH wire format (RFC 4251,
 * section 5: big-endian integers, strings with a u32 length) and for our own
 * records. After the first error every read returns zero or empty and every
 * write does nothing: check once, at the end.
 */
#ifndef ENSCALE_COMMON_BASE_WIRE_H
#define ENSCALE_COMMON_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"

/* Borrowed bytes. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

bool bytes_equal(struct bytes a, struct bytes b);
/* True if b is exactly the characters of text, without a NUL. */
bool bytes_equal_text(struct bytes b, const char *text);

struct wire_reader {
	const uint8_t *at;
	size_t left;
	int error; /* 0 or ENS_E_CORRUPT */
};

void wire_read_init(struct wire_reader *reader, const void *data, size_t len);
uint8_t wire_read_u8(struct wire_reader *reader);
uint16_t wire_read_u16(struct wire_reader *reader);
uint32_t wire_read_u32(struct wire_reader *reader);
uint64_t wire_read_u64(struct wire_reader *reader);
/* The next len bytes, borrowed. */
struct bytes wire_read_bytes(struct wire_reader *reader, size_t len);
/* An SSH string: u32 length, bytes; borrowed. */
struct bytes wire_read_string(struct wire_reader *reader);
/*
 * A text of at most max characters, written by wire_write_text(): u32 length
 * without the NUL, the characters, a NUL; no other NUL in it. Borrowed and
 * NUL-terminated; "" after an error.
 */
const char *wire_read_text(struct wire_reader *reader, size_t max);
/* 0 when nothing failed and nothing is left, else ENS_E_CORRUPT. */
ENS_MUST_CHECK int wire_read_end(const struct wire_reader *reader);

struct wire_writer {
	uint8_t *data; /* owned when growing, else the caller's */
	size_t len;
	size_t size;
	size_t max; /* never longer than this */
	int error;  /* 0, -ENOMEM or ENS_E_LIMIT */
	bool growing;
};

/* Writes into the caller's buffer; ENS_E_LIMIT when it is full. */
void wire_write_init(struct wire_writer *writer, void *buf, size_t size);
/* Writes into memory of its own, up to max bytes. */
void wire_write_init_growing(struct wire_writer *writer, size_t max);
/* Wipes and frees what a growing writer owns; for the cleanup attribute. */
void wire_write_free(struct wire_writer *writer);

void wire_write_u8(struct wire_writer *writer, uint8_t value);
void wire_write_u16(struct wire_writer *writer, uint16_t value);
void wire_write_u32(struct wire_writer *writer, uint32_t value);
void wire_write_u64(struct wire_writer *writer, uint64_t value);
void wire_write_bytes(struct wire_writer *writer, const void *data, size_t len);
void wire_write_string(struct wire_writer *writer, const void *data,
    size_t len);
/* An SSH string of a C string's characters. */
void wire_write_cstring(struct wire_writer *writer, const char *text);
void wire_write_text(struct wire_writer *writer, const char *text);
/* Begins an SSH string whose length is not known yet; returns its position, for
 * wire_write_end_string(), which fills in the length. They may nest. */
size_t wire_write_begin_string(struct wire_writer *writer);
void wire_write_end_string(struct wire_writer *writer, size_t place);

#endif

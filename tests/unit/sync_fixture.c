#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/base64.h"
#include "common/base/wire.h"
#include "tests/unit/sync_fixture.h"

static void
open_state(struct sync_fixture *fixture)
{
	bool replaced;

	assert_int_equal(
	    state_open(fixture->folder, &fixture->state, &replaced), 0);
	assert_false(replaced);
}

void
sync_fixture_make(struct sync_fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	(void)snprintf(fixture->root, sizeof(fixture->root), "%s",
	    "/tmp/enscale-test-sync-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	(void)snprintf(fixture->folder, sizeof(fixture->folder), "%s/state",
	    fixture->root);
	assert_int_equal(mkdir(fixture->folder, 0700), 0);
	schema_init(&fixture->schema);
	assert_int_equal(entry_parser_new(&fixture->schema, &fixture->parser),
	    0);
	open_state(fixture);
}

void
sync_fixture_free(struct sync_fixture *fixture)
{
	char command[128];

	state_close(fixture->state);
	entry_parser_free(fixture->parser);
	(void)snprintf(command, sizeof(command), "rm -rf %s", fixture->root);
	assert_int_equal(system(command), 0);
}

void
sync_fixture_reopen(struct sync_fixture *fixture)
{
	state_close(fixture->state);
	open_state(fixture);
}

const uint8_t *
sync_uuid(uint32_t number)
{
	static uint8_t uuids[4][ENTRY_UUID_LEN];
	static unsigned int turn;
	uint8_t *uuid = uuids[turn++ % 4];

	memset(uuid, 0x11, ENTRY_UUID_LEN);
	for (int i = 0; i < 4; i++)
		uuid[i] = (uint8_t)(number >> (24 - 8 * i));
	return uuid;
}

void
sync_begin(struct sync_fixture *fixture)
{
	fixture->count = 0;
}

void
sync_add_bytes(struct sync_fixture *fixture, const char *name,
    const void *value, size_t len)
{
	uint32_t i = fixture->count++;
	struct entry_attribute *attribute = &fixture->attributes[i];
	struct entry_attribute *last = i == 0 ? NULL : attribute - 1;

	assert_true(i < SYNC_ATTRIBUTES_MAX);
	memcpy(&fixture->values[i].bv_val, &value, sizeof(value));
	fixture->values[i].bv_len = len;
	*attribute = (struct entry_attribute){ { strlen(name), NULL },
		&fixture->values[i], 1 };
	memcpy(&attribute->name.bv_val, &name, sizeof(name));
	/* Values of one attribute stand in one row; the rest are empty. */
	while (last != NULL && last > fixture->attributes &&
	    last->value_count == 0)
		last--;
	if (last != NULL && last->name.bv_len == attribute->name.bv_len &&
	    memcmp(last->name.bv_val, name, last->name.bv_len) == 0) {
		last->value_count++;
		attribute->value_count = 0;
	}
}

/* The lines stay where they are: names and values point into them. */
void
sync_add(struct sync_fixture *fixture, const char *line)
{
	static char names[SYNC_ATTRIBUTES_MAX][64];
	const char *colon = strchr(line, ':');
	char *name = names[fixture->count];
	const char *end = line + strcspn(line, "\n");

	assert_non_null(colon);
	(void)snprintf(name, sizeof(names[0]), "%.*s", (int)(colon - line),
	    line);
	sync_add_bytes(fixture, name, colon + 2, (size_t)(end - colon - 2));
}

struct entry
sync_parse(struct sync_fixture *fixture, uint32_t uuid, const char *dn)
{
	struct entry entry;
	struct berval name = { strlen(dn), NULL };

	memcpy(&name.bv_val, &dn, sizeof(dn));
	assert_int_equal(entry_parse(fixture->parser, sync_uuid(uuid), name,
	                     fixture->attributes, fixture->count, &entry),
	    0);
	return entry;
}

struct entry
sync_entry(struct sync_fixture *fixture, uint32_t uuid, const char *dn,
    const char *lines)
{
	sync_begin(fixture);
	while (*lines != '\0') {
		sync_add(fixture, lines);
		lines += strcspn(lines, "\n") + 1;
	}
	return sync_parse(fixture, uuid, dn);
}

void
sync_put(struct sync_fixture *fixture, uint32_t uuid, const char *dn,
    const char *lines)
{
	struct entry entry = sync_entry(fixture, uuid, dn, lines);

	assert_int_equal(state_begin_write(fixture->state), 0);
	assert_int_equal(state_put(fixture->state, &entry, true), 0);
	assert_int_equal(state_commit(fixture->state), 0);
}

void
sync_put_unsure(struct sync_fixture *fixture, uint32_t uuid, const char *dn,
    const char *lines)
{
	struct entry entry = sync_entry(fixture, uuid, dn, lines);

	assert_int_equal(state_put(fixture->state, &entry, false), 0);
}

void
sync_delete(struct sync_fixture *fixture, uint32_t uuid)
{
	assert_int_equal(state_begin_write(fixture->state), 0);
	assert_int_equal(state_delete(fixture->state, sync_uuid(uuid)), 0);
	assert_int_equal(state_commit(fixture->state), 0);
}

void
sync_complete(struct sync_fixture *fixture)
{
	assert_int_equal(state_begin_write(fixture->state), 0);
	state_set_complete(fixture->state);
	assert_int_equal(state_commit(fixture->state), 0);
}

const char *
sync_key(uint32_t number)
{
	static char lines[4][128];
	static unsigned int turn;
	struct wire_writer blob;
	uint8_t bytes[64], key[32];
	char *line = lines[turn++ % 4];

	memset(key, 0x42, sizeof(key));
	memcpy(key, &number, sizeof(number));
	wire_write_init(&blob, bytes, sizeof(bytes));
	wire_write_cstring(&blob, "ssh-ed25519");
	wire_write_string(&blob, key, sizeof(key));
	memcpy(line, "ssh-ed25519 ", 13);
	assert_true(base64_encode(bytes, blob.len, line + 12, 128 - 12) > 0);
	return line;
}

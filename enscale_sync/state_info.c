/* The state: what one transaction changes as a whole, and counters. */
#include <config.h>

#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* Another version is not converted: the directory is asked again. */
#define STATE_VERSION  5
#define STATE_INFO_MAX ((size_t)16 * 1024)

static const struct bytes info_key = { (const uint8_t *)"info", 4 };

int
state_write_info(struct state *state)
{
	AUTO(wire_write_free) struct wire_writer out;
	const struct state_info *info = &state->info;

	wire_write_init_growing(&out, STATE_INFO_MAX);
	wire_write_u32(&out, STATE_VERSION);
	wire_write_u64(&out, info->generation);
	wire_write_u64(&out, info->purged);
	wire_write_u8(&out, info->complete);
	wire_write_u8(&out, info->behind);
	wire_write_u8(&out, info->unsettled);
	wire_write_u8(&out, info->frozen);
	for (int i = 0; i <= ENTRY_KINDS; i++)
		wire_write_u64(&out, info->entries[i]);
	for (int i = 0; i < RIGHTS_LIMITS; i++)
		wire_write_u64(&out, info->limits[i]);
	wire_write_u64(&out, info->key_values);
	wire_write_bytes(&out, info->digest, sizeof(info->digest));
	wire_write_u32(&out, info->fields);
	wire_write_string(&out, info->cookie, info->cookie_len);
	wire_write_u32(&out, info->seen.count);
	for (uint32_t i = 0; i < info->seen.count; i++)
		wire_write_cstring(&out, info->seen.rows[i].csn);
	if (out.error != 0)
		return out.error;
	return state_store(state, T_INFO, info_key,
	    (struct bytes){ out.data, out.len });
}

static int
parse_info(struct bytes value, struct state_info *ret_info)
{
	struct state_info info = { 0 };
	struct wire_reader in;
	struct bytes b;
	uint32_t count;

	wire_read_init(&in, value.data, value.len);
	if (wire_read_u32(&in) != STATE_VERSION)
		return ENS_E_VERSION;
	info.generation = wire_read_u64(&in);
	info.purged = wire_read_u64(&in);
	info.complete = wire_read_u8(&in) != 0;
	info.behind = wire_read_u8(&in) != 0;
	info.unsettled = wire_read_u8(&in) != 0;
	info.frozen = wire_read_u8(&in) != 0;
	for (int i = 0; i <= ENTRY_KINDS; i++)
		info.entries[i] = wire_read_u64(&in);
	for (int i = 0; i < RIGHTS_LIMITS; i++)
		info.limits[i] = wire_read_u64(&in);
	info.key_values = wire_read_u64(&in);
	b = wire_read_bytes(&in, sizeof(info.digest));
	if (b.len == sizeof(info.digest))
		memcpy(info.digest, b.data, b.len);
	info.fields = wire_read_u32(&in);
	b = wire_read_string(&in);
	if (b.len > sizeof(info.cookie))
		return ENS_E_CORRUPT;
	if (b.len > 0)
		memcpy(info.cookie, b.data, b.len);
	info.cookie_len = b.len;
	count = wire_read_u32(&in);
	for (uint32_t i = 0; i < count && in.error == 0; i++) {
		b = wire_read_string(&in);
		if (csn_set_add(&info.seen, (const char *)b.data, b.len) != 0)
			return ENS_E_CORRUPT;
	}
	if (wire_read_end(&in) != 0)
		return ENS_E_CORRUPT;
	*ret_info = info;
	return 0;
}

int
state_read_info(struct state *state)
{
	struct bytes value;
	int r = state_get(state, T_INFO, info_key, &value);

	if (r == ENS_E_NOTFOUND) {
		/* A new file, or one that was never committed to. */
		if (state_rows(state, T_ENTRIES) != 0)
			return ENS_E_CORRUPT;
		return 0;
	}
	if (r == 0)
		r = parse_info(value, &state->info);
	state->committed = state->info;
	return r;
}

const struct state_info *
state_info(const struct state *state)
{
	return &state->info;
}

static uint64_t
count_rows(struct state *state, enum state_table table)
{
	uint64_t count;

	if (state->txn != NULL)
		return state_rows(state, table);
	if (state_begin_read(state) != 0)
		return 0;
	count = state_rows(state, table);
	state_end(state);
	return count;
}

uint64_t
state_refused_count(struct state *state)
{
	return count_rows(state, T_REFUSED);
}

uint64_t
state_warning_count(struct state *state)
{
	return count_rows(state, T_WARNED);
}

uint64_t
state_orphan_count(struct state *state)
{
	return count_rows(state, T_ORPHANS);
}

uint64_t
state_entry_count(struct state *state)
{
	return count_rows(state, T_ENTRIES);
}

uint64_t
state_bytes(const struct state *state)
{
	MDB_envinfo info;
	MDB_stat st;

	if (mdb_env_info(state->env, &info) != 0 ||
	    mdb_env_stat(state->env, &st) != 0)
		return 0;
	return ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

uint64_t
state_access_count(struct state *state)
{
	return count_rows(state, T_MEMBERS);
}

int
state_set_cookie(struct state *state, const char *cookie, size_t len)
{
	struct csn_set set;

	if (len > sizeof(state->info.cookie))
		return ENS_E_LIMIT;
	memcpy(state->info.cookie, cookie, len);
	state->info.cookie_len = len;
	csn_set_from_cookie(&set, cookie, len);
	csn_set_merge(&state->info.seen, &set);
	return 0;
}

void
state_set_digest(struct state *state, const uint8_t digest[STATE_DIGEST_LEN])
{
	memcpy(state->info.digest, digest, STATE_DIGEST_LEN);
	state->info.fields = fields_checksum();
}

void
state_set_complete(struct state *state)
{
	state->info.complete = true;
	state->info.behind = false;
	/* What this commit brings is listed nowhere. */
	state->info.purged = state->info.generation + 1;
	state->changed = true;
}

void
state_set_behind(struct state *state)
{
	state->info.behind = true;
}

void
state_raise_generation(struct state *state, uint64_t generation)
{
	if (state->info.generation < generation)
		state->info.generation = generation;
	state->changed = true;
}

void
state_forget_seen(struct state *state)
{
	state->info.seen.count = 0;
	state->wrote = true;
}

void
state_set_unsettled(struct state *state, bool unsettled)
{
	state->wrote |= state->info.unsettled != unsettled;
	state->info.unsettled = unsettled;
}

int
state_purge(struct state *state)
{
	if (state_rows(state, T_CHANGED) == 0)
		return 0;
	state->info.purged = state->info.generation;
	return state_empty(state, T_CHANGED);
}

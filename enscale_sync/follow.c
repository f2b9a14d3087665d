/* The follower: its phases, and what is wanted of the next. See follow.h. */
#include <config.h>

#include "enscale_sync/follow_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/log.h"
#include "common/keys/fingerprint.h"

/* ---- the source's identity --------------------------------------------- */

static int
make_digest(const struct config *config, uint8_t ret_digest[STATE_DIGEST_LEN])
{
	AUTO(wire_write_free) struct wire_writer out;

	wire_write_init_growing(&out, 16 * CONFIG_VALUE_MAX);
	wire_write_cstring(&out, config->uri);
	wire_write_cstring(&out, config->base);
	wire_write_cstring(&out, config->bind_dn);
	wire_write_cstring(&out, config->filter);
	wire_write_u8(&out, (uint8_t)config->scope);
	wire_write_u8(&out, (uint8_t)config->method);
	for (int i = 0; i < SCHEMA_MAPPABLE; i++)
		wire_write_cstring(&out, config->schema.names[i]);
	wire_write_u8(&out, config->schema.no_touch);
	wire_write_u32(&out, ENTRY_RULES);
	if (out.error != 0)
		return out.error;
	return fingerprint_sha256((struct bytes){ out.data, out.len },
	    ret_digest);
}

/* How far another source was says nothing about this one. */
static int
forget_source(struct state *state)
{
	int r = state_begin_write(state);

	log_notice("source, filter or rules have changed: refreshing in full");
	if (r != 0)
		return r;
	state_forget_seen(state);
	r = state_set_cookie(state, "", 0);
	return r == 0 ? state_commit(state) : r;
}

/* Were its entries read with other rows of fields than ours? */
static bool
lacks_fields(const struct state_info *info)
{
	return info->fields != fields_checksum();
}

/* New fields are asked for. How far the source was stays known: a copy that is
 * older than ours is older all the same. */
static int
want_fields(struct state *state)
{
	int r = state_begin_write(state);

	log_notice("entries have new fields: refreshing in full");
	if (r == 0)
		r = state_set_cookie(state, "", 0);
	return r == 0 ? state_commit(state) : r;
}

int
follow_new(const struct config *config, struct state *state,
    struct publisher *publisher, struct status *status,
    struct follow **ret_follow)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	const struct state_info *info = state_info(state);
	int r;

	if (follow == NULL)
		return -ENOMEM;
	follow->state = state;
	follow->publisher = publisher;
	follow->status = status;
	follow->state_dir = config->state_dir;
	follow->told = config->method == CONFIG_METHOD_SYNC;
	r = make_digest(config, follow->digest);
	if (r == 0 && info->cookie_len > 0 && is_reread(follow))
		r = forget_source(state);
	else if (r == 0 && info->cookie_len > 0 && lacks_fields(info))
		r = want_fields(state);
	if (r != 0) {
		free(follow);
		return r;
	}
	/* It is no longer known which entries were held, or what was lost. */
	if (info->cookie_len == 0 || info->unsettled || info->behind)
		follow->wish = WISH_ALL;
	follow->held_count = info->unsettled;
	if (info->unsettled)
		(void)snprintf(status->held_reason, sizeof(status->held_reason),
		    "something was held back before the last start: refreshing in full");
	follow_enter(follow, FOLLOW_IDLE);
	*ret_follow = follow;
	return 0;
}

void
follow_free(struct follow *follow)
{
	if (follow == NULL)
		return;
	if (state_is_writing(follow->state))
		state_end(follow->state);
	orphans_clear(&follow->orphans);
	follow_drop_comparison(follow);
	follow_enter(follow, FOLLOW_IDLE);
	uuid_set_free(&follow->widened);
	host_addresses_free(follow->own);
	status_clear_held(follow->status);
	free(follow);
}

/* For this refresh, or for the next one? */
static bool
wants_all(const struct follow *follow)
{
	return follow->wish > WISH_NONE ||
	    (is_refreshing(follow) && follow->refresh.wish > WISH_NONE);
}

struct berval
follow_cookie(const struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	struct berval cookie = { 0, NULL };

	if (wants_all(follow))
		return cookie;
	cookie.bv_len = info->cookie_len;
	memcpy(&cookie.bv_val, &(const char *){ info->cookie },
	    sizeof(cookie.bv_val)); /* libldap only reads it */
	return cookie;
}

const struct csn_set *
follow_seen(const struct follow *follow)
{
	return &state_info(follow->state)->seen;
}

/* ---- what is wanted ---------------------------------------------------- */

void
follow_wish_for(struct follow *follow, enum follow_wish wish)
{
	if (follow->wish < wish)
		follow->wish = wish;
}

void
follow_want_all(struct follow *follow)
{
	follow_wish_for(follow, WISH_ALL);
}

bool
follow_wants_refresh(const struct follow *follow)
{
	return follow->wish > WISH_NONE && !is_refreshing(follow);
}

bool
follow_is_lenient(const struct follow *follow)
{
	return follow->wish == WISH_ACCEPTED || is_accepting(follow);
}

/* A refresh that did not reach its end has satisfied no wish. */
static void
give_wish_back(struct follow *follow)
{
	if (is_refreshing(follow))
		follow_wish_for(follow, follow->refresh.wish);
}

/* What is wanted from now on is not satisfied by this refresh. */
static enum follow_wish
take_wish(struct follow *follow)
{
	enum follow_wish wish;

	give_wish_back(follow);
	wish = follow->wish;
	follow->wish = WISH_NONE;
	return wish;
}

/* ---- phases ------------------------------------------------------------ */

/*
 * Is what the directory takes away taken away here? It is if the copies that
 * are held back would only grant; while a server is behind there may be changes
 * that it does not know, unless it has all that we have: then it was killed
 * after its last checkpoint. Where an attribute is hidden, the next suspension
 * is hidden, too.
 */
bool
follow_is_current(const struct follow *follow)
{
	return follow->phase == FOLLOW_PROVEN && follow->held == LETS_ALL_GO &&
	    follow->widened.count == 0 &&
	    !(follow->server.behind && follow_holds(follow));
}

void
follow_say_in_step(struct follow *follow)
{
	bool in_step = follow_is_current(follow) && !follow_holds(follow);

	if (in_step && !follow->status->in_step)
		log_info("in step with \"%s\"", follow->status->source);
	status_set_in_step(follow->status, in_step);
}

bool
follow_is_following(const struct follow *follow)
{
	return follow->phase >= FOLLOW_UNPROVEN;
}

void
follow_enter(struct follow *follow, enum follow_phase phase)
{
	static const enum status_connection connections[] = {
		[FOLLOW_IDLE] = STATUS_WAITING,
		[FOLLOW_REFRESH] = STATUS_REFRESHING,
		[FOLLOW_UNPROVEN] = STATUS_FOLLOWING,
		[FOLLOW_PROVEN] = STATUS_FOLLOWING,
	};

	follow->phase = phase;
	follow->status->connection = connections[phase];
	follow->status->changed = true;
	/* A refresh that follows another one is silent about it until its end. */
	if (!is_refreshing(follow))
		follow_say_in_step(follow);
}

static void
begin_refresh(struct follow *follow, bool full)
{
	enum follow_wish wish = take_wish(follow);
	int64_t began = (int64_t)time(NULL);

	follow->refresh = (struct refresh){
		.wish = wish,
		.full = full,
		.first = state_entry_count(follow->state) == 0,
		.guarded = state_info(follow->state)->complete &&
		    wish != WISH_ACCEPTED,
		.was_proven = follow->phase == FOLLOW_PROVEN ||
		    (is_refreshing(follow) && follow->refresh.was_proven),
		.began = began,
		.said = began,
	};
	follow->status->received = follow->status->receive_rate = 0;
	/* A full one finds out again what to hold back. */
	if (full)
		follow_forget_held(follow);
}

static void
meet_server(struct follow *follow, bool behind)
{
	follow->server = (struct follow_server){ .behind = behind };
	/* The server that is asked may have more up to there than was read. */
	if (follow->told || behind)
		follow->server.floor = *follow_seen(follow);
}

int
follow_begin(struct follow *follow, bool full, bool behind)
{
	int r;

	if (!full && wants_all(follow))
		return -EPROTO;
	follow_drop_comparison(follow);
	r = follow_write(follow);
	if (r == 0)
		r = state_freeze_names(follow->state);
	if (r != 0)
		return r;
	begin_refresh(follow, full);
	follow_learn_addresses(follow);
	follow_enter(follow, FOLLOW_REFRESH);
	state_clear_marks(follow->state);
	/* What is accepted counts, whatever another server said. */
	if (is_accepting(follow)) {
		state_forget_seen(follow->state);
		behind = false;
	}
	meet_server(follow, behind);
	if (full)
		log_info("refreshing in full%s",
		    behind ? ", holding back what is older than ours" : "");
	r = state_clear_stash(follow->state);
	return r == 0 ? follow_commit(follow, false) : r;
}

void
follow_lost(struct follow *follow, const char *reason)
{
	bool was_refreshing = is_refreshing(follow);

	state_end(follow->state);
	orphans_clear(&follow->orphans);
	follow_drop_comparison(follow);
	give_wish_back(follow);
	/* It is not known one by one. */
	if (follow_holds(follow))
		follow_wish_for(follow, WISH_ALL);
	follow->server = (struct follow_server){ 0 };
	follow_enter(follow, FOLLOW_IDLE);
	status_set_error(follow->status, reason);
	/* What a broken refresh has told is true: a key that it showed to be
	 * changed must not wait for one that ends well. */
	if (was_refreshing)
		follow_publish(follow);
}

/* From messages to state. See follow.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscale_sync/follow_private.h"
#include "enscale_sync/log.h"
#include "enscale_sync/supervisor.h"

/* Entries in one transaction of a refresh: what it changes is kept in memory
 * until it is committed. */
#define BATCH_MAX 1000
/* Progress of a long refresh. */
#define PROGRESS_SECONDS 5

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

/* ---- the source's identity --------------------------------------------- */

static int
make_digest(const struct config *config, uint8_t ret_digest[STATE_DIGEST_LEN])
{
	struct wire_writer out AUTO(wire_write_free);

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
	wire_write_u32(&out, fields_checksum());
	if (out.error != 0)
		return out.error;
	return fingerprint_sha256((struct bytes){ out.data, out.len },
	    ret_digest);
}

/* How far another source had come says nothing of this one. */
static int
forget_source(struct state *state)
{
	int r = state_begin_write(state);

	log_line(LOG_NOTICE,
	    "source, filter or rules are others than before: all is asked anew");
	if (r != 0)
		return r;
	state_forget_seen(state);
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
	if (r != 0) {
		free(follow);
		return r;
	}
	/* What was held is no longer known one by one, nor what was lost. */
	if (info->cookie_len == 0 || info->unsettled || info->behind)
		follow->wish = WISH_ALL;
	follow->held_count = info->unsettled;
	if (info->unsettled)
		(void)snprintf(status->held_reason, sizeof(status->held_reason),
		    "what was held back before the last start; all is asked anew");
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
	uuid_set_free(&follow->widened);
	host_addresses_free(follow->own);
	status_clear_held(follow->status);
	free(follow);
}

struct berval
follow_cookie(const struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	struct berval cookie = { 0, NULL };

	if (follow->wish > WISH_NONE)
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

/* A refresh that did not come to its end has met nothing. */
static void
give_wish_back(struct follow *follow)
{
	if (is_refreshing(follow))
		follow_wish_for(follow, follow->refresh.wish);
}

/* What is wanted from now on, this refresh does not meet any more. */
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

/* ---- transactions ------------------------------------------------------ */

int
follow_write(struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	int r;

	if (state_is_writing(follow->state))
		return 0;
	r = state_begin_write(follow->state);
	if (r != 0)
		return r;
	follow->batch = 0;
	/* The manifest says that it was published: no need to list it. */
	if (publisher_is_current(follow->publisher) &&
	    publisher_is_durable(follow->publisher) &&
	    publisher_generation(follow->publisher) == info->generation)
		r = state_purge(follow->state);
	return r;
}

int
follow_commit(struct follow *follow, bool final)
{
	int r = 0;

	if (!state_is_writing(follow->state))
		return 0;
	/* How far a refresh came that does not count says nothing. */
	if (final && follow->server.cookie_len > 0 &&
	    state_info(follow->state)->complete)
		r = state_set_cookie(follow->state, follow->server.cookie,
		    follow->server.cookie_len);
	if (r != 0)
		return r;
	r = state_commit(follow->state);
	if (r == 0 && final)
		follow->server.cookie_len = 0;
	return r;
}

static void
say_progress(struct follow *follow)
{
	int64_t seconds = now() - follow->refresh.began;
	uint64_t rate = follow->refresh.received /
	    (uint64_t)(seconds > 0 ? seconds : 1);

	follow->status->received = follow->refresh.received;
	follow->status->receive_rate = rate;
	follow->status->changed = true;
	if (now() < follow->refresh.said + PROGRESS_SECONDS)
		return;
	follow->refresh.said = now();
	supervisor_tell_progress();
	log_line(LOG_INFO,
	    "refreshing: %" PRIu64 " entries, %" PRIu64 " a second",
	    follow->refresh.received, rate);
	supervisor_tell_status("Refreshing: %" PRIu64 " entries, %" PRIu64
	                       " a second.",
	    follow->refresh.received, rate);
}

static int
count(struct follow *follow)
{
	follow->status->changes++;
	follow->status->changed = true;
	if (++follow->batch < BATCH_MAX)
		return 0;
	if (is_refreshing(follow))
		say_progress(follow);
	follow->batch = 0;
	/* A state that is built is built in one transaction, and what a refresh
	 * only confirms is nothing to write. */
	if (is_refreshing(follow) &&
	    (!state_info(follow->state)->complete ||
	        !state_has_written(follow->state)))
		return 0;
	return follow_commit(follow, !is_refreshing(follow));
}

/* ---- messages ---------------------------------------------------------- */

/* A child of nobody we know, in a time when all names are of one age. */
static int
ask_about(struct follow *follow, const struct entry *entry)
{
	int r = orphans_add(&follow->orphans, entry->dn);

	if (r == ENS_E_LIMIT && follow->wish == WISH_NONE) {
		log_line(LOG_NOTICE,
		    "too many entries below unknown ones: refreshing in full");
		follow_wish_for(follow, WISH_ALL);
	}
	return r == -ENOMEM ? r : 0;
}

static int
ask_about_orphan(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct follow *follow = arg;
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry entry;
	int r = state_find(follow->state, uuid, &rows, &entry);

	return r == 0 ? ask_about(follow, &entry) : r;
}

const char *
follow_question(const struct follow *follow)
{
	return orphans_first(&follow->orphans);
}

int
follow_answer(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN])
{
	const char *name = follow_question(follow);
	int r = 0;

	if (name == NULL)
		return 0;
	if (uuid != NULL)
		r = follow_write(follow);
	if (uuid != NULL && r == 0)
		r = state_learn_name(follow->state, uuid, name);
	orphans_next(&follow->orphans);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* What this host has for addresses: of one refresh, or of one entry. */
static void
learn_addresses(struct follow *follow)
{
	host_addresses_free(follow->own);
	follow->own = NULL;
	/* Without them nothing is said; the guard refuses such a node. */
	(void)host_addresses_new(&follow->own);
}

static void
begin_refresh(struct follow *follow, bool full)
{
	enum follow_wish wish = take_wish(follow);

	follow->refresh = (struct refresh){
		.wish = wish,
		.full = full,
		.first = state_entry_count(follow->state) == 0,
		.guarded = state_info(follow->state)->complete &&
		    wish != WISH_ACCEPTED,
		.was_proven = follow->phase == FOLLOW_PROVEN ||
		    (is_refreshing(follow) && follow->refresh.was_proven),
		.began = now(),
		.said = now(),
	};
	follow->status->received = follow->status->receive_rate = 0;
	/* One in full finds out anew what there is to hold back. */
	if (full)
		follow_forget_held(follow);
}

static void
meet_server(struct follow *follow, bool behind)
{
	follow->server = (struct follow_server){ .behind = behind };
	/* Who is asked may have more up to there than was read. */
	if (follow->told || behind)
		follow->server.floor = *follow_seen(follow);
}

int
follow_begin(struct follow *follow, bool full, bool behind)
{
	int r;

	if (!full && follow->wish > WISH_NONE)
		return -EPROTO;
	follow_drop_comparison(follow);
	begin_refresh(follow, full);
	meet_server(follow, behind);
	learn_addresses(follow);
	follow_enter(follow, FOLLOW_REFRESH);
	if (full)
		log_line(LOG_INFO, "refreshing in full%s",
		    behind ? ", holding back what is older than ours" : "");
	state_clear_marks(follow->state);
	r = follow_write(follow);
	if (r == 0)
		r = state_clear_stash(follow->state);
	return r == 0 ? follow_commit(follow, false) : r;
}

/* One line of the log for each of the text: "refused key "cn=..": ...". */
static void
say_lines(struct follow *follow, const char *verb, const char *what,
    const char *dn, const char *text)
{
	while (*text != '\0') {
		int len = (int)strcspn(text, "\n");

		if (!is_refreshing(follow) ||
		    ++follow->refresh.said_lines <= SAID_LINES)
			log_line(LOG_WARNING, "%s %s \"%s\": %.*s", verb, what,
			    dn, len, text);
		text += len + (text[len] == '\n');
	}
}

static void
say_refused(struct follow *follow, const struct entry *entry)
{
	const char *kind = entry_kind_text(entry->kind);

	say_lines(follow, "refused", entry->refused ? kind : "part of",
	    entry->dn, entry->reason);
	say_lines(follow, "warning:", kind, entry->dn, entry->warning);
}

/* What is compared at this moment was told by the way. */
static void
touch(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN])
{
	if (follow->doubt == DOUBT_ASKED &&
	    memcmp(uuid, comparison_doubt(follow->comparison),
	        ENTRY_UUID_LEN) == 0)
		follow->doubt = DOUBT_OVERTAKEN;
	for (uint32_t i = 0; i < follow->gone_count; i++) {
		if (memcmp(uuid, follow->gone[i], ENTRY_UUID_LEN) != 0)
			continue;
		/* Nor does it count as one of too many. */
		follow->gone_count--;
		memcpy(follow->gone[i], follow->gone[follow->gone_count],
		    ENTRY_UUID_LEN);
		return;
	}
}

/* A node that would lead users into the gateway itself? */
static int
warn_of_address(struct follow *follow, const struct entry *entry)
{
	const char *text = "";
	int r;

	if (entry->kind != ENTRY_NODE || entry->refused)
		return 0;
	if (!is_refreshing(follow))
		learn_addresses(follow);
	if (follow->own != NULL &&
	    host_addresses_have(follow->own, entry->node.address))
		text =
		    "ipHostNumber: the gateway's own address: nobody can enter the node";
	say_lines(follow, "warning:", entry_kind_text(entry->kind), entry->dn,
	    text);
	r = state_warn(follow->state, entry->uuid, WARNING_ADDRESS, text);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* In a transaction. */
int
follow_take(struct follow *follow, const struct entry *entry)
{
	struct verdict verdict;
	int r = follow_judge(follow, entry, &verdict);

	if (r != 0)
		return r;
	if (verdict.kind == PASS_OVER)
		return 0;
	touch(follow, entry->uuid);
	if (verdict.kind == HOLD)
		return follow_hold(follow, entry, &verdict);
	say_refused(follow, entry);
	if (verdict.kind == STASH)
		r = state_stash(follow->state, entry);
	else if (is_guarding(follow))
		r = state_unstash(follow->state, entry->uuid);
	if (r == 0 && verdict.kind != STASH)
		r = state_put(follow->state, entry, is_adopting(follow));
	if (r == 0)
		r = warn_of_address(follow, entry);
	if (r == 0 && !is_refreshing(follow) &&
	    state_is_orphan(follow->state, entry->uuid))
		r = ask_about(follow, entry);
	return r;
}

int
follow_entry(struct follow *follow, const struct entry *entry)
{
	int r;

	if (follow->phase == FOLLOW_IDLE)
		return -EPROTO;
	r = follow_write(follow);
	follow->refresh.received++;
	if (r == 0 && is_marking(follow))
		r = state_mark(follow->state, entry->uuid);
	if (r == 0)
		r = follow_take(follow, entry);
	return r == 0 ? count(follow) : r;
}

int
follow_find_name(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    char ret_dn[ENTRY_DN_MAX + 1])
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry entry;
	int r = follow_write(follow);

	if (r == 0)
		r = state_find(follow->state, uuid, &rows, &entry);
	if (r == 0)
		memcpy(ret_dn, entry.dn, strlen(entry.dn) + 1);
	return r;
}

int
follow_compare(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const char *csn)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry ours;
	int r = follow_write(follow);

	if (r == 0)
		r = state_find(follow->state, uuid, &rows, &ours);
	if (r != 0)
		return r;
	return *csn != '\0' && strcmp(ours.csn, csn) == 0 &&
	        strlen(ours.dn) == dn.bv_len &&
	        memcmp(ours.dn, dn.bv_val, dn.bv_len) == 0
	    ? 0
	    : ENS_E_NOTFOUND;
}

int
follow_present(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t uuid_count)
{
	int r;

	if (follow->phase == FOLLOW_IDLE)
		return -EPROTO;
	r = follow_write(follow);
	if (!is_marking(follow))
		return r;
	for (uint32_t i = 0; r == 0 && i < uuid_count; i++)
		r = state_mark(follow->state, uuids[i]);
	return r;
}

int
follow_gone(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t uuid_count)
{
	int r = follow->phase == FOLLOW_IDLE ? -EPROTO : 0;

	for (uint32_t i = 0; r == 0 && i < uuid_count; i++) {
		r = follow_write(follow);
		touch(follow, uuids[i]);
		if (r == 0 && is_guarding(follow))
			r = state_unstash(follow->state, uuids[i]);
		if (r == 0)
			r = state_delete(follow->state, uuids[i]);
		if (r == 0)
			r = count(follow);
	}
	return r;
}

int
follow_reached(struct follow *follow, struct berval cookie)
{
	if (cookie.bv_len == 0)
		return 0;
	if (cookie.bv_len > sizeof(follow->server.cookie))
		return ENS_E_LIMIT;
	memcpy(follow->server.cookie, cookie.bv_val, cookie.bv_len);
	follow->server.cookie_len = cookie.bv_len;
	csn_set_from_cookie(&follow->server.reached, cookie.bv_val,
	    cookie.bv_len);
	/* Also without any change of ours: the server has come further. */
	return follow_write(follow);
}

/*
 * Is the state from now on the source of views? The first one is, and one that
 * is older than its view (publish.h) when all that the directory has was asked
 * for and counts: what is held back may be what the view knows to be gone.
 */
static bool
becomes_source(const struct follow *follow, bool swept)
{
	const struct state_info *info = state_info(follow->state);

	if (!info->complete)
		return follow->held == LETS_ALL_GO;
	return info->behind && follow->refresh.full && swept &&
	    follow->held == LETS_ALL_GO && !info->unsettled;
}

static int
finish(struct follow *follow, bool swept, uint64_t *ret_deleted)
{
	bool taken;
	int r = follow_write(follow);

	if (r == 0 && follow->refresh.full)
		state_set_unsettled(follow->state, follow->held_count > 0);
	if (r == 0 && swept && is_marking(follow))
		r = state_release_marked(follow->state);
	if (r == 0)
		r = follow_guard(follow, swept, &follow->held);
	taken = follow->held != KEEPS_ALL;
	if (r == 0)
		r = taken ? state_apply_stash(follow->state)
		          : state_apply_stash_held(follow->state);
	if (r == 0 && swept && is_marking(follow) && taken)
		r = state_sweep(follow->state, follow_may_go, follow,
		    ret_deleted);
	if (r == 0)
		r = state_adopt(follow->state);
	/* After one in full every name is known, and who is an orphan is. */
	if (r == 0 && !follow->refresh.full)
		r = state_each_orphan(follow->state, ask_about_orphan, follow);
	if (r == 0)
		r = state_clear_stash(follow->state);
	if (r == 0)
		r = follow_guard_view(follow, &follow->held);
	if (r != 0)
		return r;
	state_clear_marks(follow->state);
	/* What is not taken was not read by these rules either. */
	if (taken)
		state_set_digest(follow->state, follow->digest);
	if (becomes_source(follow, swept)) {
		state_raise_generation(follow->state,
		    publisher_generation(follow->publisher));
		state_set_complete(follow->state);
	}
	r = follow_commit(follow, true);
	return r;
}

int
follow_done(struct follow *follow, bool swept)
{
	uint64_t deleted = 0;
	int r = is_refreshing(follow) ? finish(follow, swept, &deleted)
	                              : -EPROTO;

	if (r != 0)
		return r;
	follow->status->refreshes++;
	follow->status->held = follow->held_count;
	follow->status->changes += deleted;
	if (follow->held == LETS_ALL_GO)
		follow->status->held_reason[0] = '\0';
	follow->widened_said = 0;
	follow_say_held(follow);
	follow_check_behind(follow);
	if (follow->refresh.said_lines > SAID_LINES)
		log_line(LOG_WARNING,
		    "%u more lines about entries refused or with a warning",
		    follow->refresh.said_lines - SAID_LINES);
	if (follow->refresh.held_lines > SAID_LINES)
		log_line(LOG_WARNING, "held back %u more entries",
		    follow->refresh.held_lines - SAID_LINES);
	log_line(LOG_INFO,
	    "refreshed: %" PRIu64 " entries came, %" PRIu64 " are gone",
	    follow->refresh.received, deleted);
	follow_enter(follow,
	    (follow->refresh.full && swept) || follow->refresh.was_proven
	        ? FOLLOW_PROVEN
	        : FOLLOW_UNPROVEN);
	follow_publish(follow);
	return 0;
}

int
follow_settle(struct follow *follow)
{
	int r;

	/* A refresh is committed in large batches and published as a whole. */
	if (is_refreshing(follow))
		return 0;
	r = follow_commit(follow, true);
	if (r != 0)
		return r;
	follow_say_held(follow);
	follow_check_behind(follow);
	follow_say_in_step(follow);
	follow_publish(follow);
	return 0;
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

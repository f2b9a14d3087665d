/* From messages to state. See follow.h. */
#include <config.h>

#include "enscale_sync/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint.h"
#include "enscale_sync/log.h"
#include "enscale_sync/orphans.h"
#include "enscale_sync/supervisor.h"

/* Entries in one transaction of a refresh: what it changes is kept in memory
 * until it is committed. */
#define BATCH_MAX 1000
/* Refused entries with a log line of their own in one refresh. */
#define REFUSED_LINES 100
/* The age of the view is kept up this often. */
#define TOUCH_SECONDS 60
/* Progress of a long refresh. */
#define PROGRESS_SECONDS 5

struct follow {
	struct state *state;              /* borrowed */
	struct publisher *publisher;      /* borrowed */
	struct status *status;            /* borrowed */
	struct orphans orphans;           /* to ask the server about */
	uint8_t digest[STATE_DIGEST_LEN]; /* of source, filter, rules */
	struct csn_set server; /* how far this one is, as far as it said */
	char cookie[COOKIE_LEN_MAX];
	size_t cookie_len; /* 0: no news */
	bool want_all;
	bool asked; /* by an administrator, since the refresh began */
	bool refreshing;
	bool all;       /* this refresh is one in full */
	bool marking;   /* this refresh may have to be swept */
	bool adopt;     /* names are of one age: children find their parents */
	bool behind;    /* this server is */
	bool unsettled; /* and something was held, perhaps */
	bool writing;   /* a transaction is under way */
	int publish_error; /* of the last try: said once */
	uint64_t held;
	uint32_t batch;
	uint32_t refused_lines;
	uint64_t received; /* entries, in this refresh */
	int64_t refresh_began, progress_said;
};

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
	wire_write_u32(&out, ENTRY_RULES);
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
	r = make_digest(config, follow->digest);
	if (r == 0 && info->cookie_len > 0 &&
	    memcmp(info->digest, follow->digest, STATE_DIGEST_LEN) != 0)
		r = forget_source(state);
	if (r != 0) {
		free(follow);
		return r;
	}
	follow->want_all = info->cookie_len == 0;
	*ret_follow = follow;
	return 0;
}

void
follow_free(struct follow *follow)
{
	if (follow == NULL)
		return;
	if (follow->writing)
		state_end(follow->state);
	orphans_clear(&follow->orphans);
	free(follow);
}

struct berval
follow_cookie(const struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	struct berval cookie = { 0, NULL };

	if (follow->want_all)
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

void
follow_want_all(struct follow *follow)
{
	follow->want_all = true;
}

void
follow_ask_refresh(struct follow *follow)
{
	follow->want_all = true;
	follow->asked = true;
}

bool
follow_wants_refresh(const struct follow *follow)
{
	return follow->want_all && !follow->refreshing;
}

/* ---- publishing -------------------------------------------------------- */

static void
show(struct follow *follow)
{
	struct status *status = follow->status;

	status->generation = publisher_generation(follow->publisher);
	status->as_of = publisher_as_of(follow->publisher);
	status->ready = publisher_is_ready(follow->publisher);
	status->held = follow->held;
	status->changed = true;
}

/* What fails here stays listed, and the main loop tries again. */
static void
publish(struct follow *follow)
{
	struct published published;
	bool behind = publisher_is_behind(follow->publisher);
	int r;

	if (follow->refreshing || !behind || follow_question(follow) != NULL)
		return;
	r = publisher_publish(follow->publisher,
	    follow->status->in_step ? now() : 0, &published);
	if (r != 0) {
		if (r != follow->publish_error)
			log_line(LOG_ERR, "cannot publish: %s", error_text(r));
		status_set_error(follow->status, error_text(r));
	} else {
		follow->status->publications += published.records > 0 ||
		    published.base;
		follow->status->left_out = published.left_out;
		if (published.left_out > 0)
			log_line(LOG_WARNING,
			    "left out %" PRIu64 " records: over a limit",
			    published.left_out);
		if (published.base)
			log_line(LOG_INFO,
			    "published everything: %" PRIu64 " records",
			    published.records);
	}
	follow->publish_error = r;
	show(follow);
}

void
follow_publish(struct follow *follow)
{
	if (!follow->writing)
		publish(follow);
}

void
follow_alive(struct follow *follow)
{
	int r;

	if (!follow->status->in_step ||
	    now() < publisher_as_of(follow->publisher) + TOUCH_SECONDS)
		return;
	r = publisher_touch(follow->publisher, now());
	if (r != 0)
		log_line(LOG_ERR, "cannot publish: %s", error_text(r));
	show(follow);
}

/* ---- transactions ------------------------------------------------------ */

static int
begin(struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	int r;

	if (follow->writing)
		return 0;
	r = state_begin_write(follow->state);
	if (r != 0)
		return r;
	follow->writing = true;
	follow->batch = 0;
	/* The manifest says that it was published: no need to list it. */
	if (publisher_is_ready(follow->publisher) &&
	    publisher_is_durable(follow->publisher) &&
	    publisher_generation(follow->publisher) == info->generation)
		r = state_purge(follow->state);
	return r;
}

static int
commit(struct follow *follow)
{
	int r = 0;

	if (!follow->writing)
		return 0;
	if (!follow->refreshing && follow->cookie_len > 0)
		r = state_set_cookie(follow->state, follow->cookie,
		    follow->cookie_len);
	if (r != 0)
		return r;
	follow->writing = false;
	r = state_commit(follow->state);
	if (r == 0 && !follow->refreshing)
		follow->cookie_len = 0;
	return r;
}

static void
say_progress(struct follow *follow)
{
	int64_t seconds = now() - follow->refresh_began;

	if (now() < follow->progress_said + PROGRESS_SECONDS)
		return;
	follow->progress_said = now();
	log_line(LOG_INFO, "refreshing: %" PRIu64 " entries in %" PRId64 " s",
	    follow->received, seconds);
	supervisor_tell_status("Refreshing: %" PRIu64 " entries in %" PRId64
	                       " s.",
	    follow->received, seconds);
}

static int
count(struct follow *follow)
{
	follow->status->changes++;
	follow->status->changed = true;
	if (++follow->batch < BATCH_MAX)
		return 0;
	if (follow->refreshing)
		say_progress(follow);
	return commit(follow);
}

/* ---- never backwards --------------------------------------------------- */

/* Would this copy bring back what we know to be over? */
static int
judge(struct follow *follow, const struct entry *entry, bool *ret_hold)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry ours;
	int r;

	*ret_hold = false;
	if (!follow->behind)
		return 0;
	r = state_find(follow->state, entry->uuid, &rows, &ours);
	if (r == 0)
		*ret_hold = csn_is_older(entry->csn, ours.csn);
	else if (r == ENS_E_NOTFOUND)
		*ret_hold = csn_set_has_seen(follow_seen(follow), entry->csn);
	else
		return r;
	return 0;
}

/* Of entries that a complete refresh did not name: what the server has not
 * seen yet stays. */
static bool
may_go(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (!follow->behind || csn_set_has_seen(&follow->server, entry->csn))
		return true;
	follow->held++;
	state_set_unsettled(follow->state, true);
	return false;
}

/* What was held is settled by the server itself, once it has caught up. */
static void
check_behind(struct follow *follow)
{
	if (!follow->behind ||
	    !csn_set_covers(&follow->server, follow_seen(follow)))
		return;
	follow->behind = false;
	if (!state_info(follow->state)->unsettled)
		return;
	log_line(LOG_NOTICE,
	    "the server has caught up: refreshing in full to settle what was held back");
	follow->want_all = true;
}

/*
 * A server that is behind by its own account, but has all that we have and
 * nothing that we saw deleted, is in step: it crashed after its last
 * checkpoint. Its older copies are held back all the same.
 */
static bool
is_in_step(const struct follow *follow)
{
	return !follow->behind || !state_info(follow->state)->unsettled;
}

int
follow_accept(struct follow *follow)
{
	int r;

	if (!state_info(follow->state)->unsettled)
		return ENS_E_NOTFOUND;
	r = begin(follow);
	if (r != 0)
		return r;
	state_forget_seen(follow->state);
	follow_ask_refresh(follow);
	return 0;
}

/* ---- messages ---------------------------------------------------------- */

/* A child of nobody we know, in a time when all names are of one age. */
static int
ask_about(struct follow *follow, const struct entry *entry)
{
	int r = orphans_add(&follow->orphans, entry->dn);

	if (r == ENS_E_LIMIT && !follow->want_all) {
		log_line(LOG_NOTICE,
		    "too many entries below unknown ones: refreshing in full");
		follow->want_all = true;
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
		r = begin(follow);
	if (uuid != NULL && r == 0)
		r = state_learn_name(follow->state, uuid, name);
	orphans_next(&follow->orphans);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
follow_begin(struct follow *follow, bool all, bool behind)
{
	bool empty = state_entry_count(follow->state) == 0;
	int r;

	follow->refreshing = true;
	follow->all = all;
	follow->asked = follow->asked && !all;
	follow->behind = behind;
	follow->held = 0;
	follow->adopt = empty;
	follow->marking = !empty;
	follow->cookie_len = 0;
	follow->server.count = 0;
	follow->received = 0;
	follow->refused_lines = 0;
	follow->refresh_began = follow->progress_said = now();
	follow->status->connection = STATUS_REFRESHING;
	follow->status->changed = true;
	if (all)
		log_line(LOG_INFO, "refreshing in full%s",
		    behind ? ", holding back what is older than ours" : "");
	r = begin(follow);
	if (r == 0)
		r = state_clear_marks(follow->state);
	/* A refresh in full finds out anew what there is to hold back. */
	if (r == 0 && all)
		state_set_unsettled(follow->state, false);
	return r == 0 ? commit(follow) : r;
}

static void
say_refused(struct follow *follow, const struct entry *entry)
{
	if (*entry->reason == '\0')
		return;
	if (follow->refreshing && ++follow->refused_lines > REFUSED_LINES)
		return;
	log_line(LOG_WARNING, "refused %s \"%s\": %s",
	    entry->refused ? entry_kind_text(entry->kind) : "part of",
	    entry->dn, entry->reason);
}

int
follow_entry(struct follow *follow, const struct entry *entry)
{
	bool hold;
	int r = begin(follow);

	follow->received++;
	if (r == 0 && follow->marking)
		r = state_mark(follow->state, entry->uuid);
	if (r == 0)
		r = judge(follow, entry, &hold);
	if (r != 0)
		return r;
	if (hold) {
		follow->status->held = ++follow->held;
		state_set_unsettled(follow->state, true);
		log_line(LOG_NOTICE, "held back \"%s\": ours is newer",
		    entry->dn);
		return count(follow);
	}
	say_refused(follow, entry);
	r = state_put(follow->state, entry, follow->adopt);
	if (r == 0 && !follow->refreshing &&
	    state_is_orphan(follow->state, entry->uuid))
		r = ask_about(follow, entry);
	return r == 0 ? count(follow) : r;
}

int
follow_compare(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const char *csn)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry ours;
	int r = begin(follow);

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
	int r = begin(follow);

	if (!follow->marking)
		return r;
	for (uint32_t i = 0; r == 0 && i < uuid_count; i++)
		r = state_mark(follow->state, uuids[i]);
	return r;
}

int
follow_gone(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t uuid_count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < uuid_count; i++) {
		r = begin(follow);
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
	if (cookie.bv_len > sizeof(follow->cookie))
		return ENS_E_LIMIT;
	memcpy(follow->cookie, cookie.bv_val, cookie.bv_len);
	follow->cookie_len = cookie.bv_len;
	csn_set_from_cookie(&follow->server, cookie.bv_val, cookie.bv_len);
	/* Also without any change of ours: the server has come further. */
	return begin(follow);
}

static int
finish(struct follow *follow, bool swept, uint64_t *ret_deleted)
{
	int r = begin(follow);

	if (r == 0 && swept && follow->marking)
		r = state_sweep(follow->state, may_go, follow, ret_deleted);
	if (r == 0)
		r = state_adopt(follow->state);
	/* After one in full every name is known, and who is an orphan is. */
	if (r == 0 && !follow->all)
		r = state_each_orphan(follow->state, ask_about_orphan, follow);
	if (r == 0)
		r = state_clear_marks(follow->state);
	if (r != 0)
		return r;
	state_set_digest(follow->state, follow->digest);
	if (!state_info(follow->state)->complete)
		state_set_complete(follow->state);
	follow->refreshing = false;
	r = commit(follow);
	follow->refreshing = r != 0;
	return r;
}

int
follow_done(struct follow *follow, bool swept)
{
	uint64_t deleted = 0;
	int r = finish(follow, swept, &deleted);

	if (r != 0)
		return r;
	follow->want_all = follow->asked;
	follow->adopt = true;
	follow->marking = false;
	follow->status->connection = STATUS_FOLLOWING;
	follow->status->refreshes++;
	follow->status->held = follow->held;
	follow->status->changes += deleted;
	check_behind(follow);
	status_set_in_step(follow->status, is_in_step(follow));
	if (follow->refused_lines > REFUSED_LINES)
		log_line(LOG_WARNING, "refused %u more entries",
		    follow->refused_lines - REFUSED_LINES);
	log_line(LOG_INFO,
	    "refreshed: %" PRIu64 " entries came, %" PRIu64 " are gone",
	    follow->received, deleted);
	publish(follow);
	return 0;
}

int
follow_settle(struct follow *follow)
{
	int r;

	/* A refresh is committed in large batches and published as a whole. */
	if (follow->refreshing)
		return 0;
	r = commit(follow);
	if (r != 0)
		return r;
	check_behind(follow);
	status_set_in_step(follow->status, is_in_step(follow));
	publish(follow);
	return 0;
}

void
follow_lost(struct follow *follow, const char *reason)
{
	bool was_refreshing = follow->refreshing;

	state_end(follow->state);
	orphans_clear(&follow->orphans);
	follow->writing = false;
	follow->refreshing = false;
	follow->cookie_len = 0;
	follow->status->connection = STATUS_WAITING;
	status_set_in_step(follow->status, false);
	status_set_error(follow->status, reason);
	/* What a broken refresh has told is true: a key that it showed to be
	 * changed must not wait for one that ends well. */
	if (was_refreshing)
		publish(follow);
}

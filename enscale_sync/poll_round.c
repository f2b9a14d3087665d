/* A round of polling: what is asked, and what is answered. See source_poll.c.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "enscale_sync/source_poll_private.h"
#include "ldap/ldap_time.h"
#include "ldap/ldap_uuid.h"

/* Stamps written this much later than they say are seen all the same. */
#define OVERLAP_SECONDS 60

/* ---- asking ------------------------------------------------------------ */

static int
ask(struct poll_source *source, enum phase phase, const char *base, int scope,
    const char *filter, const char *const *attributes)
{
	int r;

	poll_end_search(source);
	r = ldap_paged_start(source->ld, base, scope, filter, attributes,
	    &source->paged, source->message.reason);
	if (r != 0)
		return r;
	source->phase = phase;
	source->heard = true;
	source->named = false;
	r = sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
	return r < 0 ? r
	             : poll_wait_for(source, source->config->timeout * SECOND);
}

/* A filter for what is as late as the furthest that we have, less some seconds.
 */
static int
ask_since(struct poll_source *source, enum phase phase,
    const struct csn_set *csns, uint32_t overlap, const char *const *attributes)
{
	char filter[LDAP_SEARCH_FILTER_MAX + SCHEMA_NAME_MAX + 64];
	char time[CSN_LEN + 1];

	ldap_time_of_csns(csns, overlap, time);
	(void)snprintf(filter, sizeof(filter), "(&%s(%s>=%s))",
	    source->search.filter,
	    source->config->schema.names[SCHEMA_MODIFIED], time);
	return ask(source, phase, source->search.base, source->search.scope,
	    filter, attributes);
}

static int
ask_changes(struct poll_source *source)
{
	bool settled = poll_monotonic(source) >
	    source->moved + 2 * OVERLAP_SECONDS * SECOND;

	source->reached = source->kept;
	return ask_since(source, CHANGES, &source->kept,
	    settled ? 0 : OVERLAP_SECONDS, source->search.attributes);
}

static int
ask_all(struct poll_source *source, enum phase phase)
{
	int r = follow_begin(source->follow, true, source->behind);

	poll_queue_clear(&source->queue);
	source->reached.count = 0;
	if (r != 0)
		return r;
	return ask(source, phase, source->search.base, source->search.scope,
	    source->search.filter,
	    phase == LISTING ? source->stamps : source->search.attributes);
}

/* Must a server other than the one that brought us here be asked whether it has
 * seen what we have? It has if anything on it is as late as that. */
static bool
may_be_behind(const struct poll_source *source)
{
	return !follow_is_lenient(source->follow) &&
	    follow_seen(source->follow)->count > 0 &&
	    strchr(source->config->uri, ' ') != NULL &&
	    strcmp(source->uri, source->known_uri) != 0;
}

/* Are stamps not enough? */
static bool
is_time_for_everything(struct poll_source *source)
{
	bool night = time(NULL) >= source->night;

	if (night)
		source->night = source_next_night();
	return night || source->listed == 0 || follow_holds(source->follow) ||
	    follow_cookie(source->follow).bv_len == 0;
}

static int
begin_refresh(struct poll_source *source, bool behind)
{
	source->behind = behind;
	if (behind && !source->passed_by) {
		/* Another one may have seen it. */
		source->passed_by = source->next_uri > 0;
		(void)snprintf(source->message.reason,
		    sizeof(source->message.reason),
		    "it is behind what is known here");
		return ENS_E_BEHIND;
	}
	return ask_all(source,
	    is_time_for_everything(source) ? EVERYTHING : LISTING);
}

int
poll_begin_round(struct poll_source *source)
{
	static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
	bool all = follow_cookie(source->follow).bv_len == 0;
	int r;

	if (!all && source->listed != 0 && source->kept.count > 0 &&
	    poll_monotonic(source) < source->listed +
	            (uint64_t)source->config->poll_listing * SECOND)
		r = ask_changes(source);
	else if (may_be_behind(source))
		r = ask_since(source, LATEST, follow_seen(source->follow), 0,
		    nothing);
	else
		r = begin_refresh(source, false);
	return r == 0 ? 0 : poll_lose_by(source, r);
}

/* ---- the end of a search ----------------------------------------------- */

/* How far it has brought us, where that is news. */
static int
tell_reached(struct poll_source *source)
{
	char cookie[COOKIE_LEN_MAX];
	struct berval value = { 0, cookie };
	bool news = source->reached.count != source->kept.count ||
	    !csn_set_covers(&source->kept, &source->reached);

	value.bv_len = csn_set_format(&source->reached, cookie, sizeof(cookie));
	if (source->reached.count == 0 || value.bv_len == 0)
		return 0;
	if (news)
		source->moved = poll_monotonic(source);
	source->kept = source->reached;
	return news || source->phase != CHANGES
	    ? follow_reached(source->follow, value)
	    : 0;
}

static int
end_round(struct poll_source *source)
{
	poll_end_search(source);
	source->phase = IDLE;
	source->said[0] = '\0';
	source->passed_by = false;
	memcpy(source->known_uri, source->uri, sizeof(source->uri));
	follow_alive(source->follow, (int64_t)time(NULL));
	return poll_wait_for(source,
	    follow_wants_refresh(source->follow)
	        ? 0
	        : (uint64_t)source->config->poll_interval * SECOND);
}

/* Names are asked about before anything is published. */
static int
ask_name(struct poll_source *source)
{
	const char *name = follow_question(source->follow);
	int r = follow_settle(source->follow);

	if (r != 0)
		return r;
	return name == NULL ? end_round(source)
	                    : ask(source, NAMING, name, LDAP_SCOPE_BASE,
	                          "(objectClass=*)", source->stamps);
}

static int
end_refresh(struct poll_source *source)
{
	int r = tell_reached(source);

	if (r == 0)
		r = follow_done(source->follow, true);
	if (r != 0)
		return r;
	source->listed = source->moved = poll_monotonic(source);
	return ask_name(source);
}

static int
read_next(struct poll_source *source)
{
	const char *dn = poll_queue_first(&source->queue);

	if (dn == NULL)
		return end_refresh(source);
	return ask(source, READING, dn, LDAP_SCOPE_BASE, source->search.filter,
	    source->search.attributes);
}

int
poll_take_end(struct poll_source *source)
{
	int code = source->message.code, r;

	/* Who was listed may be gone by now. */
	if (code == LDAP_NO_SUCH_OBJECT &&
	    (source->phase == READING || source->phase == NAMING))
		code = LDAP_SUCCESS;
	if (code != LDAP_SUCCESS)
		return ENS_E_INCOMPLETE;
	switch (source->phase) {
	case LATEST:
		return begin_refresh(source, !source->named);
	case CHANGES:
		r = tell_reached(source);
		return r == 0 ? ask_name(source) : r;
	case LISTING:
		if (poll_queue_is_over(&source->queue))
			return ask_all(source, EVERYTHING);
		return read_next(source);
	case READING:
		poll_queue_next(&source->queue);
		return read_next(source);
	case EVERYTHING:
		return end_refresh(source);
	case NAMING:
		r = follow_answer(source->follow,
		    source->named ? source->uuid : NULL);
		return r == 0 ? ask_name(source) : r;
	case IDLE:
	default:
		return 0;
	}
}

/* ---- entries ----------------------------------------------------------- */

int
poll_take_entry(struct poll_source *source)
{
	const struct ldap_attributes *got = &source->message.attributes;
	char dn[ENTRY_DN_MAX + 1];
	struct entry entry;
	int r;

	if (source->phase == LATEST) {
		source->named = true;
		return 0;
	}
	if (got->dn.bv_len > ENTRY_DN_MAX)
		return ENS_E_PROTOCOL;
	memcpy(dn, got->dn.bv_val, got->dn.bv_len);
	dn[got->dn.bv_len] = '\0';
	r = ldap_uuid_of(&source->config->schema, dn, got->rows, got->count,
	    source->uuid);
	source->named = r == 0;
	if (r != 0 || source->phase == NAMING)
		return r == ENS_E_SYNTAX ? ENS_E_PROTOCOL : r;
	r = entry_parse(source->parser, source->uuid, got->dn, got->rows,
	    got->count, &entry);
	if (r != 0)
		return r;
	if (*entry.csn != '\0')
		(void)csn_set_add(&source->reached, entry.csn,
		    strlen(entry.csn));
	if (source->phase != LISTING)
		return follow_entry(source->follow, &entry);
	r = follow_compare(source->follow, source->uuid, got->dn, entry.csn);
	if (r == ENS_E_NOTFOUND)
		return poll_queue_add(&source->queue, dn);
	return r == 0 ? follow_present(source->follow,
	                    (const uint8_t(*)[ENTRY_UUID_LEN])source->uuid, 1)
	              : r;
}

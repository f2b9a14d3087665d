/* The directory's own list, for a comparison. See source_compare.h. */
#include <config.h>

#include "enscale_sync/source_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "ldap/ldap_opening.h"
#include "ldap/ldap_paged.h"
#include "ldap/ldap_sync.h"
#include "ldap/ldap_uuid.h"

#define SECOND ((uint64_t)1000000)
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500
/* Entries that show whether entryUUID is what the control says. */
#define SAMPLE_ENTRIES 10

struct source_compare {
	sd_event *event;                               /* borrowed */
	const struct ldap_connection_options *options; /* borrowed */
	const struct ldap_search *what;                /* borrowed */
	struct follow *follow;                         /* borrowed */
	source_compare_ended *ended;
	void *arg;
	struct ldap_opening *opening; /* owned; NULL when it is over */
	LDAP *ld;                     /* owned */
	struct csn_set context;       /* the server's, at the beginning */
	struct ldap_search search;    /* for the list */
	struct ldap_sync *list;       /* owned; NULL: not under way */
	int mode;                     /* of the list, LDAP_SYNC_... */
	bool sampling;                /* it is some entries before it */
	uint32_t sampled;
	bool named;                   /* entryUUID says what the control says */
	struct ldap_paged *question;  /* owned; NULL: none under way */
	struct entry_parser *parser;  /* owned; of its answer */
	uint8_t uuid[ENTRY_UUID_LEN]; /* of the question */
	bool answered;                /* with an entry */
	sd_event_source *input, *turn, *timer; /* owned */
	struct ldap_sync_message listed;       /* large, like the next one */
	struct ldap_paged_message answer;
	char reason[LDAP_REASON_MAX];
};

static int
end(struct source_compare *compare, int error)
{
	char reason[LDAP_REASON_MAX];

	if (error == 0)
		return compare->ended(NULL, compare->arg);
	memcpy(reason, compare->reason, sizeof(reason));
	return compare->ended(*reason != '\0'
	        ? reason
	        : follow_error_text(compare->follow, error),
	    compare->arg);
}

/* It is given the configured timeout, from one sign of life to the next. */
static int
be_patient(struct source_compare *compare)
{
	int r = sd_event_source_set_time_relative(compare->timer,
	    compare->options->timeout * SECOND);

	if (r >= 0)
		r = sd_event_source_set_enabled(compare->timer,
		    SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct source_compare *compare = arg;

	(void)timer;
	(void)time;
	compare->reason[0] = '\0';
	return end(compare, -ETIMEDOUT);
}

static int
turn_again(struct source_compare *compare)
{
	int r = sd_event_source_set_enabled(compare->turn, SD_EVENT_ONESHOT);

	return r < 0 ? r : 0;
}

/* ---- questions --------------------------------------------------------- */

/* All that is read in a refresh, and entryUUID. */
static int
start_search(struct source_compare *compare, int mode, int limit)
{
	int count = 0;

	compare->search = *compare->what;
	while (compare->search.attributes[count] != NULL)
		count++;
	compare->search.attributes[count] =
	    compare->what->schema->names[SCHEMA_UUID];
	compare->search.limit = limit;
	compare->mode = mode;
	compare->named = true;
	ldap_sync_free(compare->list);
	compare->list = NULL;
	return ldap_sync_start(compare->ld, &compare->search, mode,
	    (struct berval){ 0, NULL }, &compare->list, compare->reason);
}

static int
ask_for_sample(struct source_compare *compare)
{
	compare->sampling = true;
	return start_search(compare, LDAP_SYNC_REFRESH_ONLY, SAMPLE_ENTRIES);
}

static int
ask_for_list(struct source_compare *compare, int mode)
{
	int r = follow_compare_begin(compare->follow, &compare->context);

	compare->sampling = false;
	return r == 0 ? start_search(compare, mode, LDAP_NO_LIMIT) : r;
}

/*
 * By its UUID: what is known of its name may be from before a rename. Without
 * the control, which has OpenLDAP leave out what is changed at that moment.
 */
static int
ask_for_entry(struct source_compare *compare)
{
	char filter[LDAP_SEARCH_FILTER_MAX + 256], text[LDAP_UUID_TEXT_LEN + 1];

	ldap_uuid_text(compare->uuid, text);
	(void)snprintf(filter, sizeof(filter), "(&(%s=%s)%s)",
	    compare->what->schema->names[SCHEMA_UUID], text,
	    compare->what->filter);
	compare->answered = false;
	return ldap_paged_start(compare->ld, compare->what->base,
	    compare->what->scope, filter, compare->what->attributes,
	    &compare->question, compare->reason);
}

/* ---- answers ----------------------------------------------------------- */

/* Our side of it, and then one question after the other. -EAGAIN: it is to go
 * on in another turn. */
static int
go_on(struct source_compare *compare)
{
	const uint8_t *uuid;
	int r = follow_compare_listed(compare->follow);

	if (r != 0)
		return r == -EAGAIN ? turn_again(compare) : end(compare, r);
	uuid = follow_compare_question(compare->follow, compare->named);
	if (uuid == NULL)
		return end(compare, 0);
	memcpy(compare->uuid, uuid, ENTRY_UUID_LEN);
	r = ask_for_entry(compare);
	return r == 0 ? turn_again(compare) : end(compare, r);
}

static int
take_listed_entry(struct source_compare *compare)
{
	compare->named &= compare->listed.named;
	if (compare->sampling) {
		compare->sampled++;
		return 0;
	}
	/* One that hides it: what the sample showed is not so of all. */
	if (!compare->named && compare->mode == LDAP_SYNC_NONE)
		return ask_for_list(compare, LDAP_SYNC_REFRESH_ONLY);
	return follow_compare_entry(compare->follow, &compare->listed.entry);
}

static int
take_listed(struct source_compare *compare)
{
	const struct ldap_sync_message *listed = &compare->listed;

	switch (listed->kind) {
	case LDAP_SYNC_MESSAGE_ENTRY:
		return take_listed_entry(compare);
	case LDAP_SYNC_MESSAGE_END:
		/* As a rule by its limit: it is no error that counts. */
		if (compare->sampling)
			return ask_for_list(compare,
			    compare->sampled > 0 && compare->named
			        ? LDAP_SYNC_NONE
			        : LDAP_SYNC_REFRESH_ONLY);
		if (listed->code != LDAP_SUCCESS)
			return ENS_E_INCOMPLETE;
		ldap_sync_free(compare->list);
		compare->list = NULL;
		compare->reason[0] = '\0';
		return 0;
	case LDAP_SYNC_MESSAGE_OTHER:
		(void)ldap_msgfree(listed->other);
		return 0;
	case LDAP_SYNC_MESSAGE_NONE:
	case LDAP_SYNC_MESSAGE_PRESENT:
	case LDAP_SYNC_MESSAGE_DELETE:
	case LDAP_SYNC_MESSAGE_COOKIE:
	case LDAP_SYNC_MESSAGE_DONE:
	default:
		return 0;
	}
}

static int
take_entry(struct source_compare *compare)
{
	const struct ldap_attributes *got = &compare->answer.attributes;
	struct entry entry;
	int r = entry_parse(compare->parser, compare->uuid, got->dn, got->rows,
	    got->count, &entry);

	compare->answered = true;
	if (r != 0)
		return r == ENS_E_LIMIT ? ENS_E_PROTOCOL : r;
	return follow_compare_answer(compare->follow, &entry);
}

static void
end_question(struct source_compare *compare)
{
	ldap_attributes_clear(&compare->answer.attributes);
	ldap_paged_free(compare->question);
	compare->question = NULL;
}

static int
take_answer(struct source_compare *compare)
{
	if (compare->answer.kind == LDAP_PAGED_ENTRY)
		return take_entry(compare);
	if (compare->answer.kind != LDAP_PAGED_END)
		return 0;
	if (compare->answer.code != LDAP_SUCCESS)
		return ENS_E_INCOMPLETE;
	end_question(compare);
	compare->reason[0] = '\0';
	return compare->answered ? 0
	                         : follow_compare_answer(compare->follow, NULL);
}

static bool
is_waiting(const struct source_compare *compare)
{
	return compare->list != NULL || compare->question != NULL;
}

/* One message; *ret_none when there is none at the moment. */
static int
read_one(struct source_compare *compare, bool *ret_none)
{
	bool listing = compare->list != NULL;
	int r = listing ? ldap_sync_next(compare->list, &compare->listed)
	                : ldap_paged_next(compare->question, &compare->answer);

	memcpy(compare->reason,
	    listing ? compare->listed.reason : compare->answer.reason,
	    sizeof(compare->reason));
	*ret_none = r == 0 &&
	    (listing ? compare->listed.kind == LDAP_SYNC_MESSAGE_NONE
	             : compare->answer.kind == LDAP_PAGED_NONE);
	if (r == 0 && !*ret_none)
		r = listing ? take_listed(compare) : take_answer(compare);
	return r;
}

/* Reads until there is nothing more, or others have waited long enough. */
static int
read_on(struct source_compare *compare)
{
	bool none = false;
	int r;

	for (int i = 0; is_waiting(compare) && i < TURN_MESSAGES; i++) {
		r = read_one(compare, &none);
		if (r != 0)
			return end(compare, r);
		if (none)
			return be_patient(compare);
	}
	r = be_patient(compare);
	if (r != 0)
		return r;
	return is_waiting(compare) ? turn_again(compare) : go_on(compare);
}

static int
on_turn(sd_event_source *turn, void *arg)
{
	(void)turn;
	return read_on(arg);
}

static int
on_input(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	(void)input;
	(void)fd;
	(void)events;
	return read_on(arg);
}

/* ---- life -------------------------------------------------------------- */

static int
watch(struct source_compare *compare, int fd, sd_event_io_handler_t handler)
{
	int r;

	compare->input = sd_event_source_disable_unref(compare->input);
	r = sd_event_add_io(compare->event, &compare->input, fd, EPOLLIN,
	    handler, compare);
	if (r >= 0)
		r = sd_event_source_set_priority(compare->input,
		    SD_EVENT_PRIORITY_IDLE + 1);
	return r < 0 ? r : 0;
}

static int
on_opened(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	struct source_compare *compare = arg;
	struct ldap_opened opened;
	int r = ldap_opening_finish(compare->opening, &opened, compare->reason);

	(void)input;
	(void)fd;
	(void)events;
	compare->opening = NULL;
	compare->input = sd_event_source_disable_unref(compare->input);
	if (r != 0)
		return end(compare, r);
	compare->ld = opened.ld;
	compare->context = opened.context;
	r = follow_compare_begin(compare->follow, &compare->context);
	if (r == 0)
		r = ask_for_sample(compare);
	if (r == 0 &&
	    ldap_get_option(compare->ld, LDAP_OPT_DESC, &fd) != LDAP_SUCCESS)
		r = ENS_E_LDAP;
	if (r == 0)
		r = watch(compare, fd, on_input);
	return r == 0 ? be_patient(compare) : end(compare, r);
}

static int
set_up(struct source_compare *compare, const char *uri)
{
	int r = entry_parser_new(compare->what->schema, &compare->parser);

	if (r == 0)
		r = sd_event_add_time_relative(compare->event, &compare->timer,
		    CLOCK_MONOTONIC, compare->options->timeout * SECOND, 0,
		    on_timer, compare);
	if (r >= 0)
		r = sd_event_add_defer(compare->event, &compare->turn, on_turn,
		    compare);
	if (r >= 0)
		r = sd_event_source_set_priority(compare->turn,
		    SD_EVENT_PRIORITY_IDLE + 1);
	if (r >= 0)
		r = sd_event_source_set_enabled(compare->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = ldap_opening_start(compare->options, uri,
		    compare->what->base, &compare->opening);
	if (r < 0)
		return r;
	return watch(compare, ldap_opening_fd(compare->opening), on_opened);
}

int
source_compare_start(sd_event *event,
    const struct ldap_connection_options *options, const char *uri,
    const struct ldap_search *what, struct follow *follow,
    source_compare_ended *ended, void *arg, struct source_compare **ret_compare)
{
	struct source_compare *compare = calloc(1, sizeof(*compare));
	int r;

	if (compare == NULL)
		return -ENOMEM;
	compare->event = event;
	compare->options = options;
	compare->what = what;
	compare->follow = follow;
	compare->ended = ended;
	compare->arg = arg;
	r = set_up(compare, uri);
	if (r != 0) {
		source_compare_stop(compare);
		return r;
	}
	*ret_compare = compare;
	return 0;
}

void
source_compare_stop(struct source_compare *compare)
{
	if (compare == NULL)
		return;
	sd_event_source_disable_unref(compare->input);
	sd_event_source_disable_unref(compare->turn);
	sd_event_source_disable_unref(compare->timer);
	ldap_opening_abandon(compare->opening);
	ldap_sync_free(compare->list);
	end_question(compare);
	entry_parser_free(compare->parser);
	if (compare->ld != NULL)
		ldap_connection_close(compare->ld);
	free(compare);
}

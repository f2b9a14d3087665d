/* The directory's own list, for a comparison. See source_compare.h. */
#include <config.h>

#include "enscale_sync/source_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "ldap/ldap_opening.h"
#include "ldap/ldap_sync.h"
#include "ldap/ldap_uuid.h"

#define SECOND ((uint64_t)1000000)
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500

struct source_compare {
	sd_event *event;                               /* borrowed */
	const struct ldap_connection_options *options; /* borrowed */
	const struct ldap_search *what;                /* borrowed */
	struct follow *follow;                         /* borrowed */
	source_compare_ended *ended;
	void *arg;
	struct ldap_opening *opening; /* owned; NULL when it is over */
	LDAP *ld;                     /* owned */
	struct ldap_search search;    /* for the list, then for single ones */
	struct ldap_sync *sync;       /* owned; NULL: no search under way */
	bool listing;                 /* it is that for the list */
	bool named;                   /* entryUUID says what the control says */
	uint8_t uuid[ENTRY_UUID_LEN]; /* of the question */
	bool answered;                /* with an entry */
	sd_event_source *input, *turn, *timer; /* owned */
	struct ldap_sync_message message;      /* large */
};

static int
end(struct source_compare *compare, int error)
{
	char reason[LDAP_REASON_MAX];

	if (error == 0)
		return compare->ended(NULL, compare->arg);
	memcpy(reason, compare->message.reason, sizeof(reason));
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
	compare->message.reason[0] = '\0';
	return end(compare, -ETIMEDOUT);
}

static int
turn_again(struct source_compare *compare)
{
	int r = sd_event_source_set_enabled(compare->turn, SD_EVENT_ONESHOT);

	return r < 0 ? r : 0;
}

/* ---- questions --------------------------------------------------------- */

static int
search(struct source_compare *compare)
{
	return ldap_sync_start(compare->ld, &compare->search,
	    LDAP_SYNC_REFRESH_ONLY, (struct berval){ 0, NULL }, &compare->sync,
	    compare->message.reason);
}

/* All that is read in a refresh, and entryUUID. */
static int
ask_for_list(struct source_compare *compare)
{
	int count = 0;

	compare->search = *compare->what;
	while (compare->search.attributes[count] != NULL)
		count++;
	compare->search.attributes[count] =
	    compare->what->schema->names[SCHEMA_UUID];
	compare->listing = compare->named = true;
	return search(compare);
}

/* By its UUID: what is known of its name may be from before a rename. */
static int
ask_for_entry(struct source_compare *compare)
{
	const size_t size = sizeof(compare->search.filter);
	char text[LDAP_UUID_TEXT_LEN + 1];

	ldap_uuid_text(compare->uuid, text);
	if ((size_t)snprintf(compare->search.filter, size, "(&(%s=%s)%s)",
	        compare->what->schema->names[SCHEMA_UUID], text,
	        compare->what->filter) >= size)
		return ENS_E_LIMIT;
	compare->answered = false;
	return search(compare);
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
take_entry(struct source_compare *compare)
{
	const struct entry *entry = &compare->message.entry;

	if (compare->listing) {
		compare->named &= compare->message.named;
		return follow_compare_entry(compare->follow, entry);
	}
	if (memcmp(entry->uuid, compare->uuid, ENTRY_UUID_LEN) != 0)
		return ENS_E_PROTOCOL;
	compare->answered = true;
	return follow_compare_answer(compare->follow, entry);
}

static int
take_end(struct source_compare *compare)
{
	bool asked = !compare->listing;

	if (compare->message.code != LDAP_SUCCESS)
		return ENS_E_INCOMPLETE;
	compare->message.reason[0] = '\0';
	ldap_sync_free(compare->sync);
	compare->sync = NULL;
	compare->listing = false;
	return asked && !compare->answered
	    ? follow_compare_answer(compare->follow, NULL)
	    : 0;
}

static int
take(struct source_compare *compare)
{
	switch (compare->message.kind) {
	case LDAP_SYNC_MESSAGE_ENTRY:
		return take_entry(compare);
	case LDAP_SYNC_MESSAGE_END:
		return take_end(compare);
	case LDAP_SYNC_MESSAGE_OTHER:
		(void)ldap_msgfree(compare->message.other);
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

/* Reads until there is nothing more, or others have waited long enough. */
static int
read_on(struct source_compare *compare)
{
	int r;

	for (int i = 0; compare->sync != NULL && i < TURN_MESSAGES; i++) {
		r = ldap_sync_next(compare->sync, &compare->message);
		if (r == 0 && compare->message.kind == LDAP_SYNC_MESSAGE_NONE)
			return be_patient(compare);
		if (r == 0)
			r = take(compare);
		if (r != 0)
			return end(compare, r);
	}
	r = be_patient(compare);
	if (r != 0)
		return r;
	return compare->sync != NULL ? turn_again(compare) : go_on(compare);
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
	int r = ldap_opening_finish(compare->opening, &opened,
	    compare->message.reason);

	(void)input;
	(void)fd;
	(void)events;
	compare->opening = NULL;
	compare->input = sd_event_source_disable_unref(compare->input);
	if (r != 0)
		return end(compare, r);
	compare->ld = opened.ld;
	r = follow_compare_begin(compare->follow, &opened.context);
	if (r == 0)
		r = ask_for_list(compare);
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
	int r = sd_event_add_time_relative(compare->event, &compare->timer,
	    CLOCK_MONOTONIC, compare->options->timeout * SECOND, 0, on_timer,
	    compare);

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
	ldap_sync_free(compare->sync);
	if (compare->ld != NULL)
		ldap_connection_close(compare->ld);
	free(compare);
}

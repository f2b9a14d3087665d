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
#include "ldap/ldap_reader.h"

#define SECOND ((uint64_t)1000000)
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500

struct source_compare {
	sd_event *event;                               /* borrowed */
	const struct ldap_connection_options *options; /* borrowed */
	const struct ldap_search *search;              /* borrowed */
	struct follow *follow;                         /* borrowed */
	source_compare_ended *ended;
	void *arg;
	struct ldap_opening *opening; /* owned; NULL when it is over */
	LDAP *ld;                     /* owned */
	struct ldap_reader *reader;   /* owned */
	int list;                     /* message id; -1 when it is complete */
	int question;                 /* likewise, of one entry; -1: none */
	uint8_t uuid[ENTRY_UUID_LEN]; /* of the question */
	bool answered;                /* with an entry */
	sd_event_source *input, *turn, *timer; /* owned */
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

static int
search(struct source_compare *compare, const char *filter,
    const char *const *names, int *ret_id)
{
	char *attributes[SCHEMA_COUNT + 1] = { NULL };
	int r;

	for (int i = 0; names[i] != NULL; i++)
		memcpy(&attributes[i], &names[i],
		    sizeof(attributes[i])); /* libldap forgot a const */
	r = ldap_search_ext(compare->ld, compare->search->base,
	    compare->search->scope, filter, attributes, 0, NULL, NULL, NULL,
	    LDAP_NO_LIMIT, ret_id);
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(compare->ld, r, "search", compare->reason);
	return ENS_E_LDAP;
}

static int
ask_for_list(struct source_compare *compare)
{
	const struct schema *schema = compare->search->schema;
	const char *const stamps[] = { schema->names[SCHEMA_UUID],
		schema->names[SCHEMA_CSN], NULL };

	return search(compare, compare->search->filter, stamps, &compare->list);
}

/* By its UUID: what is known of its name may be from before a rename. */
static int
ask_for_entry(struct source_compare *compare)
{
	char filter[LDAP_SEARCH_FILTER_MAX + 256];
	const uint8_t *u = compare->uuid;

	(void)snprintf(filter, sizeof(filter),
	    "(&(%s=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x)%s)",
	    compare->search->schema->names[SCHEMA_UUID], u[0], u[1], u[2], u[3],
	    u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
	    u[14], u[15], compare->search->filter);
	compare->answered = false;
	return search(compare, filter, compare->search->attributes,
	    &compare->question);
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
	uuid = follow_compare_question(compare->follow);
	if (uuid == NULL)
		return end(compare, 0);
	memcpy(compare->uuid, uuid, ENTRY_UUID_LEN);
	r = ask_for_entry(compare);
	return r == 0 ? turn_again(compare) : end(compare, r);
}

static int
take_listed(struct source_compare *compare, LDAPMessage *raw)
{
	uint8_t uuid[ENTRY_UUID_LEN];
	char csn[ENTRY_CSN_MAX + 1];
	int r = ldap_reader_stamps(compare->search->schema, compare->ld, raw,
	    uuid, csn);

	return r != 0 ? r : follow_compare_entry(compare->follow, uuid, csn);
}

static int
take_answer(struct source_compare *compare, LDAPMessage *raw)
{
	struct entry entry;
	int r = ldap_reader_entry(compare->reader, compare->ld, raw,
	    compare->uuid, &entry);

	compare->answered = true;
	return r != 0 ? r : follow_compare_answer(compare->follow, &entry);
}

static int
take_result(struct source_compare *compare, LDAPMessage *raw)
{
	int code = LDAP_OTHER;
	bool is_list = ldap_msgid(raw) == compare->list;

	if (ldap_parse_result(compare->ld, raw, &code, NULL, NULL, NULL, NULL,
	        0) != LDAP_SUCCESS)
		return ENS_E_PROTOCOL;
	if (code != LDAP_SUCCESS) {
		ldap_connection_reason(compare->ld, code, "search",
		    compare->reason);
		return ENS_E_INCOMPLETE;
	}
	if (is_list) {
		compare->list = -1;
		return 0;
	}
	compare->question = -1;
	return compare->answered ? 0
	                         : follow_compare_answer(compare->follow, NULL);
}

static int
take(struct source_compare *compare, LDAPMessage *raw)
{
	switch (ldap_msgtype(raw)) {
	case LDAP_RES_SEARCH_ENTRY:
		return ldap_msgid(raw) == compare->list
		    ? take_listed(compare, raw)
		    : take_answer(compare, raw);
	case LDAP_RES_SEARCH_RESULT:
		return take_result(compare, raw);
	default:
		return 0; /* references are not followed */
	}
}

static bool
is_waiting(const struct source_compare *compare)
{
	return compare->list >= 0 || compare->question >= 0;
}

/* Reads until there is nothing more, or others have waited long enough. */
static int
read_on(struct source_compare *compare)
{
	struct timeval now = { 0, 0 };
	LDAPMessage *raw = NULL;
	int r = 0, type;

	for (int i = 0; is_waiting(compare) && i < TURN_MESSAGES; i++) {
		type = ldap_result(compare->ld, LDAP_RES_ANY, LDAP_MSG_ONE,
		    &now, &raw);
		if (type == 0)
			return be_patient(compare);
		if (type < 0)
			return end(compare, ENS_E_LDAP);
		r = take(compare, raw);
		(void)ldap_msgfree(raw);
		if (r != 0)
			return end(compare, r);
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
	int r = ldap_reader_new(compare->search->schema, &compare->reader);

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
		    compare->search->base, &compare->opening);
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
	compare->search = what;
	compare->follow = follow;
	compare->ended = ended;
	compare->arg = arg;
	compare->list = compare->question = -1;
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
	if (compare->ld != NULL)
		ldap_connection_close(compare->ld);
	ldap_reader_free(compare->reader);
	free(compare);
}

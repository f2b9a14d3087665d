/* From records to readers. See publish.h. */
#include <config.h>

#include "enscale_sync/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "common/base/supervisor.h"
#include "common/names/account_map.h"
#include "common/view/view.h"
#include "common/view/view_walk.h"
#include "enscale_sync/derive.h"
#include "enscale_sync/excess.h"
#include "enscale_sync/view_writer.h"

/* Some tenths of a second, on a slow disk. */
#define RECORDS_A_SIGN 20000

struct publisher {
	struct state *state;            /* borrowed */
	struct view_writer *writer;     /* owned */
	struct account_map_writer *map; /* owned */
	struct view *view; /* what is published, owned; NULL: none to be read */
	bool ours;         /* it is of this state; else the next is a base */
	uint64_t done;     /* the generation that is derived and published */
	bool map_agrees;   /* the map as a whole was compared, and kept up */
	char view_dir[CONFIG_PATH_MAX];
	char map_file[CONFIG_PATH_MAX];
	char guard_socket[CONFIG_PATH_MAX];
};

static void
cleanup_publisher(struct publisher **publisher)
{
	publisher_close(*publisher);
}

static void
cleanup_derive(struct derive **derive)
{
	derive_free(*derive);
}

/* ---- opening ----------------------------------------------------------- */

/* Opens what is published, to compare with. Without it the next publication
 * is a base. */
static void
open_view(struct publisher *publisher)
{
	view_close(publisher->view);
	publisher->view = NULL;
	if (view_open(publisher->view_dir, &publisher->view) != 0)
		publisher->view = NULL;
	publisher->ours = publisher->ours && publisher->view != NULL;
}

static bool
is_source(const struct state *state)
{
	const struct state_info *info = state_info(state);

	return info->complete && !info->behind;
}

/* Only the refresh that makes it newer may forget this: it has to outlive the
 * process, because the generation goes on counting. */
static int
set_behind(struct state *state)
{
	int r = state_begin_write(state);

	if (r != 0)
		return r;
	state_set_behind(state);
	return state_commit(state);
}

/*
 * Which of the two is newer, state or view? Where it is the state, does it
 * still list all that came after the view? An old view that was put back, one
 * of another state or in an older form is replaced as a whole.
 */
static int
weigh(struct publisher *publisher)
{
	const struct state_info *info = state_info(publisher->state);
	uint64_t generation = publisher_generation(publisher);

	if (is_source(publisher->state) && generation > info->generation)
		return set_behind(publisher->state);
	publisher->ours = publisher->view != NULL &&
	    view_is_of_this_version(publisher->view) &&
	    is_source(publisher->state) && generation >= info->purged;
	/*
	 * What is still listed is derived once more, though it was perhaps
	 * published: a power failure may have taken the last segments'
	 * contents, and left their names.
	 */
	publisher->done = publisher->ours ? info->purged : 0;
	return 0;
}

static int
sync_state(void *state)
{
	return state_sync(state);
}

int
publisher_open(const struct config *config, struct state *state,
    struct publisher **ret_publisher, const char **ret_what)
{
	AUTO(cleanup_publisher)
	struct publisher *publisher = calloc(1, sizeof(*publisher));
	bool replaced;
	int r;

	*ret_what = CONFIG_VIEW_DIR;
	if (publisher == NULL)
		return -ENOMEM;
	publisher->state = state;
	r = config_path(config->state_dir, CONFIG_VIEW_DIR,
	    publisher->view_dir);
	if (r == 0)
		r = state_sync(state);
	if (r == 0)
		r = view_writer_open(publisher->view_dir, &publisher->writer);
	if (r != 0)
		return r;
	view_writer_set_first(publisher->writer, sync_state, state);
	*ret_what = CONFIG_MAP_FILE;
	r = config_path(config->state_dir, CONFIG_MAP_FILE,
	    publisher->map_file);
	if (r == 0)
		r = account_map_create(publisher->map_file, config->uid_base,
		    config->enumerate ? ACCOUNT_MAP_ENUMERATE : 0,
		    &publisher->map, &replaced);
	if (r != 0)
		return r;
	*ret_what = CONFIG_STATE_DIR "/" STATE_FILE;
	(void)config_path(config->run_dir, CONFIG_NOTIFY_SOCKET,
	    publisher->guard_socket); /* too long: nobody listens there */
	open_view(publisher);
	r = weigh(publisher);
	if (r != 0)
		return r;
	*ret_publisher = publisher;
	publisher = NULL;
	return 0;
}

void
publisher_close(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	view_close(publisher->view);
	view_writer_close(publisher->writer);
	account_map_writer_close(publisher->map);
	free(publisher);
}

struct publisher_figures
publisher_figures(const struct publisher *publisher)
{
	const struct manifest *manifest = view_writer_manifest(
	    publisher->writer);
	struct publisher_figures figures = {
		.segments = manifest->segment_count,
		.merges = view_writer_merges(publisher->writer),
	};

	for (uint32_t i = 0; i < manifest->segment_count; i++)
		figures.bytes += manifest->segments[i].size;
	return figures;
}

uint64_t
publisher_generation(const struct publisher *publisher)
{
	return view_writer_manifest(publisher->writer)->generation;
}

int64_t
publisher_as_of(const struct publisher *publisher)
{
	return view_writer_manifest(publisher->writer)->as_of;
}

bool
publisher_waits(const struct publisher *publisher)
{
	return publisher->view != NULL && !is_source(publisher->state);
}

bool
publisher_is_current(const struct publisher *publisher)
{
	return publisher->ours && publisher->map_agrees &&
	    is_source(publisher->state) &&
	    publisher->done == state_info(publisher->state)->generation;
}

bool
publisher_is_ready(const struct publisher *publisher)
{
	return publisher_waits(publisher) ? publisher->map_agrees
	                                  : publisher_is_current(publisher);
}

bool
publisher_is_behind(const struct publisher *publisher)
{
	return (publisher_waits(publisher) || is_source(publisher->state)) &&
	    !publisher_is_ready(publisher);
}

/* ---- the view ---------------------------------------------------------- */

struct segment {
	struct state *state; /* borrowed, like the next ones */
	struct view_writer *writer;
	struct excess *excess;
	bool base;
	bool begun;
	uint64_t records;
};

/* A base of many records may take longer than a supervisor waits, and the loop,
 * which feeds the watchdog, does not run meanwhile. */
static void
show_life(const struct segment *segment)
{
	if (segment->records % RECORDS_A_SIGN == 0)
		supervisor_tell_progress();
}

/* The segment begins with its first record: most often there is none. */
static int
put(void *arg, const struct record_key *key, struct bytes record)
{
	struct segment *segment = arg;
	int r = 0;

	if (!segment->begun)
		r = view_writer_begin(segment->writer, segment->base);
	if (r != 0)
		return r;
	segment->begun = true;
	segment->records++;
	show_life(segment);
	return view_writer_put(segment->writer, key, record);
}

static int
note(void *arg, const struct record_key *subject,
    const struct derive_excess *found)
{
	struct segment *segment = arg;

	return excess_note(segment->excess, segment->state, subject, found);
}

static int
visit_changed(const struct record_key *subject, void *arg)
{
	return derive_subject(arg, subject);
}

static int
write_segment(struct publisher *publisher, struct segment *segment)
{
	AUTO(cleanup_derive) struct derive *derive = NULL;
	int r = derive_new(publisher->state,
	    segment->base ? NULL : publisher->view, put, note, segment,
	    &derive);

	if (r == 0 && segment->base)
		r = derive_all(derive);
	else if (r == 0)
		r = state_each_changed(publisher->state, publisher->done,
		    visit_changed, derive);
	if (r == 0 && segment->base && !segment->begun) {
		/* An empty directory is a view, too. */
		r = view_writer_begin(segment->writer, true);
		segment->begun = r == 0;
	}
	return r;
}

/* Before anybody sees the view: what it holds is not derived again after a
 * kill. Nothing else of the state changes between the two transactions. */
static int
keep_excess(struct publisher *publisher, const struct excess *excess)
{
	int r;

	state_end(publisher->state);
	r = excess_keep(excess, publisher->state);
	return r == 0 ? state_begin_read(publisher->state) : r;
}

static int
publish_view(struct publisher *publisher, int64_t as_of,
    struct published *published)
{
	AUTO(excess_free) struct excess excess = { .all = !publisher->ours };
	struct segment segment = {
		.state = publisher->state,
		.excess = &excess,
		.writer = publisher->writer,
		.base = excess.all,
	};
	uint64_t generation = state_info(publisher->state)->generation;
	int r = 0;

	/* Everything comes from the state now: not less, and nothing else. */
	if (segment.base &&
	    (publisher->done > 0 || !state_is_new(publisher->state)))
		r = state_check(publisher->state);
	if (r == 0)
		r = write_segment(publisher, &segment);
	if (r == 0)
		r = keep_excess(publisher, &excess);
	if (r != 0) {
		view_writer_abort(publisher->writer);
		return r;
	}
	published->base = segment.base;
	published->records = segment.records;
	if (!segment.begun)
		return 0;
	r = view_writer_commit(publisher->writer, generation,
	    as_of > 0 ? as_of : publisher_as_of(publisher));
	/* A segment is damaged, and nothing can be put on top of it any longer.
	 */
	if (r == ENS_E_CORRUPT)
		publisher_distrust(publisher);
	if (r != 0)
		return r;
	/* Another view may have had other accounts. */
	publisher->map_agrees = publisher->map_agrees && publisher->ours;
	publisher->ours = true;
	open_view(publisher);
	return 0;
}

/* ---- how much ---------------------------------------------------------- */

struct counting {
	const struct view *view;
	uint64_t counts[SHRINK_KINDS];
	struct segment segment; /* for signs of life */
};

static int
count_record(void *arg, const struct record_key *key, struct bytes record)
{
	struct counting *counting = arg;
	struct environment_record environment;

	counting->segment.records++;
	show_life(&counting->segment);
	switch (key->data[0]) {
	case RECORD_ACCOUNT:
		counting->counts[SHRINK_ACCOUNTS]++;
		break;
	case RECORD_KEY:
		counting->counts[SHRINK_KEYS]++;
		break;
	case RECORD_NODE:
		counting->counts[SHRINK_NODES]++;
		break;
	case RECORD_ENVIRONMENT:
		counting->counts[SHRINK_ENVIRONMENTS]++;
		if (record_decode_environment(record, key, &environment) == 0)
			counting->counts[SHRINK_ACCESS] +=
			    environment.member_count;
		break;
	default:
		break;
	}
	return 0;
}

static int
count_row(const struct view_row *row, void *arg)
{
	const struct counting *counting = arg;
	struct bytes record;

	if (row->hidden ||
	    view_find_raw(counting->view, &row->key, &record) != 0)
		return 0;
	return count_record(arg, &row->key, record);
}

int
publisher_count(struct publisher *publisher, uint64_t ret_had[SHRINK_KINDS],
    uint64_t ret_has[SHRINK_KINDS])
{
	AUTO(cleanup_derive) struct derive *derive = NULL;
	struct counting had = { .view = publisher->view };
	struct counting has = { .view = NULL };
	int r = derive_new(publisher->state, NULL, count_record, NULL, &has,
	    &derive);

	if (r == 0)
		r = derive_all(derive);
	if (r != 0)
		return r;
	for (uint32_t i = 0;
	     had.view != NULL && i < view_segment_count(had.view); i++)
		(void)view_each_row(had.view, i, count_row, &had);
	memcpy(ret_had, had.counts, sizeof(had.counts));
	memcpy(ret_has, has.counts, sizeof(has.counts));
	return 0;
}

/* ---- the map ----------------------------------------------------------- */

struct mapping {
	struct publisher *publisher;
	struct entry_rows rows;
	uint32_t next; /* accounts below it agree, when all are compared */
};

static uint32_t
account_of(const struct record_key *subject)
{
	struct wire_reader reader;

	wire_read_init(&reader, subject->data + 1, subject->len - 1);
	return wire_read_u32(&reader);
}

static int
map_changed(const struct record_key *subject, void *arg)
{
	struct mapping *mapping = arg;
	struct entry entry;
	int r;

	if (subject->data[0] != RECORD_ACCOUNT)
		return 0;
	r = state_find_subject(mapping->publisher->state, subject,
	    &mapping->rows, &entry);
	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	return account_map_set(mapping->publisher->map, account_of(subject),
	    r == 0);
}

/* Clears the accounts from mapping->next up to this one. */
static int
clear_up_to(struct mapping *mapping, uint32_t account)
{
	uint32_t found;
	int r;

	while (mapping->next < account &&
	    account_map_writer_next(mapping->publisher->map, mapping->next,
	        &found) == 0 &&
	    found < account) {
		r = account_map_set(mapping->publisher->map, found, false);
		if (r != 0)
			return r;
		mapping->next = found + 1;
	}
	mapping->next = account;
	return 0;
}

static int
map_one(const struct record_key *subject, void *arg)
{
	struct mapping *mapping = arg;
	uint32_t account = account_of(subject);
	int r = clear_up_to(mapping, account);

	if (r == 0)
		r = account_map_set(mapping->publisher->map, account, true);
	mapping->next = account + 1;
	return r;
}

static int
publish_map(struct publisher *publisher)
{
	struct mapping mapping = { .publisher = publisher };
	int r;

	if (publisher->map_agrees) {
		r = state_each_changed(publisher->state, publisher->done,
		    map_changed, &mapping);
	} else {
		r = state_each_subject(publisher->state, RECORD_ACCOUNT,
		    map_one, &mapping);
		if (r == 0)
			r = clear_up_to(&mapping, ACCOUNT_ID_MAX + 1U);
	}
	entry_rows_free(&mapping.rows);
	publisher->map_agrees = r == 0;
	return r;
}

static int
map_row(const struct view_row *row, void *arg)
{
	struct publisher *publisher = arg;
	struct account_record account;
	uint32_t id;
	int r;

	if (row->key.data[0] != RECORD_ACCOUNT)
		return 0;
	id = account_of(&row->key);
	r = view_find_account(publisher->view, id, &account);
	return r == 0 ? account_map_set(publisher->map, id, true) : 0;
}

/* Clears what the view does not have; what it cannot tell of stays. */
static int
clear_unknown(struct publisher *publisher)
{
	struct account_record account;
	uint32_t id = 0;
	int r = 0;

	while (
	    r == 0 && account_map_writer_next(publisher->map, id, &id) == 0) {
		if (view_find_account(publisher->view, id, &account) ==
		    ENS_E_NOTFOUND)
			r = account_map_set(publisher->map, id, false);
		id++;
	}
	return r;
}

/* The map for a view that stays in use, as far as that can be read. */
static int
map_view(struct publisher *publisher)
{
	int r = 0;

	for (uint32_t i = view_segment_count(publisher->view); r == 0 && i > 0;
	     i--) {
		r = view_each_row(publisher->view, i - 1, map_row, publisher);
		if (r == ENS_E_CORRUPT)
			r = 0;
	}
	if (r == 0)
		r = clear_unknown(publisher);
	publisher->map_agrees = r == 0;
	return r;
}

/* ---- both -------------------------------------------------------------- */

static void
tell_guard(const struct publisher *publisher)
{
	/* The socket may not be there yet, nor its guard. No guard, or a full
	 * queue: it looks at the manifest by itself. */
	AUTO_FD int fd = local_socket_connect(publisher->guard_socket,
	    SOCK_DGRAM, 0);

	if (fd >= 0)
		(void)send(fd, "", 0, MSG_NOSIGNAL);
}

/* A view of another history may have the higher number. */
static int
pass_generation(struct publisher *publisher)
{
	uint64_t generation = publisher_generation(publisher);
	int r;

	if (generation < state_info(publisher->state)->generation)
		return 0;
	r = state_begin_write(publisher->state);
	if (r != 0)
		return r;
	state_raise_generation(publisher->state, generation);
	return state_commit(publisher->state);
}

int
publisher_publish(struct publisher *publisher, int64_t as_of,
    struct published *ret_published)
{
	struct published published = { 0 };
	uint64_t generation;
	int r = 0;

	*ret_published = published;
	if (!publisher_is_behind(publisher))
		return 0;
	if (publisher_waits(publisher))
		return map_view(publisher);
	if (!publisher->ours ||
	    publisher->done < publisher_generation(publisher))
		r = pass_generation(publisher);
	if (r == 0)
		r = state_begin_read(publisher->state);
	if (r != 0)
		return r;
	generation = state_info(publisher->state)->generation;
	r = publish_view(publisher, as_of, &published);
	if (r == 0)
		r = publish_map(publisher);
	state_end(publisher->state);
	if (published.records > 0 || published.base)
		tell_guard(publisher);
	if (r != 0)
		return r;
	publisher->done = generation;
	*ret_published = published;
	return 0;
}

bool
publisher_is_durable(const struct publisher *publisher)
{
	return view_writer_is_synced(publisher->writer);
}

bool
publisher_is_merging(const struct publisher *publisher)
{
	return view_writer_is_merging(publisher->writer);
}

int
publisher_settle(struct publisher *publisher)
{
	uint64_t merges = view_writer_merges(publisher->writer);
	int r = view_writer_settle(publisher->writer);

	if (view_writer_merges(publisher->writer) != merges)
		open_view(publisher);
	return r;
}

void
publisher_distrust(struct publisher *publisher)
{
	publisher->ours = publisher->map_agrees = false;
}

int
publisher_touch(struct publisher *publisher, int64_t as_of)
{
	int r;

	if (!publisher_is_current(publisher) ||
	    as_of == publisher_as_of(publisher))
		return 0;
	r = view_writer_touch(publisher->writer, publisher->done, as_of);
	if (r == 0)
		open_view(publisher);
	return r;
}

/*
 * An LDIF file as a source: a gateway without any server. See source.h.
 *
 * The file is read whole or not at all: it is copied, so that nobody can change
 * it meanwhile; the copy is read to its end; and only if nothing is wrong with
 * it, the follower is told, as a full refresh. It is read again when it was
 * written or replaced (inotify, and a check every few seconds for file systems
 * without it). Whoever can write it decides who may log in, so only root may
 * write to it and to its folder.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/source_type.h"
#include "enscale_sync/subject_map.h"
#include "enscale_sync/uuid_set.h"
#include "ldap/ldap_dn.h"
#include "ldap/ldap_ldif.h"
#include "ldap/ldap_uuid.h"

#define SECOND ((uint64_t)1000000)

/* From one look at the file to the next, whether or not we were told. */
#define LOOK_TIME (10 * SECOND)
/* A file that changed while it was copied. */
#define AGAIN_TIME (SECOND / 2)
/* Done in one turn of the loop. */
#define TURN_ENTRIES 500
#define TURN_BLOCKS  512
#define BLOCK        8192

/* Of the name of another entry in a reason. */
#define NAMED_MAX 160

#define SCHEME "file://"
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

enum phase {
	IDLE,
	COPYING,
	CHECKING, /* the copy, to its end */
	TELLING,  /* the follower */
};

struct file_source {
	sd_event *event;             /* borrowed */
	const struct config *config; /* borrowed */
	struct follow *follow;       /* borrowed */
	struct status *status;       /* borrowed */
	const char *path;            /* borrowed */
	char folder[CONFIG_VALUE_MAX];
	char name[CONFIG_VALUE_MAX];
	char copy_name[CONFIG_PATH_MAX];
	enum phase phase;
	struct stat taken; /* of what was taken, or turned down, last */
	struct stat now;   /* of what is being read */
	bool good;         /* and it was taken */
	bool again;        /* it has changed since */
	int file, copy;
	struct ldap_ldif *ldif;      /* owned */
	struct entry_parser *parser; /* owned */
	struct uuid_set seen;        /* while it is checked */
	struct subject_map firsts;   /* while it is told */
	char reason[LDAP_LDIF_REASON_MAX];
	char said[LDAP_LDIF_REASON_MAX];
	sd_event_source *watch; /* owned, like the next ones */
	sd_event_source *turn;
	sd_event_source *timer;
};

static int
wait_for(struct file_source *source, uint64_t time)
{
	int r = sd_event_source_set_time_relative(source->timer, time);

	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer,
		    SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

static int
go_on(struct file_source *source)
{
	return sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
}

/* ---- the end of a reading ---------------------------------------------- */

static void
let_go(struct file_source *source)
{
	ldap_ldif_close(source->ldif);
	source->ldif = NULL;
	if (source->file >= 0)
		(void)close(source->file);
	if (source->copy >= 0)
		(void)close(source->copy);
	source->file = source->copy = -1;
	uuid_set_free(&source->seen);
	subject_map_free(&source->firsts);
	source->phase = IDLE;
	(void)sd_event_source_set_enabled(source->turn, SD_EVENT_OFF);
}

/* Its previous content stays in use. Logged once as long as nothing changes. */
static int
turn_down(struct file_source *source, const char *reason)
{
	char line[LDAP_LDIF_REASON_MAX];

	(void)snprintf(line, sizeof(line), "%s", reason);
	let_go(source);
	source->good = false;
	if (strcmp(line, source->said) != 0)
		log_error("cannot take \"%s\": %s", source->path, line);
	memcpy(source->said, line, sizeof(line));
	follow_lost(source->follow, line);
	return wait_for(source, source->again ? 0 : LOOK_TIME);
}

static int
turn_down_for(struct file_source *source, int error)
{
	/* Not the file's fault: it can be tried again unchanged. */
	source->taken = (struct stat){ 0 };
	return turn_down(source, follow_error_text(source->follow, error));
}

/* ---- whose file it is -------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *
check_folder(const struct file_source *source)
{
	struct stat st;

	if (stat(source->folder, &st) != 0)
		return error_text(-errno);
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		return "its folder must belong to root, and nobody else may write to it";
	return NULL;
}

static const char *
check_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != 0 || (st->st_mode & 022) != 0)
		return "it must belong to root, and nobody else may write to it";
	if (st->st_size > LDIF_FILE_MAX)
		return error_text(ENS_E_LIMIT);
	return NULL;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size && a->st_mode == b->st_mode &&
	    a->st_uid == b->st_uid && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* ---- reading ----------------------------------------------------------- */

/* A file without a name, for us alone. */
static int
open_copy(struct file_source *source)
{
	char name[CONFIG_PATH_MAX + 8];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.XXXXXX", source->copy_name);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(name);
	return fd;
}

static int
start_reading(struct file_source *source)
{
	const char *wrong = check_folder(source);

	source->again = false;
	/* A folder may be corrected without any change of the file. */
	source->taken = wrong == NULL ? source->now : (struct stat){ 0 };
	if (wrong == NULL)
		wrong = check_file(&source->now);
	if (wrong != NULL)
		return turn_down(source, wrong);
	source->copy = open_copy(source);
	if (source->copy < 0)
		return turn_down_for(source, source->copy);
	source->phase = COPYING;
	return go_on(source);
}

/* Is there something new? */
static int
look(struct file_source *source)
{
	int r;

	if (source->watch == NULL || source->phase != IDLE) {
		source->again = source->phase != IDLE;
		return 0;
	}
	source->file = open(source->path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (source->file < 0 || fstat(source->file, &source->now) != 0) {
		r = -errno;
		return turn_down(source,
		    r == -ELOOP
		        ? "it is a symbolic link, and changes behind it would go unnoticed"
		        : error_text(r));
	}
	if (!follow_wants_refresh(source->follow) &&
	    is_same(&source->now, &source->taken)) {
		let_go(source);
		if (source->good)
			follow_alive(source->follow, (int64_t)time(NULL));
		return wait_for(source, LOOK_TIME);
	}
	return start_reading(source);
}

static int
start_checking(struct file_source *source)
{
	struct stat st;
	int r;

	if (fstat(source->file, &st) != 0)
		return turn_down_for(source, -errno);
	if (source->again || !is_same(&st, &source->now)) {
		let_go(source);
		source->taken = (struct stat){ 0 };
		return wait_for(source, AGAIN_TIME);
	}
	r = ldap_ldif_open(source->copy, &source->ldif);
	if (r != 0)
		return turn_down_for(source, r);
	source->phase = CHECKING;
	return go_on(source);
}

static int
copy_on(struct file_source *source)
{
	char block[BLOCK];
	ssize_t n;

	for (int i = 0; i < TURN_BLOCKS; i++) {
		n = read(source->file, block, sizeof(block));
		if (n == 0)
			return start_checking(source);
		if (n > 0 && write(source->copy, block, (size_t)n) != n)
			return turn_down_for(source,
			    errno != 0 ? -errno : -ENOSPC);
		if (n < 0) {
			source->taken = (struct stat){ 0 };
			return turn_down(source, error_text(-errno));
		}
	}
	return go_on(source);
}

/* ---- what it says ------------------------------------------------------ */

/* Is it an entry for us? 0, ENS_E_NOTFOUND, or why it cannot be said. */
static int
sort_out(struct file_source *source, const struct ldap_ldif_entry *record,
    uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	const struct config *config = source->config;
	int r;

	if (record->dn.bv_len == 0 || record->dn.bv_len > ENTRY_DN_MAX ||
	    strlen(record->dn.bv_val) != record->dn.bv_len)
		return ENS_E_SYNTAX;
	r = ldap_uuid_of(&config->schema, record->dn.bv_val, record->attributes,
	    record->attribute_count, ret_uuid);
	if (r == 0)
		r = ldap_dn_is_below(record->dn.bv_val, config->base,
		    config->scope == CONFIG_SCOPE_ONE ? 1 : -1);
	if (r == 0 &&
	    !entry_is_ours(source->parser, record->attributes,
	        record->attribute_count))
		r = ENS_E_NOTFOUND;
	return r;
}

static int
check(struct file_source *source, const struct ldap_ldif_entry *record)
{
	uint8_t uuid[ENTRY_UUID_LEN];
	bool is_new = true;
	int r = sort_out(source, record, uuid);

	if (r == 0)
		r = uuid_set_add(&source->seen, uuid, &is_new);
	if (r == ENS_E_NOTFOUND)
		return 0;
	if (r != 0)
		ldap_ldif_reason(record,
		    r == ENS_E_SYNTAX ? "not a distinguished name"
		                      : error_text(r),
		    source->reason);
	else if (!is_new)
		ldap_ldif_reason(record,
		    "the same entry (name or entryUUID) occurs twice",
		    source->reason);
	return r == 0 && !is_new ? ENS_E_SYNTAX : r;
}

/* The attribute that two entries must not have in common. */
static enum schema_name
identity_of(const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		return SCHEMA_ACCOUNT_ID;
	case ENTRY_NODE:
		return SCHEMA_NODE_ID;
	case ENTRY_ENVIRONMENT:
	case ENTRY_KEY:
	case ENTRY_OTHER:
	default:
		return SCHEMA_CN;
	}
}

/* Refuses it, if an entry further up has its number or name and is no younger:
 * entries need no timestamps here, and the order of a file is its author's.
 * Where their ages differ, the state tells them apart. */
static int
judge_place(struct file_source *source, struct entry *entry,
    char reason[ENTRY_REASON_MAX + 1])
{
	struct record_key subject = state_subject_of(entry);
	char dn[ENTRY_DN_MAX + 1];
	const uint8_t *first = NULL;
	int r;

	if (entry->refused || subject.len == 0)
		return 0;
	r = subject_map_add(&source->firsts, &subject, entry, &first);
	if (r == 0 && first != NULL)
		r = follow_find_name(source->follow, first, dn);
	if (r != 0 || first == NULL)
		return r;
	(void)snprintf(reason, ENTRY_REASON_MAX + 1,
	    "%s: \"%.*s%s\" further up in the file has it",
	    source->config->schema.names[identity_of(entry)], NAMED_MAX, dn,
	    strlen(dn) > NAMED_MAX ? "..." : "");
	entry->refused = true;
	entry->reason = reason;
	entry->warning = ""; /* of one that counts */
	return 0;
}

static int
tell(struct file_source *source, const struct ldap_ldif_entry *record)
{
	char reason[ENTRY_REASON_MAX + 1];
	uint8_t uuid[ENTRY_UUID_LEN];
	struct entry entry;
	int r = sort_out(source, record, uuid);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	r = entry_parse(source->parser, uuid, record->dn, record->attributes,
	    record->attribute_count, &entry);
	if (r == 0)
		r = judge_place(source, &entry, reason);
	return r == 0 ? follow_entry(source->follow, &entry) : r;
}

static int
start_telling(struct file_source *source)
{
	int r;

	ldap_ldif_close(source->ldif);
	source->ldif = NULL;
	uuid_set_free(&source->seen);
	r = ldap_ldif_open(source->copy, &source->ldif);
	if (r == 0)
		r = follow_begin(source->follow, true, false);
	if (r != 0)
		return turn_down_for(source, r);
	source->phase = TELLING;
	return go_on(source);
}

static int
take(struct file_source *source)
{
	int r = follow_done(source->follow, true);

	if (r != 0)
		return turn_down_for(source, r);
	let_go(source);
	source->good = true;
	source->said[0] = '\0';
	return wait_for(source, source->again ? 0 : LOOK_TIME);
}

static int
read_on(struct file_source *source)
{
	struct ldap_ldif_entry record;
	int r;

	for (int i = 0; i < TURN_ENTRIES; i++) {
		source->reason[0] = '\0';
		r = ldap_ldif_next(source->ldif, &record, source->reason);
		if (r == ENS_E_NOTFOUND)
			return source->phase == CHECKING ? start_telling(source)
			                                 : take(source);
		if (r == 0)
			r = source->phase == CHECKING ? check(source, &record)
			                              : tell(source, &record);
		if (r != 0 && source->reason[0] != '\0')
			return turn_down(source, source->reason);
		if (r != 0)
			return turn_down_for(source, r);
	}
	return go_on(source);
}

static int
on_turn(sd_event_source *turn, void *arg)
{
	struct file_source *source = arg;

	(void)turn;
	if (source->phase == COPYING)
		return copy_on(source);
	return source->phase == IDLE ? 0 : read_on(source);
}

/* ---- being told -------------------------------------------------------- */

static int
on_change(sd_event_source *watch, const struct inotify_event *event, void *arg)
{
	struct file_source *source = arg;

	(void)watch;
	if ((event->mask & IN_IGNORED) != 0) {
		/* The folder is gone: another may come. */
		source->watch = sd_event_source_disable_unref(source->watch);
		return source->phase == IDLE ? wait_for(source, 0) : 0;
	}
	if ((event->mask & IN_Q_OVERFLOW) == 0 &&
	    (event->len == 0 || strcmp(event->name, source->name) != 0))
		return 0;
	return look(source);
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct file_source *source = arg;
	int r;

	(void)timer;
	(void)time;
	if (source->watch == NULL) {
		r = sd_event_add_inotify(source->event, &source->watch,
		    source->folder, EVENTS, on_change, source);
		if (r < 0)
			return turn_down(source, error_text(r));
	}
	return look(source);
}

/* ---- life -------------------------------------------------------------- */

static void
stop(void *self)
{
	struct file_source *source = self;

	if (source == NULL)
		return;
	let_go(source);
	sd_event_source_disable_unref(source->watch);
	sd_event_source_disable_unref(source->turn);
	sd_event_source_disable_unref(source->timer);
	entry_parser_free(source->parser);
	free(source);
}

static void
cleanup_source(struct file_source **source)
{
	stop(*source);
}

static int
find_path(struct file_source *source)
{
	char copy[CONFIG_VALUE_MAX];

	source->path = source->config->uri + strlen(SCHEME);
	(void)snprintf(copy, sizeof(copy), "%s", source->path);
	(void)snprintf(source->folder, sizeof(source->folder), "%s",
	    dirname(copy));
	(void)snprintf(copy, sizeof(copy), "%s", source->path);
	(void)snprintf(source->name, sizeof(source->name), "%s",
	    basename(copy));
	return config_path(source->config->state_dir,
	    CONFIG_STATE_DIR "/source.ldif", source->copy_name);
}

static int
start(sd_event *event, const struct config *config, struct follow *follow,
    struct status *status, void **ret_self)
{
	AUTO(cleanup_source)
	struct file_source *source = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->follow = follow;
	source->status = status;
	source->file = source->copy = -1;
	(void)snprintf(status->source, sizeof(status->source), "%s",
	    config->uri);
	r = find_path(source);
	if (r == 0)
		r = entry_parser_new(&config->schema, &source->parser);
	if (r == 0)
		r = sd_event_add_defer(event, &source->turn, on_turn, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->turn, SD_EVENT_OFF);
	/* Below signals and timers, which must not wait for a long file. */
	if (r >= 0)
		r = sd_event_source_set_priority(source->turn,
		    SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &source->timer,
		    CLOCK_MONOTONIC, 0, 0, on_timer, source);
	if (r < 0)
		return r;
	*ret_self = source;
	source = NULL;
	return 0;
}

static int
poke(void *self)
{
	return look(self);
}

const struct source_type source_file = {
	.method = "file",
	.start = start,
	.stop = stop,
	.poke = poke,
};

/*
 * Publishing the view. Nothing that a manifest names is ever changed: each
 * publication is one new segment file, and then one new manifest.
 *
 * A change is visible before it is durable: readers see what is in memory, and
 * waiting for the disk three times would be most of the time that a change
 * takes. What a power failure may lose in the moment before view_writer_sync()
 * is restored from the state, which was synced before and goes on listing the
 * change until then: see publisher_open(). A base, and whatever replaces
 * segments that may be the only ones to hold something, is durable before it
 * gets its name.
 *
 * Merging is only an optimization, and happens after the change is visible.
 * When it fails (no space, a damaged segment, 4 GiB) what was published stays
 * as it is, as long as a reader may open that many segments: a deleted key must
 * not stay valid because an old file is broken. A large base is merged by a
 * child process, so that changes are not delayed.
 */
#include <config.h>

#include "enscale_sync/view_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common/base/apart.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "common/base/write_all.h"
#include "enscale_sync/segment_writer.h"

#define LOCK_NAME     "lock"
#define DELTA_NAME    ".new-segment"
#define MERGED_NAME   ".new-merged"
#define BASE_NAME     ".new-base" /* the child's */
#define NEXT_MANIFEST ".new-manifest"

/* A delta swallows the next one when that is not much larger: few segments,
 * and each byte is rewritten a few times only. */
#define MERGE_RATIO  4
#define MERGE_COUNT  (VIEW_SEGMENTS_MAX / 2) /* segments, base included */
#define MERGE_DOWN   (MERGE_COUNT / 2)       /* when it is done at all */
#define BASE_PORTION 8 /* deltas above an eighth of the base go into it */
/* What is merged into the base at once, in some milliseconds; more is left to
 * a child. */
#define MERGE_AT_ONCE ((uint64_t)1 << 20)

struct view_writer {
	int dir_fd;
	int lock_fd;
	struct manifest manifest;
	uint64_t merges;
	uint64_t last_number;    /* the highest segment number ever seen here */
	uint64_t synced_number;  /* up to this one segments are durable */
	bool synced;             /* and so is the manifest */
	int (*first)(void *arg); /* view_writer_set_first(), or NULL */
	void *first_arg;
	struct segment_writer segment;
	bool base;
	time_t overlap_end;      /* CLOCK_BOOTTIME; 0: it has ended */
	pid_t merger;            /* the child, or 0 */
	struct manifest merging; /* what it merges */
	uint64_t failed_bytes;   /* of deltas when a child failed last; or 0 */
};

/* The number in a segment's name; false for any other file. */
static bool
segment_number(const char *name, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (strlen(name) != SEGMENT_NAME_LEN ||
	    strcmp(name + SEGMENT_NAME_LEN - 4, ".cdb") != 0)
		return false;
	for (int i = 0; i < SEGMENT_NAME_LEN - 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, name[i]);

		if (digit == NULL)
			return false;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	*ret_number = number;
	return true;
}

static bool
named(const struct manifest *manifest, const char *name)
{
	for (uint32_t i = 0; i < manifest->segment_count; i++) {
		if (strcmp(manifest->segments[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A manifest of another version, which nobody keeps up to date. */
static bool
is_over(const struct view_writer *writer, const char *name)
{
	uint32_t version = manifest_name_version(name);

	if (version == 0 || version == MANIFEST_VERSION)
		return false;
	return version != MANIFEST_VERSION_BEFORE || writer->overlap_end == 0;
}

/*
 * Removes what no manifest names: temporary files when it is opened, since
 * later ones are under way, and segments and manifests of other versions only
 * when there is a publication of ours. Before that the folder may hold one that
 * its readers still use.
 */
static int
sweep(struct view_writer *writer, bool opening)
{
	struct manifest before = { 0 };
	struct dirent *entry;
	DIR *dir;
	int fd;

	fd = openat(writer->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		int r = -errno;

		close(fd);
		return r;
	}
	if (writer->overlap_end != 0)
		(void)manifest_read(writer->dir_fd, MANIFEST_VERSION_BEFORE,
		    &before);
	while ((entry = readdir(dir)) != NULL) {
		bool ours = writer->manifest.segment_count > 0;
		uint64_t number;

		if (opening && strncmp(entry->d_name, ".new-", 5) == 0) {
			unlinkat(writer->dir_fd, entry->d_name, 0);
			continue;
		}
		if (ours && is_over(writer, entry->d_name))
			unlinkat(writer->dir_fd, entry->d_name, 0);
		if (!segment_number(entry->d_name, &number))
			continue;
		if (number > writer->last_number && number < UINT64_MAX)
			writer->last_number = number;
		if (ours && !named(&writer->manifest, entry->d_name) &&
		    !named(&before, entry->d_name))
			unlinkat(writer->dir_fd, entry->d_name, 0);
	}
	closedir(dir);
	return 0;
}

/* What a manifest says of itself, without segments. */
static struct manifest
head_of(const struct manifest *manifest)
{
	return (struct manifest){ .generation = manifest->generation,
		.as_of = manifest->as_of };
}

/* A manifest whose segments are all there; otherwise without any. */
static struct manifest
published(int dir_fd)
{
	struct manifest manifest = { 0 };
	struct stat st;
	int r = manifest_read(dir_fd, MANIFEST_VERSION, &manifest);

	if (r == ENS_E_NOTFOUND)
		r = manifest_read(dir_fd, MANIFEST_VERSION_BEFORE, &manifest);
	if (r != 0 || manifest.version != MANIFEST_VERSION)
		return head_of(&manifest);
	for (uint32_t i = 0; i < manifest.segment_count; i++) {
		const struct manifest_segment *segment = &manifest.segments[i];

		if (fstatat(dir_fd, segment->name, &st, AT_SYMLINK_NOFOLLOW) !=
		        0 ||
		    !S_ISREG(st.st_mode) ||
		    (uint64_t)st.st_size != segment->size)
			return head_of(&manifest);
	}
	return manifest;
}

static void
stop_merger(struct view_writer *writer)
{
	if (writer->merger == 0)
		return;
	(void)kill(writer->merger, SIGKILL);
	while (waitpid(writer->merger, NULL, 0) < 0 && errno == EINTR)
		;
	writer->merger = 0;
	(void)unlinkat(writer->dir_fd, BASE_NAME, 0);
}

static time_t
now(void)
{
	struct timespec time = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec;
}

int
view_writer_open(const char *dir, struct view_writer **ret_writer)
{
	struct view_writer *writer;
	int r;

	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return -ENOMEM;
	writer->overlap_end = now() + VIEW_OVERLAP_SECONDS;
	writer->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	writer->lock_fd = writer->dir_fd < 0
	    ? -errno
	    : lock_file(writer->dir_fd, LOCK_NAME, 0);
	r = writer->lock_fd < 0 ? writer->lock_fd : 0;
	if (r == 0) {
		writer->manifest = published(writer->dir_fd);
		r = sweep(writer, true);
	}
	if (r == 0)
		r = view_writer_sync(writer);
	if (r != 0) {
		view_writer_close(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void
view_writer_close(struct view_writer *writer)
{
	if (writer == NULL)
		return;
	view_writer_abort(writer);
	stop_merger(writer);
	if (writer->dir_fd >= 0)
		close(writer->dir_fd);
	if (writer->lock_fd >= 0)
		close(writer->lock_fd);
	free(writer);
}

const struct manifest *
view_writer_manifest(const struct view_writer *writer)
{
	return &writer->manifest;
}

uint64_t
view_writer_merges(const struct view_writer *writer)
{
	return writer->merges;
}

int
view_writer_begin(struct view_writer *writer, bool base)
{
	if (writer->segment.name != NULL)
		return -EBUSY;
	if (!base && writer->manifest.segment_count == 0)
		return ENS_E_VIEW;
	writer->base = base;
	return segment_writer_begin(&writer->segment, writer->dir_fd,
	    DELTA_NAME);
}

int
view_writer_put(struct view_writer *writer, const struct record_key *key,
    struct bytes record)
{
	if (writer->segment.name == NULL)
		return -EINVAL;
	return segment_writer_put(&writer->segment, key, record);
}

void
view_writer_abort(struct view_writer *writer)
{
	segment_writer_abort(&writer->segment, writer->dir_fd);
}

/*
 * The time of the change as finely as the clock tells it: a file system
 * stamps files with a coarser one, and an inode number may come again.
 * view_is_current() compares both.
 */
static int
stamp(int fd)
{
	struct timespec times[2];

	if (clock_gettime(CLOCK_REALTIME, &times[0]) != 0)
		return -errno;
	times[1] = times[0];
	return futimens(fd, times) == 0 ? 0 : -errno;
}

/* Makes the manifest the published one; not durable yet. */
static int
replace_manifest(struct view_writer *writer, const struct manifest *manifest)
{
	char text[MANIFEST_SIZE_MAX], name[MANIFEST_NAME_SIZE];
	size_t len = manifest_format(manifest, text);
	AUTO_FD int fd = -1;
	int r;

	manifest_name(MANIFEST_VERSION, name);
	r = view_file_create(writer->dir_fd, NEXT_MANIFEST, &fd);
	if (r == 0)
		r = write_all(fd, text, len);
	if (r == 0)
		r = stamp(fd);
	if (r == 0 &&
	    renameat(writer->dir_fd, NEXT_MANIFEST, writer->dir_fd, name) != 0)
		r = -errno;
	if (r != 0) {
		unlinkat(writer->dir_fd, NEXT_MANIFEST, 0);
		return r;
	}
	writer->manifest = *manifest;
	writer->synced = false;
	return 0;
}

/* ---- making durable ---------------------------------------------------- */

static int
sync_file(int dir_fd, const char *name)
{
	AUTO_FD int fd = openat(dir_fd, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

void
view_writer_set_first(struct view_writer *writer, int (*first)(void *arg),
    void *arg)
{
	writer->first = first;
	writer->first_arg = arg;
}

int
view_writer_sync(struct view_writer *writer)
{
	char manifest[MANIFEST_NAME_SIZE];
	int r = 0;

	if (writer->synced || writer->manifest.segment_count == 0)
		return 0;
	manifest_name(MANIFEST_VERSION, manifest);
	if (writer->first != NULL)
		r = writer->first(writer->first_arg);
	for (uint32_t i = 0; r == 0 && i < writer->manifest.segment_count;
	     i++) {
		const char *name = writer->manifest.segments[i].name;
		uint64_t number;

		if (segment_number(name, &number) &&
		    number > writer->synced_number)
			r = sync_file(writer->dir_fd, name);
	}
	if (r == 0)
		r = sync_file(writer->dir_fd, manifest);
	if (r == 0 && fsync(writer->dir_fd) != 0)
		r = -errno;
	if (r != 0)
		return r;
	writer->synced_number = writer->last_number;
	writer->synced = true;
	return 0;
}

bool
view_writer_is_synced(const struct view_writer *writer)
{
	return writer->synced || writer->manifest.segment_count == 0;
}

/* ---- publishing -------------------------------------------------------- */

/* The manifest with a new segment in the place of count others, from the
 * one with index at. */
static struct manifest
next_manifest(const struct view_writer *writer, uint32_t at, uint32_t count,
    uint64_t number, uint64_t size)
{
	const struct manifest *old = &writer->manifest;
	struct manifest next = { .version = MANIFEST_VERSION,
		.generation = old->generation,
		.as_of = old->as_of };
	struct manifest_segment *segment;

	for (uint32_t i = 0; i < at; i++)
		next.segments[next.segment_count++] = old->segments[i];
	segment = &next.segments[next.segment_count++];
	snprintf(segment->name, sizeof(segment->name), "%016" PRIx64 ".cdb",
	    number);
	segment->size = size;
	for (uint32_t i = at + count; i < old->segment_count; i++)
		next.segments[next.segment_count++] = old->segments[i];
	return next;
}

/* Gives the finished file its name, that of the next segment at this place,
 * and publishes it. */
static int
publish(struct view_writer *writer, const char *name,
    const struct manifest *next, uint32_t at)
{
	const char *segment = next->segments[at].name;
	int r;

	if (renameat(writer->dir_fd, name, writer->dir_fd, segment) != 0) {
		r = -errno;
		unlinkat(writer->dir_fd, name, 0);
		return r;
	}
	writer->last_number++;
	r = replace_manifest(writer, next);
	if (r != 0)
		unlinkat(writer->dir_fd, segment, 0);
	return r;
}

/* Puts a finished and synced segment in the place of others, durably, and
 * removes these. */
static int
publish_merged(struct view_writer *writer, const char *name, uint32_t at,
    uint32_t count, uint64_t size)
{
	struct manifest next = next_manifest(writer, at, count,
	    writer->last_number + 1, size);
	int r = publish(writer, name, &next, at);

	if (r != 0)
		return r;
	writer->merges++;
	r = view_writer_sync(writer);
	/* What stays behind is swept the next time. */
	if (r == 0)
		(void)sweep(writer, false);
	return r;
}

/* ---- merging ----------------------------------------------------------- */

/* Segments at the end that are not to be touched: the base, or all that a
 * child is merging. */
static uint32_t
fixed_count(const struct view_writer *writer)
{
	return writer->merger != 0 ? writer->merging.segment_count : 1;
}

/* How many of the newest segments become one; below two: none. */
static uint32_t
merge_count(const struct view_writer *writer)
{
	const struct manifest *manifest = &writer->manifest;
	uint32_t free_count = manifest->segment_count - fixed_count(writer);
	uint32_t left = manifest->segment_count, count = 1;
	uint64_t size = manifest->segments[0].size;

	if (left < MERGE_COUNT)
		return 0;
	while (count < free_count &&
	    (manifest->segments[count].size <= size * MERGE_RATIO ||
	        left - count >= MERGE_DOWN)) {
		size += manifest->segments[count].size;
		count++;
	}
	return count;
}

static int
merge_now(struct view_writer *writer, uint32_t count)
{
	bool into_base = count == writer->manifest.segment_count;
	AUTO_FD int fd = -1;
	uint64_t size;
	int r = view_merge(writer->dir_fd, writer->manifest.segments, count,
	    into_base, MERGED_NAME, &fd, &size);

	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	if (r == 0)
		return publish_merged(writer, MERGED_NAME, 0, count, size);
	unlinkat(writer->dir_fd, MERGED_NAME, 0);
	return r;
}

/* The child. */
__attribute__((noreturn)) static void
merge_apart(const struct view_writer *writer, pid_t parent)
{
	uint64_t size;
	int fd = -1;

	if (!apart_begin(parent, writer->dir_fd))
		_exit(1);
	(void)setpriority(PRIO_PROCESS, 0, 10);
	if (view_merge(APART_FD, writer->merging.segments,
	        writer->merging.segment_count, true, BASE_NAME, &fd,
	        &size) != 0 ||
	    fsync(fd) != 0)
		_exit(1);
	_exit(0);
}

static void
start_merger(struct view_writer *writer, uint64_t bytes)
{
	pid_t parent = getpid(), child;

	writer->failed_bytes = bytes; /* until it has succeeded */
	writer->merging = writer->manifest;
	child = fork();
	if (child == 0)
		merge_apart(writer, parent);
	/* Without a child the next publication tries again. */
	writer->merger = child > 0 ? child : 0;
}

/* The child has ended well: what it merged is still the oldest part. */
static int
take_merged(struct view_writer *writer)
{
	uint32_t count = writer->merging.segment_count;
	uint32_t at = writer->manifest.segment_count - count;
	struct stat st;

	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(writer->manifest.segments[at + i].name,
		        writer->merging.segments[i].name) != 0)
			return ENS_E_STALE;
	}
	if (fstatat(writer->dir_fd, BASE_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	writer->failed_bytes = 0;
	return publish_merged(writer, BASE_NAME, at, count,
	    (uint64_t)st.st_size);
}

/* There must be a publication of ours: before that, readers have nothing else.
 */
static void
end_overlap(struct view_writer *writer)
{
	if (writer->overlap_end == 0 || writer->manifest.segment_count == 0 ||
	    now() < writer->overlap_end)
		return;
	writer->overlap_end = 0;
	(void)sweep(writer, false);
}

int
view_writer_settle(struct view_writer *writer)
{
	int status, r = 0;

	end_overlap(writer);
	if (writer->merger != 0 &&
	    waitpid(writer->merger, &status, WNOHANG) == writer->merger) {
		writer->merger = 0;
		r = WIFEXITED(status) && WEXITSTATUS(status) == 0
		    ? take_merged(writer)
		    : 0;
		unlinkat(writer->dir_fd, BASE_NAME, 0);
	}
	return r == 0 ? view_writer_sync(writer) : r;
}

bool
view_writer_is_merging(const struct view_writer *writer)
{
	return writer->merger != 0;
}

/* Few segments, each byte rewritten a few times only. */
static int
tidy(struct view_writer *writer)
{
	const struct manifest *manifest = &writer->manifest;
	uint32_t deltas = manifest->segment_count - 1, count;
	uint64_t base = manifest->segments[deltas].size, all = 0;
	int r;

	for (uint32_t i = 0; i < deltas; i++)
		all += manifest->segments[i].size;
	if (deltas > 0 && writer->merger == 0 && all >= base / BASE_PORTION &&
	    all >= 2 * writer->failed_bytes) {
		/* One that failed is not tried again with each change. */
		if (all + base > MERGE_AT_ONCE)
			start_merger(writer, all);
		else if (merge_now(writer, deltas + 1) == 0)
			return 0;
	}
	count = merge_count(writer);
	if (count < 2)
		return 0;
	r = merge_now(writer, count);
	/* Room for the next one is all that is needed. */
	return manifest->segment_count < VIEW_SEGMENTS_MAX ? 0 : r;
}

/* ---- committing -------------------------------------------------------- */

static int
publish_base(struct view_writer *writer, int fd, struct manifest *next)
{
	int r;

	if (fsync(fd) != 0)
		return -errno;
	stop_merger(writer);
	writer->failed_bytes = 0;
	r = publish(writer, DELTA_NAME, next, 0);
	if (r == 0)
		r = view_writer_sync(writer);
	if (r == 0)
		(void)sweep(writer, false);
	return r;
}

int
view_writer_commit(struct view_writer *writer, uint64_t generation,
    int64_t as_of)
{
	const struct manifest *manifest = &writer->manifest;
	AUTO_FD int fd = -1;
	struct manifest next;
	uint64_t size;
	int r;

	if (writer->segment.name == NULL)
		return -EINVAL;
	if (as_of < 0 ||
	    (!writer->base && generation <= manifest->generation)) {
		view_writer_abort(writer);
		return ENS_E_RANGE;
	}
	r = segment_writer_finish(&writer->segment, &fd, &size);
	/* Only where merging has failed before. */
	if (r == 0 && !writer->base &&
	    manifest->segment_count >= VIEW_SEGMENTS_MAX)
		r = tidy(writer);
	if (r == 0) {
		next = next_manifest(writer, 0,
		    writer->base ? manifest->segment_count : 0,
		    writer->last_number + 1, size);
		next.generation = generation;
		next.as_of = as_of;
		r = writer->base ? publish_base(writer, fd, &next)
		                 : publish(writer, DELTA_NAME, &next, 0);
	}
	if (r != 0) {
		unlinkat(writer->dir_fd, DELTA_NAME, 0);
		return r;
	}
	if (!writer->base)
		(void)tidy(writer);
	return 0;
}

int
view_writer_touch(struct view_writer *writer, uint64_t generation,
    int64_t as_of)
{
	struct manifest next = writer->manifest;
	int r;

	if (next.segment_count == 0)
		return ENS_E_VIEW;
	if (as_of < 0 || generation < next.generation)
		return ENS_E_RANGE;
	next.generation = generation;
	next.as_of = as_of;
	r = replace_manifest(writer, &next);
	return r == 0 ? view_writer_sync(writer) : r;
}

/* Comparing the state with a server. See comparison.h. */
#include <config.h>

#include "enscale_sync/comparison.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/shrink.h"

/* 8 MiB while it lasts: with a few million entries few share a sum. */
#define SUM_BITS 20
#define SUMS     (1U << SUM_BITS)
/* Ours that are looked at in one call of comparison_weigh(). */
#define WEIGHED_AT_ONCE 2000

struct comparison {
	struct state *state; /* borrowed */
	struct csn_set context;
	uint64_t secret[2]; /* nobody can make up UUIDs that cancel out */
	uint64_t *sums;     /* owned */
	uint64_t count;
	uint8_t from[ENTRY_UUID_LEN]; /* the next of ours to be looked at */
	bool subtracted; /* all of ours, once: now for those in doubt */
	bool weighed;
	bool hopeless;
	uint8_t (*doubts)[ENTRY_UUID_LEN]; /* owned */
	uint32_t doubt_count, doubt_room, doubt_next;
	struct shrink shrink;
	struct entry_rows rows;
	struct wire_writer scratch;
};

static void
cleanup_comparison(struct comparison **comparison)
{
	comparison_free(*comparison);
}

int
comparison_new(struct state *state, const struct csn_set *context,
    struct comparison **ret_comparison)
{
	AUTO(cleanup_comparison)
	struct comparison *comparison = calloc(1, sizeof(*comparison));

	if (comparison == NULL)
		return -ENOMEM;
	comparison->state = state;
	comparison->context = *context;
	wire_write_init_growing(&comparison->scratch, 2 * RECORD_SIZE_MAX);
	comparison->sums = calloc(SUMS, sizeof(comparison->sums[0]));
	if (comparison->sums == NULL)
		return -ENOMEM;
	if (getrandom(comparison->secret, sizeof(comparison->secret), 0) !=
	    (ssize_t)sizeof(comparison->secret))
		return -EIO;
	*ret_comparison = comparison;
	comparison = NULL;
	return 0;
}

void
comparison_free(struct comparison *comparison)
{
	if (comparison == NULL)
		return;
	free(comparison->sums);
	free(comparison->doubts);
	entry_rows_free(&comparison->rows);
	wire_write_free(&comparison->scratch);
	free(comparison);
}

/* The finalizer of MurmurHash3: every bit of the input counts in every bit. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

static uint64_t
hash(const struct comparison *comparison, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint64_t half[2];

	memcpy(half, uuid, sizeof(half));
	return mix((mix(half[0] ^ comparison->secret[0]) + half[1]) ^
	    comparison->secret[1]);
}

static uint64_t *
sum_of(struct comparison *comparison, uint64_t h)
{
	return &comparison->sums[h >> (64 - SUM_BITS)];
}

static int
doubt(struct comparison *comparison, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint32_t room = comparison->doubt_room;
	void *doubts;

	if (comparison->doubt_count == COMPARISON_DOUBTS_MAX) {
		comparison->hopeless = true;
		return 0;
	}
	if (comparison->doubt_count == room) {
		room = room == 0 ? 64 : 2 * room;
		doubts = realloc(comparison->doubts,
		    room * sizeof(comparison->doubts[0]));
		if (doubts == NULL)
			return -ENOMEM;
		comparison->doubts = doubts;
		comparison->doubt_room = room;
	}
	memcpy(comparison->doubts[comparison->doubt_count++], uuid,
	    ENTRY_UUID_LEN);
	return 0;
}

/* ---- their side -------------------------------------------------------- */

/* Within the transaction under way, if there is one. */
static int
begin(struct comparison *comparison, bool *ret_own)
{
	bool busy = state_is_busy(comparison->state);
	int r = busy ? 0 : state_begin_read(comparison->state);

	*ret_own = !busy && r == 0;
	return r;
}

/* On both sides. */
static void
add_up(struct comparison *comparison, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint64_t h = hash(comparison, uuid);

	*sum_of(comparison, h) += h;
}

/* On both sides, and the same but for its name? */
static int
add_known(struct comparison *comparison, const struct entry *ours,
    const struct entry *theirs)
{
	bool same;
	int r = entry_compare(&comparison->scratch, ours, theirs, &same);

	add_up(comparison, ours->uuid);
	if (r != 0 || same)
		return r;
	(void)shrink_add(&comparison->shrink, ours, theirs);
	return doubt(comparison, ours->uuid);
}

static int
add_unknown(struct comparison *comparison, const struct entry *theirs)
{
	bool lost;
	int r = shrink_add_new(&comparison->shrink, comparison->state, theirs,
	    &lost);

	return r == 0 ? doubt(comparison, theirs->uuid) : r;
}

int
comparison_add(struct comparison *comparison, const struct entry *theirs)
{
	struct entry ours;
	bool own;
	int r = begin(comparison, &own);

	if (r != 0)
		return r;
	comparison->count++;
	/* So it is with nearly all. */
	if (state_has(comparison->state, theirs)) {
		add_up(comparison, theirs->uuid);
	} else {
		r = state_find(comparison->state, theirs->uuid,
		    &comparison->rows, &ours);
		if (r == 0)
			r = add_known(comparison, &ours, theirs);
		else if (r == ENS_E_NOTFOUND)
			r = add_unknown(comparison, theirs);
	}
	if (own)
		state_end(comparison->state);
	return r;
}

/* ---- our side ---------------------------------------------------------- */

static bool
is_later(const struct comparison *comparison, const struct entry *ours)
{
	return comparison->context.count > 0 && ours->csn[0] != '\0' &&
	    !csn_set_has_seen(&comparison->context, ours->csn);
}

static int
weigh(struct comparison *comparison, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint64_t h = hash(comparison, uuid);
	struct entry ours;
	int r;

	if (!comparison->subtracted) {
		*sum_of(comparison, h) -= h;
		return 0;
	}
	if (*sum_of(comparison, h) == 0)
		return 0;
	r = state_find(comparison->state, uuid, &comparison->rows, &ours);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_CORRUPT : r;
	return is_later(comparison, &ours) ? 0 : doubt(comparison, uuid);
}

static bool
all_sums_are_zero(const struct comparison *comparison)
{
	for (uint32_t i = 0; i < SUMS; i++) {
		if (comparison->sums[i] != 0)
			return false;
	}
	return true;
}

int
comparison_weigh(struct comparison *comparison)
{
	char text[SHRINK_TEXT_MAX];
	bool own;
	int r;

	if (comparison->weighed)
		return 0;
	r = begin(comparison, &own);
	for (int i = 0; r == 0 && i < WEIGHED_AT_ONCE; i++) {
		r = state_next_uuid(comparison->state, comparison->from);
		if (r == 0)
			r = weigh(comparison, comparison->from);
	}
	if (own)
		state_end(comparison->state);
	if (r != ENS_E_NOTFOUND)
		return r == 0 ? -EAGAIN : r;
	comparison->hopeless |= shrink_is_too_much(&comparison->shrink,
	    comparison->state, text);
	comparison->weighed = comparison->subtracted ||
	    all_sums_are_zero(comparison);
	if (comparison->weighed)
		return 0;
	comparison->subtracted = true;
	memset(comparison->from, 0, ENTRY_UUID_LEN);
	return -EAGAIN;
}

/* ---- what came of it --------------------------------------------------- */

const uint8_t *
comparison_doubt(const struct comparison *comparison)
{
	return comparison->doubt_next == comparison->doubt_count
	    ? NULL
	    : comparison->doubts[comparison->doubt_next];
}

void
comparison_settled(struct comparison *comparison)
{
	if (comparison->doubt_next < comparison->doubt_count)
		comparison->doubt_next++;
}

bool
comparison_is_hopeless(const struct comparison *comparison)
{
	return comparison->hopeless;
}

uint64_t
comparison_count(const struct comparison *comparison)
{
	return comparison->count;
}

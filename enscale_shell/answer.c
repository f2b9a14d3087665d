/* See answer.h. Refuses to hand out text from the directory as it came. */
#include <config.h>

#include "enscale_shell/answer.h"

#include <errno.h>
#include <poll.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "enscale_shell/say.h"

/* The guard limits an account's requests per second; after waiting a few, the
 * next is answered. */
#define WAIT_MS   1000
#define WAITS_MAX 60

json_t *
answer_to(struct shell *shell, const char *op, int *ret_code)
{
	struct refusal refusal;
	json_t *reply;

	reply = shell_ask(shell, json_pack("{s:s}", "op", op), &refusal);
	if (reply == NULL) {
		say_refusal("%s", refusal.sentence);
		*ret_code = refusal.code;
	}
	return reply;
}

/* ---- pages -------------------------------------------------------------- */

/* False when there was a signal: then the user does not want to wait. */
static bool
wait_a_moment(const struct shell *shell)
{
	struct pollfd signals = { .fd = shell->signals, .events = POLLIN };

	return poll(&signals, 1, WAIT_MS) == 0;
}

/* A page; the first is not waited for. */
static json_t *
ask_page(struct shell *shell, const json_t *question, const char *after,
    struct refusal *ret_refusal)
{
	json_t *page, *asked;
	int waits = 0;

	do {
		ret_refusal->is_busy = false;
		asked = json_deep_copy(question);
		if (after != NULL)
			json_object_set_new(asked, "after", json_string(after));
		page = shell_ask(shell, asked, ret_refusal);
	} while (page == NULL && ret_refusal->is_busy && after != NULL &&
	    waits++ < WAITS_MAX && wait_a_moment(shell));
	return page;
}

int
answer_pages(struct shell *shell, json_t *question,
    int (*take)(json_t *page, void *arg), void *arg,
    struct refusal *ret_refusal)
{
	AUTO_JSON json_t *asked = question;
	AUTO_JSON json_t *page = NULL;
	const char *after = NULL;
	json_t *next;
	int r;

	if (asked == NULL)
		return -ENOMEM;
	do {
		next = ask_page(shell, asked, after, ret_refusal);
		if (next == NULL)
			return ENS_E_DENIED;
		json_decref(page); /* after was in it */
		page = next;
		after = json_string_value(json_object_get(page, "more"));
		r = take(page, arg);
	} while (r == 0 && after != NULL);
	return r;
}

struct gathering {
	const char *array;
	json_t *all; /* owned; the first page, with the rows of all */
};

static int
gather(json_t *page, void *arg)
{
	struct gathering *gathering = arg;
	json_t *rows = json_object_get(page, gathering->array);

	if (gathering->all == NULL) {
		gathering->all = json_copy(page);
		return gathering->all != NULL ? 0 : -ENOMEM;
	}
	return json_array_extend(
	           json_object_get(gathering->all, gathering->array), rows) == 0
	    ? 0
	    : ENS_E_PROTOCOL;
}

json_t *
answer_all(struct shell *shell, const char *op, const char *array,
    int *ret_code)
{
	struct gathering gathering = { array, NULL };
	struct refusal refusal;
	int r = answer_pages(shell, json_pack("{s:s}", "op", op), gather,
	    &gathering, &refusal);

	if (r == 0)
		return gathering.all;
	json_decref(gathering.all);
	if (r != ENS_E_DENIED)
		refusal_set(&refusal, GUARD_EXIT_FAULT,
		    "The gateway cannot answer now: %s.", error_text(r));
	say_refusal("%s", refusal.sentence);
	*ret_code = refusal.code;
	return NULL;
}

/* ---- fields -------------------------------------------------------------- */

const char *
answer_text(const json_t *answer, const char *name, char buf[NAME_TEXT_MAX + 1])
{
	const char *text = json_string_value(json_object_get(answer, name));

	text_printable(text != NULL ? text : "", buf, NAME_TEXT_MAX + 1);
	return buf;
}

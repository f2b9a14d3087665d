/* See history.h. It refuses to read a log of any size as a whole. */
#include <config.h>

#include "enscalectl/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"

#define TAIL_SIZE ((off_t)32 << 20)

static const char *
text_of(const json_t *event, const char *member)
{
	return json_string_value(json_object_get(event, member));
}

static void
take_use(struct history *history, const json_t *event)
{
	const char *key = text_of(event, "key"), *time = text_of(event, "time");

	if (key != NULL && time != NULL)
		(void)json_object_set_new(history->used, key,
		    json_string(time));
}

static void
take_refusal(struct history *history, json_t *event)
{
	if (json_array_size(history->refusals) == HISTORY_REFUSALS)
		(void)json_array_remove(history->refusals, 0);
	(void)json_array_append(history->refusals, event);
}

static void
take_line(struct history *history, uint32_t account, const char *line)
{
	AUTO_JSON json_t *event = json_loads(line, 0, NULL);
	const char *name = event != NULL ? text_of(event, "event") : NULL;

	if (name == NULL ||
	    json_integer_value(json_object_get(event, "account")) !=
	        (json_int_t)account)
		return;
	if (strcmp(name, "login") == 0 || strcmp(name, "session-seen") == 0)
		take_use(history, event);
	else if (text_of(event, "sentence") != NULL)
		take_refusal(history, event);
}

/* Lines of others are not parsed. */
static void
take_lines(struct history *history, uint32_t account, FILE *in)
{
	AUTO_FREE char *line = NULL;
	char wanted[32];
	size_t size = 0;

	snprintf(wanted, sizeof(wanted), "\"account\":%" PRIu32, account);
	while (getline(&line, &size, in) > 0)
		if (strstr(line, wanted) != NULL)
			take_line(history, account, line);
}

int
history_read(const char *path, uint32_t account, struct history *ret_history)
{
	AUTO_FILE FILE *in = NULL;
	off_t len;

	*ret_history = (struct history){ json_object(), json_array() };
	if (ret_history->used == NULL || ret_history->refusals == NULL)
		return -ENOMEM;
	in = fopen(path, "re");
	if (in == NULL)
		return -errno;
	if (fseeko(in, 0, SEEK_END) != 0 || (len = ftello(in)) < 0 ||
	    fseeko(in, len > TAIL_SIZE ? len - TAIL_SIZE : 0, SEEK_SET) != 0)
		return -errno;
	take_lines(ret_history, account, in);
	return 0;
}

void
cleanup_history(struct history *history)
{
	json_decref(history->used);
	json_decref(history->refusals);
}

/* See shell.h. */
#include <config.h>

#include "enscale_guard/shell.h"

#include <stdlib.h>
#include <string.h>

#include "common/protocol/guard_protocol.h"
#include "enscale_guard/reply.h"

/* Takes the object over. */
static char *
to_text(json_t *line, size_t *ret_len)
{
	char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	*ret_len = text != NULL ? strlen(text) : 0;
	return text;
}

void
shell_tell(struct shell *shell, json_t *line)
{
	size_t len;
	char *text = to_text(line, &len);

	if (len >= GUARD_REPLY_MAX) {
		free(text);
		text = to_text(
		    reply_refusal(GUARD_EXIT_FAULT, "too-long",
		        "The answer is longer than the gateway can send.",
		        shell->entry != NULL ? &shell->entry->session : NULL)
		        .line,
		    &len);
	}
	if (text == NULL) {
		stream_finish(shell->stream);
		return;
	}
	text[len] = '\n';
	if (stream_write(shell->stream, text, len + 1) < 0)
		stream_finish(shell->stream);
	free(text);
}

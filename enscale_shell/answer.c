/* See answer.h. Refuses to hand out a text of the directory as it came. */
#include <config.h>

#include "enscale_shell/answer.h"

#include "common/text.h"
#include "enscale_shell/say.h"

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

const char *
answer_text(const json_t *answer, const char *name, char buf[NAME_TEXT_MAX + 1])
{
	const char *text = json_string_value(json_object_get(answer, name));

	text_printable(text != NULL ? text : "", buf, NAME_TEXT_MAX + 1);
	return buf;
}

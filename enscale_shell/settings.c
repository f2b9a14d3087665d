/* See settings.h. Refuses to show text from the directory as it came. */
#include <config.h>

#include "enscale_shell/settings.h"

#include <stdio.h>

#include "common/base/json.h"
#include "enscale_shell/answer.h"
#include "enscale_shell/output.h"

static void
show_host_key(const json_t *key, bool is_first)
{
	char text[NAME_TEXT_MAX + 1];

	printf("  %-16s%-8s", is_first ? "Host keys" : "",
	    answer_text(key, "type", text));
	printf("  %s\n", answer_text(key, "sha256", text));
	if (answer_text(key, "md5", text)[0] != '\0')
		printf("%28s%s\n", "", text);
}

int
settings_show(struct shell *shell)
{
	const json_t *keys, *key;
	json_t *reply;
	int code = 0;
	size_t i;

	reply = answer_to(shell, "settings", &code);
	if (reply == NULL)
		return code;
	printf("\nSSH connection settings\n"
	       "  User name       %u, for this menu\n"
	       "                  NODE-%u, for one node directly\n"
	       "  Authentication  SSH key\n"
	       "  Host            %s\n"
	       "  Port            %u\n",
	    shell->account, shell->account, shell->host, shell->port);
	keys = json_object_get(reply, "host_keys");
	for (i = 0; (key = json_array_get(keys, i)) != NULL; i++)
		show_host_key(key, i == 0);
	json_decref(reply);
	return 0;
}

int
settings_run(struct shell *shell, bool is_json)
{
	AUTO_JSON json_t *reply = NULL;
	json_t *host_keys;
	int code = 0;

	if (!is_json) {
		code = settings_show(shell);
		return code != 0 ? code : output_end();
	}
	reply = answer_to(shell, "settings", &code);
	if (reply == NULL)
		return code;
	host_keys = json_object_get(reply, "host_keys");
	return output_json(json_pack("{s:I, s:s, s:s, s:I, s:O?}", "account",
	    (json_int_t)shell->account, "authentication", "publickey", "host",
	    shell->host, "port", (json_int_t)shell->port, "host_keys",
	    host_keys));
}

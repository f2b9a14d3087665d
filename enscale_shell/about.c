/* See about.h. Refuses to show a text of the directory as it came. */
#include <config.h>

#include "enscale_shell/about.h"

#include <stdio.h>
#include <time.h>

#include "enscale_shell/answer.h"

void
about_format_time(int64_t when, char buf[ABOUT_TIME_SIZE])
{
	const time_t t = (time_t)when;
	struct tm utc;

	if (when <= 0 || gmtime_r(&t, &utc) == NULL ||
	    strftime(buf, ABOUT_TIME_SIZE, "%Y-%m-%d %H:%M UTC", &utc) == 0)
		snprintf(buf, ABOUT_TIME_SIZE, "unknown");
}

/* ---- keys -------------------------------------------------------------- */

static void
show_key(const json_t *key)
{
	char text[NAME_TEXT_MAX + 1], when[ABOUT_TIME_SIZE];
	int64_t expires = json_integer_value(json_object_get(key, "expires"));

	answer_text(key, "title", text);
	printf("\n  %s\n", text[0] != '\0' ? text : "(without a title)");
	printf("    %s, ", answer_text(key, "type", text));
	about_format_time(json_integer_value(json_object_get(key, "added")),
	    when);
	printf("%" JSON_INTEGER_FORMAT " bits, added %s\n",
	    json_integer_value(json_object_get(key, "bits")), when);
	if (expires != 0) {
		about_format_time(expires, when);
		printf("    expires %s\n", when);
	}
	if (answer_text(key, "from", text)[0] != '\0')
		printf("    only from %s\n", text);
	printf("    %s\n", answer_text(key, "sha256", text));
	if (answer_text(key, "md5", text)[0] != '\0')
		printf("    %s\n", text);
}

int
about_show_keys(struct shell *shell)
{
	const json_t *keys, *key;
	json_t *reply;
	int code = 0;
	size_t i;

	reply = answer_all(shell, "keys", "keys", &code);
	if (reply == NULL)
		return code;
	printf("\nPublic keys of account %u\n", shell->account);
	keys = json_object_get(reply, "keys");
	for (i = 0; (key = json_array_get(keys, i)) != NULL; i++)
		show_key(key);
	if (json_is_true(json_object_get(reply, "manage")))
		printf(
		    "\nTo add one: ssh -p %u %u@%s keys add TITLE < KEY.pub\n",
		    shell->port, shell->account, shell->host);
	json_decref(reply);
	return 0;
}

/* ---- settings ---------------------------------------------------------- */

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
about_show_settings(struct shell *shell)
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

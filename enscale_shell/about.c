/* See about.h. Refuses to show a text of the directory as it came. */
#include <config.h>

#include "enscale_shell/about.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "enscale_shell/say.h"

void
about_format_time(int64_t when, char buf[ABOUT_TIME_SIZE])
{
	const time_t t = (time_t)when;
	struct tm utc;

	if (when <= 0 || gmtime_r(&t, &utc) == NULL ||
	    strftime(buf, ABOUT_TIME_SIZE, "%Y-%m-%d %H:%M UTC", &utc) == 0)
		snprintf(buf, ABOUT_TIME_SIZE, "unknown");
}

static json_t *
ask(struct shell *shell, const char *op, int *ret_code)
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

/* A printable text of a field. */
static const char *
text_of(const json_t *object, const char *name, char buf[NAME_TEXT_MAX + 1])
{
	const char *text = json_string_value(json_object_get(object, name));

	text_printable(text != NULL ? text : "", buf, NAME_TEXT_MAX + 1);
	return buf;
}

/* ---- keys -------------------------------------------------------------- */

static void
show_key(const json_t *key)
{
	char text[NAME_TEXT_MAX + 1], when[ABOUT_TIME_SIZE];
	int64_t expires = json_integer_value(json_object_get(key, "expires"));

	text_of(key, "title", text);
	printf("\n  %s\n", text[0] != '\0' ? text : "(without a title)");
	printf("    %s, ", text_of(key, "type", text));
	about_format_time(json_integer_value(json_object_get(key, "added")),
	    when);
	printf("%" JSON_INTEGER_FORMAT " bits, added %s\n",
	    json_integer_value(json_object_get(key, "bits")), when);
	if (expires != 0) {
		about_format_time(expires, when);
		printf("    expires %s\n", when);
	}
	if (text_of(key, "from", text)[0] != '\0')
		printf("    only from %s\n", text);
	printf("    %s\n", text_of(key, "sha256", text));
	if (text_of(key, "md5", text)[0] != '\0')
		printf("    %s\n", text);
}

int
about_show_keys(struct shell *shell)
{
	const json_t *keys, *key;
	json_t *reply;
	int code = 0;
	size_t i;

	reply = ask(shell, "keys", &code);
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
	    text_of(key, "type", text));
	printf("  %s\n", text_of(key, "sha256", text));
	if (text_of(key, "md5", text)[0] != '\0')
		printf("%28s%s\n", "", text);
}

int
about_show_settings(struct shell *shell)
{
	const json_t *keys, *key;
	json_t *reply;
	int code = 0;
	size_t i;

	reply = ask(shell, "settings", &code);
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

/*
 * See keys.h. It refuses to judge a key: it hands the text on, and the sentence
 * back. A private key is never handed on.
 */
#include <config.h>

#include "enscale_shell/keys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/protocol/keyd_protocol.h"
#include "enscale_shell/answer.h"
#include "enscale_shell/guard_client.h"
#include "enscale_shell/output.h"
#include "enscale_shell/say.h"

#define LINE_SIZE 4096

static int
refuse(const struct refusal *refusal)
{
	say_refusal("%s", refusal->sentence);
	return refusal->code;
}

/* ---- list, for a program -------------------------------------------------------------- */

/* A tab inside is not a separator: text_printable() makes it a "?". */
int
keys_format(json_t *key, char *buf, size_t size)
{
	char added_buf[OUTPUT_TIME_SIZE], expires_buf[OUTPUT_TIME_SIZE];
	char title_text[NAME_TEXT_MAX + 1], from_text[FROM_TEXT_MAX + 1];
	const char *title, *type, *from, *sha256, *md5;
	const char *added_text, *expires_text;
	json_int_t bits, added, expires;
	int n;

	if (json_unpack(key, "{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s}",
	        "title", &title, "type", &type, "bits", &bits, "added", &added,
	        "expires", &expires, "from", &from, "sha256", &sha256, "md5",
	        &md5) != 0 ||
	    !text_is_printable(type) || !text_is_printable(sha256) ||
	    !text_is_printable(md5))
		return ENS_E_PROTOCOL;
	added_text = output_time(added, added_buf);
	expires_text = output_time(expires, expires_buf);
	text_printable(title, title_text, sizeof(title_text));
	text_printable(from, from_text, sizeof(from_text));
	n = snprintf(buf, size,
	    "%s\t%s\t%" JSON_INTEGER_FORMAT "\t%s\t%s\t%s\t%s\t%s", sha256,
	    type, bits, added_text != NULL ? added_text : "-",
	    expires_text != NULL ? expires_text : "-",
	    from_text[0] != '\0' ? from_text : "-", md5, title_text);
	return n > 0 && (size_t)n < size ? 0 : ENS_E_PROTOCOL;
}

/* The times as text; the rest is as the guard says it. */
static json_t *
list_json(const json_t *keys)
{
	static const char *const times[] = { "added", "expires" };
	json_t *list = json_array(), *key, *copy;
	char buf[OUTPUT_TIME_SIZE];
	const char *text;
	size_t i, k;

	json_array_foreach(keys, i, key) {
		copy = json_copy(key);
		for (k = 0; k < 2; k++) {
			text = output_time(
			    json_integer_value(json_object_get(key, times[k])),
			    buf);
			json_object_set_new(copy, times[k],
			    text != NULL ? json_string(text) : json_null());
		}
		json_array_append_new(list, copy);
	}
	return list;
}

static int
list_text(const json_t *keys)
{
	char line[LINE_SIZE];
	json_t *key;
	size_t i;

	json_array_foreach(keys, i, key) {
		if (keys_format(key, line, sizeof(line)) == 0)
			puts(line);
	}
	return output_end();
}

int
keys_run_list(struct shell *shell, bool is_json)
{
	json_t *reply;
	int code = 0;

	reply = answer_all(shell, "keys", "keys", &code);
	if (reply == NULL)
		return code;
	if (is_json)
		code = output_json(json_pack("{s:I, s:b, s:o}", "account",
		    (json_int_t)shell->account, "manage",
		    json_is_true(json_object_get(reply, "manage")), "keys",
		    list_json(json_object_get(reply, "keys"))));
	else
		code = list_text(json_object_get(reply, "keys"));
	json_decref(reply);
	return code;
}

/* ---- list, for a person ---------------------------------------------- */

static void
show_key(const json_t *key)
{
	char text[NAME_TEXT_MAX + 1], when[OUTPUT_TIME_SIZE];
	int64_t expires = json_integer_value(json_object_get(key, "expires"));

	answer_text(key, "title", text);
	printf("\n  %s\n", text[0] != '\0' ? text : "(no title)");
	printf("    %s, ", answer_text(key, "type", text));
	printf("%" JSON_INTEGER_FORMAT " bits, added %s\n",
	    json_integer_value(json_object_get(key, "bits")),
	    output_date(json_integer_value(json_object_get(key, "added")),
	        when));
	if (expires != 0)
		printf("    expires %s\n", output_date(expires, when));
	if (answer_text(key, "from", text)[0] != '\0')
		printf("    only from %s\n", text);
	printf("    %s\n", answer_text(key, "sha256", text));
	if (answer_text(key, "md5", text)[0] != '\0')
		printf("    %s\n", text);
}

int
keys_show(struct shell *shell)
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

/* ---- reading a key ------------------------------------------------------ */

/* Is there anything but empty lines and comment? */
static bool
is_anything(const char *text)
{
	while (*text != '\0') {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text != '\0';
		text += strcspn(text, "\n");
	}
	return false;
}

const char *
keys_check_text(char *text, size_t len)
{
	text[len] = '\0';
	if (strstr(text, "PRIVATE KEY") != NULL ||
	    strstr(text, "Private-Lines:") != NULL)
		return "This is a private key and was not passed on: give the .pub file that is next to it.";
	if (strlen(text) != len)
		return keyd_result_sentence(KEYD_KEY_FORMAT);
	if (!is_anything(text))
		return "There is no key on standard input: add < KEY.pub to the command.";
	/* A comment in another character set. */
	for (size_t i = 0; !text_is_utf8(text, len) && i < len; i++) {
		if ((unsigned char)text[i] >= 0x80)
			text[i] = '?';
	}
	return NULL;
}

/* Did the guard end the session? Then *ret_code says how. */
static bool
guard_ends_session(struct shell *shell, int *ret_code)
{
	struct guard_event event;

	while (shell_take_event(shell, &event)) {
		if (!event.ends_session)
			continue;
		say("%s", event.sentence);
		*ret_code = event.code;
		return true;
	}
	return false;
}

/* Waits for input. False when there will be none: *ret_code says why. */
static bool
wait_for_input(struct shell *shell, int *ret_code)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = shell->signals, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	int number;

	for (;;) {
		if (guard_ends_session(shell, ret_code))
			return false;
		fds[2].fd = shell->guard != NULL ? guard_client_fd(shell->guard)
		                                 : -1;
		if (poll(fds, 3, -1) < 0)
			continue;
		number = fds[1].revents != 0 ? shell_take_signal(shell) : 0;
		if (number != 0) {
			*ret_code = -number;
			return false;
		}
		if (fds[0].revents != 0)
			return true;
	}
}

/* Somebody who types the key ends it with its line. */
static bool
is_typed(const char *text, size_t *len)
{
	const char *end = isatty(STDIN_FILENO) ? memchr(text, '\n', *len)
	                                       : NULL;

	if (end != NULL)
		*len = (size_t)(end - text) + 1;
	return end != NULL;
}

/* All of standard input, at most one byte too many; of a terminal a line. */
static bool
read_input(struct shell *shell, char *text, size_t *ret_len, int *ret_code)
{
	size_t len = 0;
	ssize_t n;

	do {
		if (!wait_for_input(shell, ret_code))
			return false;
		n = read(STDIN_FILENO, text + len, KEYS_INPUT_MAX + 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len <= KEYS_INPUT_MAX && !is_typed(text, &len)) ||
	    (n < 0 && (errno == EINTR || errno == EAGAIN)));
	*ret_len = len;
	return true;
}

/* ---- changes ------------------------------------------------------------ */

/* Asks for a change and says its outcome; takes the request. */
static int
change(struct shell *shell, json_t *request, const char *outcome)
{
	struct refusal refusal;
	json_t *reply;

	if (request != NULL &&
	    json_dumpb(request, NULL, 0, JSON_COMPACT) >= GUARD_REQUEST_MAX) {
		json_decref(request);
		say("The key with its title and comment is too long.");
		return GUARD_EXIT_REFUSED;
	}
	reply = shell_ask(shell, request, &refusal);
	if (reply == NULL)
		return refuse(&refusal);
	printf("%s %s\n", outcome,
	    json_string_value(json_object_get(reply, "fingerprint")));
	json_decref(reply);
	return output_end();
}

int
keys_run_add(struct shell *shell, const char *title)
{
	static char text[KEYS_INPUT_MAX + 2];
	const char *wrong = NULL;
	size_t len = 0;
	int code;

	if (!text_is_printable(title) || strlen(title) > NAME_TEXT_MAX) {
		say_refusal("%s", keyd_result_sentence(KEYD_BAD_TITLE));
		return GUARD_EXIT_REFUSED;
	}
	if (!read_input(shell, text, &len, &code))
		return code;
	if (len > KEYS_INPUT_MAX)
		wrong = "This is too long for a public key.";
	else
		wrong = keys_check_text(text, len);
	if (wrong != NULL) {
		say_refusal("%s", wrong);
		return GUARD_EXIT_REFUSED;
	}
	return change(shell,
	    json_pack("{s:s, s:s, s:s}", "op", "key-add", "title", title, "key",
	        text),
	    "added");
}

int
keys_run_delete(struct shell *shell, const char *fingerprint)
{
	if (!text_is_printable(fingerprint)) {
		say_refusal("Name the key by its fingerprint as the list shows "
		            "it: SHA256:...");
		return GUARD_EXIT_USAGE;
	}
	return change(shell,
	    json_pack("{s:s, s:s}", "op", "key-delete", "fingerprint",
	        fingerprint),
	    "deleted");
}

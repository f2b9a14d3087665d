/* See refusal.h. What a log says is somebody else's text: it is shown, and read
 * for its fields, never believed further. */
#include <config.h>

#include "enscalectl/refusal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "enscalectl/audit_files.h"
#include "enscalectl/command.h"

#define JOURNALCTL   "/usr/bin/journalctl"
#define BOOTED       "/run/systemd/system"
#define NEEDLE_MAX   (SESSION_ID_LEN + 16)
#define OLDER        ".1" /* as logrotate(8) leaves it: the ones before are packed */
#define PAM_MODULE   "pam_enscale("
#define PAM_REFUSED  " refused ("
#define PAM_SENTENCE ": "

struct search {
	const char *session;
	char needle[NEEDLE_MAX]; /* "session=ID" */
	void (*found)(const struct refusal *refusal, void *arg);
	void *arg;
	unsigned count;
	bool seen;
};

static void
put_word(char *buf, size_t size, const char *text, size_t len)
{
	char raw[POLICY_SENTENCE_MAX];

	snprintf(raw, sizeof(raw), "%.*s", (int)len, text);
	(void)text_printable(raw, buf, size);
}

static void
tell(struct search *search, const struct refusal *refusal)
{
	search->count++;
	search->found(refusal, search->arg);
}

/* ---- the audit log ------------------------------------------------------ */

static void
take_text(const json_t *event, const char *name, char *buf, size_t size)
{
	const char *text = json_string_value(json_object_get(event, name));

	if (text != NULL)
		put_word(buf, size, text, strlen(text));
}

static uint32_t
number_of(const json_t *event, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(event, name));

	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* Whatever says why it said no. */
static bool
is_refusal(const struct refusal *refusal)
{
	return strstr(refusal->event, "-refused") != NULL ||
	    strstr(refusal->event, "-withdrawn") != NULL;
}

static void
take_event(struct search *search, const char *line)
{
	AUTO_JSON json_t *event = json_loads(line, 0, NULL);
	const char *session = json_string_value(
	    json_object_get(event, "session"));
	struct refusal refusal = { .account = number_of(event, "account"),
		.node = number_of(event, "node") };

	if (session == NULL || strcmp(session, search->session) != 0)
		return;
	search->seen = true;
	take_text(event, "time", refusal.time, sizeof(refusal.time));
	take_text(event, "event", refusal.event, sizeof(refusal.event));
	take_text(event, "reason", refusal.verdict, sizeof(refusal.verdict));
	take_text(event, "verdict", refusal.verdict, sizeof(refusal.verdict));
	take_text(event, "sentence", refusal.sentence,
	    sizeof(refusal.sentence));
	take_text(event, "key", refusal.key, sizeof(refusal.key));
	take_text(event, "address", refusal.address, sizeof(refusal.address));
	if (is_refusal(&refusal))
		tell(search, &refusal);
}

/* ---- the system's log, with PAM's lines ---------------------------------- */

/* "NAME=VALUE" of the line, up to the next blank or ": ". */
static void
take_field(const char *line, const char *name, char *buf, size_t size)
{
	const char *at = strstr(line, name);
	size_t len;

	if (at == NULL)
		return;
	at += strlen(name);
	len = strcspn(at, " \n");
	if (len > 0 && at[len - 1] == ':')
		len--;
	if (len != 1 || at[0] != '-')
		put_word(buf, size, at, len);
}

static uint32_t
number_field(const char *line, const char *name)
{
	char text[REFUSAL_WORD_MAX] = "";
	uint32_t number = 0;

	take_field(line, name, text, sizeof(text));
	return parse_u32(text, UINT32_MAX, &number) == 0 ? number : 0;
}

/* "TIME ... account refused (WORD): account=... address=...: Sentence" */
static void
take_line(struct search *search, const char *line)
{
	const char *module = strstr(line, PAM_MODULE), *end, *sentence;
	const char *word = strstr(line, PAM_REFUSED);
	struct refusal refusal = { .account = number_field(line, " account="),
		.node = number_field(line, " node=") };
	size_t before;

	search->seen = true;
	if (module == NULL || word == NULL || word < module ||
	    refusal.account == 0)
		return;
	before = (size_t)(word - line);
	while (before > 0 && line[before - 1] != ' ')
		before--;
	put_word(refusal.event, sizeof(refusal.event), line + before,
	    (size_t)(word - line) - before);
	put_word(refusal.time, sizeof(refusal.time), line,
	    strspn(line, "0123456789") > 3 ? strcspn(line, " ") : 15);
	word += strlen(PAM_REFUSED);
	put_word(refusal.verdict, sizeof(refusal.verdict), word,
	    strcspn(word, ")"));
	take_field(line, " key=", refusal.key, sizeof(refusal.key));
	take_field(line, " address=", refusal.address, sizeof(refusal.address));
	end = strstr(line, " address=");
	sentence = end != NULL ? strstr(end, PAM_SENTENCE) : NULL;
	if (sentence != NULL) {
		sentence += strlen(PAM_SENTENCE);
		put_word(refusal.sentence, sizeof(refusal.sentence), sentence,
		    strcspn(sentence, "\n"));
	}
	tell(search, &refusal);
}

/* ---- all of them -------------------------------------------------------- */

static void
read_log(struct search *search, const char *path, const char *needle,
    void (*take)(struct search *search, const char *line))
{
	AUTO_FILE FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	while (file != NULL && getline(&line, &size, file) > 0)
		if (strstr(line, needle) != NULL)
			take(search, line);
}

static void
take_audited(const char *line, void *arg)
{
	struct search *search = arg;

	if (strstr(line, search->session) != NULL)
		take_event(search, line);
}

/* Only who logs in as that session has its id in a line. */
static void
read_journal(struct search *search)
{
	const char *const argv[] = { JOURNALCTL, "--no-pager", "-q", "-u",
		"enscale-sshd", "-o", "short-iso", "-g", search->needle, NULL };
	char said[COMMAND_SAID_MAX], *rest = said, *line;

	if (access(BOOTED, F_OK) != 0 || command_run(argv, said) != 0)
		return;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strstr(line, search->needle) != NULL)
			take_line(search, line);
}

unsigned
refusal_find(const struct context *context, const char *session,
    void (*found)(const struct refusal *refusal, void *arg), void *arg,
    bool *ret_seen)
{
	static const char *const logs[] = { "/var/log/auth.log" OLDER,
		"/var/log/auth.log", "/var/log/syslog" OLDER,
		"/var/log/syslog" };
	struct search search = { .session = session,
		.found = found,
		.arg = arg };
	size_t i;

	snprintf(search.needle, sizeof(search.needle), "session=%s", session);
	(void)audit_files_each(context->config.audit_log, 0, false,
	    take_audited, &search);
	if (search.count == 0)
		read_journal(&search);
	for (i = 0; search.count == 0 && i < sizeof(logs) / sizeof(logs[0]);
	     i++)
		read_log(&search, logs[i], search.needle, take_line);
	*ret_seen = search.seen;
	return search.count;
}

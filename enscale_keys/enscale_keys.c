/*
 * enscale-keys - AuthorizedKeysCommand of the gateway's sshd
 *
 *	enscale-keys [--view DIR] [--native FILE] USER FINGERPRINT [TYPE KEY]
 *
 * Prints at most one line: the key with this fingerprint, if it opens this
 * account. It judges the key alone; account and node are refused later, with
 * a sentence, by those who can show one.
 *
 * It refuses to ask anybody (no network, no daemon, no configuration), to write
 * directory text (the key is encoded again), and to say no when it cannot tell:
 * then it exits with 1 and says why in the system's log. Stderr is sshd's, so
 * nothing is written there.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/base/arguments.h"
#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/host_address.h"
#include "common/base/text.h"
#include "common/base/write_all.h"
#include "common/config/config.h"
#include "common/keys/fingerprint_text.h"
#include "common/keys/ssh_key.h"
#include "common/names/login_name.h"
#include "common/policy/policy.h"
#include "common/view/view.h"

#define TYPE_NAME_MAX 64
#define TUNNEL_MAX    96
#define OPTIONS_MAX   (FROM_TEXT_MAX + TUNNEL_MAX + 128)
#define KEY_TEXT_MAX  (TYPE_NAME_MAX + BASE64_LEN(KEY_BLOB_MAX) + 2)

struct request {
	const char *view;
	const char *native; /* a file that is there in native mode */
	const char *user;
	const char *fingerprint;
	const char *type, *key; /* NULL when not given */
};

/* The one line of a failure; the exit code of cannot tell. */
__attribute__((format(printf, 1, 2))) static int
cannot_tell(const char *format, ...)
{
	char line[512], shown[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_printable(line, shown, sizeof(shown));
	openlog("enscale-keys", LOG_PID, LOG_AUTH);
	syslog(LOG_ERR, "%s", shown);
	return 1;
}

static bool
parse_arguments(int argc, char **argv, struct request *ret_request)
{
	struct request request = { .view = ENS_STATE_DIR "/view",
		.native = ENS_RUN_DIR "/" CONFIG_NATIVE_MARK };
	int at = 1;

	for (; argc - at >= 2; at += 2) {
		if (strcmp(argv[at], "--view") == 0)
			request.view = argv[at + 1];
		else if (strcmp(argv[at], "--native") == 0)
			request.native = argv[at + 1];
		else
			break;
	}
	if (argc - at != 2 && argc - at != 4)
		return false;
	request.user = argv[at];
	request.fingerprint = argv[at + 1];
	if (argc - at == 4) {
		request.type = argv[at + 2];
		request.key = argv[at + 3];
	}
	*ret_request = request;
	return true;
}

/* expiry-time="..." in UTC, which needs OpenSSH 9.1. */
static int
format_expiry(int64_t expires, char *buf, size_t size)
{
	time_t t = expires;
	struct tm tm;

	if (expires == 0) {
		buf[0] = '\0';
		return 0;
	}
	if (expires < 0 || gmtime_r(&t, &tm) == NULL ||
	    tm.tm_year > 9999 - 1900)
		return ENS_E_RANGE;
	snprintf(buf, size, ",expiry-time=\"%04d%02d%02d%02d%02d%02dZ\"",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return 0;
}

static const char *
unless(const struct key_record *key, uint8_t option, const char *text)
{
	return (key->options & option) != 0 ? "" : text;
}

/*
 * The options in front of the key. "restrict" closes everything that sshd
 * knows today and will know tomorrow; what is opened again is listed, unless an
 * option of the key takes it away.
 */
static int
format_options(const struct key_record *key, const char *tunnel, char *buf,
    size_t size)
{
	char expiry[64];
	bool has_from = key->from[0] != '\0';
	int r;

	if (has_from && !ssh_key_from_is_valid(key->from))
		return ENS_E_CORRUPT;
	r = format_expiry(key->expires, expiry, sizeof(expiry));
	if (r < 0)
		return r;
	snprintf(buf, size, "restrict%s%s%s%s%s%s%s%s%s",
	    unless(key, KEY_NO_PTY, ",pty"),
	    unless(key, KEY_NO_AGENT, ",agent-forwarding"),
	    unless(key, KEY_NO_PORTS, tunnel),
	    (key->options & KEY_VERIFY) != 0 ? ",verify-required" : "",
	    (key->options & KEY_NO_TOUCH) != 0 ? ",no-touch-required" : "",
	    has_from ? ",from=\"" : "", key->from, has_from ? "\"" : "",
	    expiry);
	return 0;
}

/*
 * In native mode, the way to the one node of the login name, if the account
 * may enter it; else nothing. The key is judged already, and its from= is for
 * sshd to match. sshd compares permitopen= literally, so only a
 * numeric address stands there.
 */
static void
format_tunnel(const struct view *view, const struct request *request,
    const struct policy_question *question, char buf[TUNNEL_MAX])
{
	struct policy_question for_node = *question;
	struct policy_answer judged;
	struct in6_addr address;
	const char *text;
	bool is_six;

	buf[0] = '\0';
	if (question->node == 0 || access(request->native, F_OK) != 0)
		return;
	for_node.fingerprint = NULL;
	policy_judge(view, 0, &for_node, &judged);
	if (judged.verdict != POLICY_ALLOWED)
		return;
	text = judged.node.address;
	if (host_address_is_own(text))
		return;
	is_six = inet_pton(AF_INET6, text, &address) == 1;
	if (is_six || inet_pton(AF_INET, text, &address) == 1)
		snprintf(buf, TUNNEL_MAX,
		    ",port-forwarding,permitopen=\"%s%s%s:%u\"",
		    is_six ? "[" : "", text, is_six ? "]" : "",
		    judged.node.port);
}

/* Is "type base64" what sshd says it was offered? */
static bool
is_offered(const char *text, const struct request *request)
{
	size_t n;

	if (request->type == NULL)
		return true;
	n = strlen(request->type);
	return strncmp(text, request->type, n) == 0 && text[n] == ' ' &&
	    strcmp(text + n + 1, request->key) == 0;
}

static int
print_key(const struct key_record *key, const char *tunnel,
    const struct request *request)
{
	char options[OPTIONS_MAX], text[KEY_TEXT_MAX];
	char line[OPTIONS_MAX + KEY_TEXT_MAX + 2];
	int n, r;

	r = format_options(key, tunnel, options, sizeof(options));
	if (r < 0)
		return r;
	if (ssh_key_format(key->blob, text, sizeof(text)) == 0)
		return ENS_E_CORRUPT;
	if (!is_offered(text, request))
		return ENS_E_KEY_FORMAT;
	n = snprintf(line, sizeof(line), "%s %s\n", options, text);
	return write_all(STDOUT_FILENO, line, (size_t)n);
}

static int
look_up_and_print(const struct request *request,
    const struct policy_question *question)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct policy_question for_key = *question;
	struct policy_answer judged;
	char tunnel[TUNNEL_MAX];
	int r;

	for_key.node = 0;
	r = view_open(request->view, &view);
	policy_judge_key(view, r, &for_key, &judged);
	switch (policy_class(judged.verdict)) {
	case POLICY_CLASS_YES:
		format_tunnel(view, request, question, tunnel);
		r = print_key(&judged.key, tunnel, request);
		return r == 0
		    ? 0
		    : cannot_tell(
		          "key \"%s\" of account=%u cannot be given to sshd: %s",
		          request->fingerprint, question->account,
		          error_text(r));
	case POLICY_CLASS_KEY:
		return 0;
	case POLICY_CLASS_ACCOUNT:
	case POLICY_CLASS_OPERATOR:
	case POLICY_CLASS_NODE:
	case POLICY_CLASS_CANNOT_TELL:
		break;
	}
	return cannot_tell("view \"%s\" has no answer about account=%u: %s",
	    request->view, question->account,
	    judged.error != 0 ? error_text(judged.error)
	                      : policy_verdict_text(judged.verdict));
}

/* A person's question. sshd asks for a user and a fingerprint. */
static int
answer_person(int argc, char **argv)
{
	static const struct argument options[] = {
		{ .name = "view", .value = "DIR", .help = "the view to read" },
		{ .name = "native",
		    .value = "FILE",
		    .help = "is there in native mode" },
	};
	static const struct arguments program = {
		.name = "enscale-keys",
		.synopsis = "[--view DIR] [--native FILE] USER FINGERPRINT "
		            "[TYPE KEY]",
		.options = options,
		.option_count = sizeof(options) / sizeof(options[0]),
	};

	return arguments_answer(&program, argc, argv);
}

int
main(int argc, char **argv)
{
	uint8_t fingerprint[SHA256_LEN];
	struct policy_question question = { .fingerprint = fingerprint };
	struct request request;
	struct login_name name;
	int code = answer_person(argc, argv);

	if (code != ARGUMENTS_GO_ON)
		return code;
	/* sshd may stop reading; a death by signal would refuse the key. */
	signal(SIGPIPE, SIG_IGN);
	if (!parse_arguments(argc, argv, &request))
		return cannot_tell(
		    "wrong arguments; AuthorizedKeysCommand is: enscale-keys %%u %%f");
	if (login_name_parse(request.user, &name) != 0)
		return 0;
	if (fingerprint_parse(request.fingerprint, fingerprint) != 0)
		return cannot_tell(
		    "fingerprint \"%s\" is not SHA256; set FingerprintHash sha256",
		    request.fingerprint);
	question.account = name.account;
	question.node = name.node;
	question.now = time(NULL);
	return look_up_and_print(&request, &question);
}

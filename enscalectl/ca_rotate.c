/*
 * enscalectl ca rotate: another key becomes the CA's, in three steps, between
 * which the nodes are told. It refuses a step out of turn.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "common/keys/fingerprint.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_list.h"
#include "enscalectl/ca_slot.h"

#define VERB          "ca rotate"
#define GUARD_SECONDS 10
#define POLL_MS       20

/* ---- the guard ---------------------------------------------------------- */

/*
 * Whoever listens at its socket; systemd starts it if it does not run. The
 * one who listened last may be gone, or, uid 0, be systemd itself. 0, -errno.
 */
static int
find_guard(const struct context *context, struct ucred *ret_guard)
{
	char path[CONFIG_PATH_MAX];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	AUTO_FD int fd = -1;

	if (config_path(context->config.run_dir, CONFIG_GUARD_SOCKET, path) !=
	    0)
		return ENS_E_LIMIT;
	fd = local_socket_connect(path, SOCK_STREAM, GUARD_SECONDS);
	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return -errno;
	*ret_guard = peer;
	return 0;
}

/* As the guard's own user, so that the kernel lets us reach nobody else who
 * may have its number by now. 0; -ESRCH: it is gone, even if somebody else has
 * the number; -errno. */
static int
signal_guard(const struct ucred *guard)
{
	const bool is_root = geteuid() == 0;
	int r;

	if (guard->uid == 0)
		return -ESRCH;
	if (is_root && setresuid(guard->uid, guard->uid, 0) != 0)
		return -errno;
	r = kill(guard->pid, SIGHUP) != 0 ? -errno : 0;
	if (is_root && setresuid(0, 0, 0) != 0)
		return -errno;
	return is_root && r == -EPERM ? -ESRCH : r;
}

static bool
published_is(const struct context *context, const char *fingerprint)
{
	char path[CONFIG_PATH_MAX], line[FINGERPRINT_SHA256_TEXT_LEN + 2];
	AUTO_FILE FILE *file = NULL;

	if (config_path(context->config.run_dir, CONFIG_CA_FILE, path) != 0)
		return false;
	file = fopen(path, "re");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, fingerprint) == 0;
}

bool
ca_guard_signs_with(const struct context *context, const char *fingerprint)
{
	struct ucred guard;

	return find_guard(context, &guard) == 0 &&
	    published_is(context, fingerprint);
}

static int
current_fingerprint(const char *ca, char text[FINGERPRINT_SHA256_TEXT_LEN + 1])
{
	uint8_t digest[SHA256_LEN];
	struct ssh_key key;
	int r;

	r = ca_key_read_public(ca, &key);
	if (r == 0)
		r = fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		    digest);
	if (r == 0)
		fingerprint_format_sha256(digest, text);
	return r;
}

/* A guard that does not run takes the key when it starts. */
static int
tell_guard(const struct context *context)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	struct ucred guard;
	int waited, r;

	if (current_fingerprint(context->config.ca_key, fingerprint) != 0)
		return EXIT_CANNOT_TELL;
	if (find_guard(context, &guard) != 0) {
		complain("enscale-guard is not running: it will take the key "
		         "when it starts");
		return EXIT_YES;
	}
	r = signal_guard(&guard);
	if (r != 0 && r != -ESRCH) {
		complain("cannot tell enscale-guard: %s", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	for (waited = 0; waited < GUARD_SECONDS * 1000; waited += POLL_MS) {
		if (published_is(context, fingerprint))
			return EXIT_YES;
		poll(NULL, 0, POLL_MS);
	}
	complain("enscale-guard has not taken the key; its log says why");
	return EXIT_CANNOT_TELL;
}

/* ---- the steps ---------------------------------------------------------- */

static void
advise(const char *what)
{
	fprintf(stderr,
	    "Next, put these lines into a file \"ca.pub\" and run on every "
	    "node:\n"
	    "    enscale-node setup --ca ca.pub\n%s\n",
	    what);
}

static int
make_next(const char *ca)
{
	char path[CONFIG_PATH_MAX];
	int code;

	if (!ca_slot_exists(ca, CA_CURRENT)) {
		complain("there is no key to rotate: " CA_RESTORE);
		return EXIT_NO;
	}
	if (ca_slot_is_unfinished(ca, CA_NEXT) &&
	    ca_slot_delete(ca, CA_NEXT) != 0)
		return EXIT_CANNOT_TELL;
	if (ca_slot_exists(ca, CA_NEXT) || ca_slot_exists(ca, CA_PREVIOUS)) {
		complain("a rotation is in progress: %s",
		    ca_slot_exists(ca, CA_NEXT) ? "ca rotate --switch is next"
		                                : "ca rotate --finish is next");
		return EXIT_NO;
	}
	if (ca_slot_path(ca, CA_NEXT, path) != 0)
		return EXIT_CANNOT_TELL;
	code = ca_make(path);
	if (code == EXIT_YES)
		code = ca_show_all(ca);
	if (code == EXIT_YES)
		advise("then, when all of them accept both: enscalectl ca "
		       "rotate --switch");
	return code;
}

static int
switch_keys(const struct context *context)
{
	const char *ca = context->config.ca_key;
	int code, r;

	if (ca_slot_is_unfinished(ca, CA_NEXT)) {
		complain("the next key is incomplete: enscalectl ca rotate "
		         "makes another");
		return EXIT_NO;
	}
	r = ca_slot_switch(ca);
	/* Repeating it does no harm: it tells the guard again. */
	if (r == -ENOENT && !ca_slot_exists(ca, CA_PREVIOUS)) {
		complain("there is no next key: enscalectl ca rotate");
		return EXIT_NO;
	}
	if (r != 0 && r != -ENOENT) {
		complain("cannot switch the keys at \"%s\": %s", ca,
		    error_text(r));
		return EXIT_CANNOT_TELL;
	}
	code = tell_guard(context);
	if (code == EXIT_YES)
		fprintf(stderr,
		    "enscale-guard signs with the new key. Once it does so on "
		    "every gateway:\n"
		    "    enscalectl ca rotate --finish\n");
	return code;
}

/* The public key is kept, in case it must be revoked later. One that cannot be
 * read was not given to any node. */
static int
retire_previous(const char *ca)
{
	char path[CONFIG_PATH_MAX], list[CONFIG_PATH_MAX];
	struct ssh_key key;
	int r;

	r = ca_slot_path(ca, CA_PREVIOUS, path);
	if (r == 0)
		r = ca_list_path(ca, CA_LIST_RETIRED, list);
	if (r == 0 && ca_key_read_public(path, &key) == 0)
		r = ca_list_add(list, &key);
	return r != 0 ? r : ca_slot_delete(ca, CA_PREVIOUS);
}

static int
finish(const struct context *context)
{
	const char *ca = context->config.ca_key;
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	struct ucred guard;
	int r;

	if (ca_slot_exists(ca, CA_NEXT) || !ca_slot_exists(ca, CA_PREVIOUS)) {
		complain("there is no previous key to forget");
		return EXIT_NO;
	}
	if (current_fingerprint(ca, fingerprint) != 0 ||
	    (find_guard(context, &guard) == 0 &&
	        !published_is(context, fingerprint))) {
		complain("enscale-guard does not sign with the new key yet: "
		         "enscalectl ca rotate --switch");
		return EXIT_NO;
	}
	r = retire_previous(ca);
	if (r != 0) {
		complain("cannot delete the previous key: %s", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	r = ca_show_all(ca);
	if (r == EXIT_YES)
		advise("then they trust only this one.");
	return r;
}

int
ca_rotate(const struct context *context, int argc, char **argv)
{
	if (argc == 0)
		return make_next(context->config.ca_key);
	if (argc == 1 && strcmp(argv[0], "--switch") == 0)
		return switch_keys(context);
	if (argc == 1 && strcmp(argv[0], "--finish") == 0)
		return finish(context);
	return complain_usage(VERB);
}

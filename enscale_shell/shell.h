/*
 * What one run of enscale-shell knows: its signals, its connection to the
 * guard, and what the guard said about the session. Rights come from nowhere
 * else.
 */
#ifndef ENSCALE_SHELL_SHELL_H
#define ENSCALE_SHELL_SHELL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/policy/policy.h"
#include "common/protocol/guard_protocol.h"

#define SHELL_HOST_MAX 255
#define SHELL_TEXT_MAX 1023

struct guard_client;
struct guard_event;

struct shell {
	const char *guard_path;     /* borrowed */
	struct guard_client *guard; /* owned; NULL while there is none */
	unsigned connections;       /* connections made so far */
	int signals;    /* owned; readable when shell_take_signal() has one */
	int signal_fd;  /* owned; signalfd(2) of SHELL's signals */
	int monitor_fd; /* owned; pidfd of sshd's monitor, or -1 */
	char session[SESSION_ID_LEN + 1];
	uint32_t account;
	uint32_t node; /* 0: the menu */
	char name[NAME_TEXT_MAX + 1];
	char host[SHELL_HOST_MAX + 1];
	uint16_t port;
	char announcement[SHELL_TEXT_MAX + 1];
	char notice[NOTICE_TEXT_MAX + 1];   /* what operators announced */
	bool has_new_notice;                /* and nobody has seen here */
	char key[NAME_TEXT_MAX + 1];        /* SHA256:..., of this session */
	char address[ADDRESS_TEXT_MAX + 1]; /* of the client */
	int64_t menu_idle, hop_idle;        /* seconds; 0: no limit */
	bool is_native;     /* the user's own ssh may go to the node */
	int64_t last_login; /* before this one; 0: not known */
	char last_address[ADDRESS_TEXT_MAX + 1];
};

/* Why something was not done: an exit code and a sentence. */
struct refusal {
	int code;     /* GUARD_EXIT_* */
	bool is_busy; /* the account has asked for too much: it may try later */
	char sentence[POLICY_SENTENCE_MAX];
};

/*
 * Blocks HUP, INT, QUIT and TERM, to be read from shell->signals, and puts
 * every other signal back to its default. Returns 0 or -errno.
 */
int shell_init(struct shell *shell, const char *guard_path);
/* Takes ownership of a pidfd; from now on the end of that process counts as a
 * SIGTERM to us. 0 or -errno. */
int shell_end_with(struct shell *shell, int monitor_fd);
void shell_close(struct shell *shell);

/*
 * Asks the guard, and reconnects if the connection was lost. Takes ownership of
 * the request, which may be NULL (no memory). Returns the answer, which the
 * caller owns, or NULL with *ret_refusal filled in.
 */
json_t *shell_ask(struct shell *shell, json_t *request,
    struct refusal *ret_refusal);

/* Asks who we are. 0, or ENS_E_DENIED with *ret_refusal filled in. */
int shell_hello(struct shell *shell, struct refusal *ret_refusal);

/* Fills in a refusal of the shell's own. */
__attribute__((format(printf, 3, 4))) void refusal_set(struct refusal *refusal,
    int code, const char *format, ...);

/*
 * Gets what the guard said of its own accord, if it did. A lost connection is
 * dropped: restarting the guard ends nothing.
 */
bool shell_take_event(struct shell *shell, struct guard_event *ret_event);

/* Connects, if there is no connection and somebody listens there: the guard
 * tells nobody else what it has to say of its own accord. */
void shell_listen(struct shell *shell);

/* What operators have announced and was not shown yet; NULL: nothing. Reads
 * nothing. Borrowed until the guard says another. */
const char *shell_take_notice(struct shell *shell);

/* Reads one pending signal; 0 when there is none. */
int shell_take_signal(struct shell *shell);

/* Dies by a signal the way its sender expects. */
_Noreturn void shell_die_by(int signal);

#endif

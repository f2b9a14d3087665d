/*
 * Shells. A connection belongs to its peer, the process that connected. It
 * refuses nobody at once, so that whoever has no session gets a sentence.
 */
#include <config.h>

#include "enscale_guard/guard_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/agent_socket.h"
#include "enscale_guard/key_change.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"
#include "enscale_guard/request.h"
#include "enscale_guard/shell.h"
#include "enscale_guard/stream.h"

/* Several answers never wait, but lines of our own may join one. */
#define OUT_MAX (GUARD_REPLY_MAX + 65536)

static void
free_shell(struct shell *shell)
{
	if (shell->entry != NULL)
		LIST_REMOVE(shell, of_session);
	LIST_REMOVE(shell, all);
	key_change_forget(shell);
	admission_leave(&shell->guard->admission, shell->client);
	stream_free(shell->stream);
	free(shell);
}

static void
on_closed(struct stream *stream, void *arg)
{
	struct shell *shell = arg;

	(void)stream;
	live_hop_release(shell->guard, shell);
	free_shell(shell);
}

static bool
charge(void *arg, uint32_t cost)
{
	return admission_charge(((struct shell *)arg)->client, cost);
}

static int
change_keys(void *arg, const struct keyd_request *request)
{
	return key_change_start(arg, request);
}

static int
certify(void *arg, const struct cert_request *request,
    struct wire_writer *writer)
{
	struct shell *shell = arg;

	return agent_socket_certify(shell->guard, &shell->entry->session,
	    request, writer);
}

static json_t *
list_session(const struct session_entry *entry)
{
	const struct session *session = &entry->session;
	const struct live_hop *hop;
	json_t *inside = json_array();

	LIST_FOREACH(hop, &entry->hops, of_session)
		json_array_append_new(inside,
		    json_integer((json_int_t)hop->node));
	return json_pack("{s:s, s:I, s:s, s:I, s:o}", "session", session->id,
	    "opened", (json_int_t)session->opened, "address", session->address,
	    "node", (json_int_t)session->node, "inside", inside);
}

static json_t *
list_sessions(void *arg)
{
	const struct shell *shell = arg;
	const struct session_entry *entry;
	json_t *list = json_array();

	for (entry = session_table_first_of(shell->guard->sessions,
	         shell->entry->session.account);
	     entry != NULL; entry = session_table_next_of(entry))
		if (entry->published && !entry->ending)
			json_array_append_new(list, list_session(entry));
	return list;
}

/* Those that run, and those that may begin. */
static uint32_t
count_hops_in(const struct session_entry *entry)
{
	const uint64_t now = bucket_now();
	const struct live_hop *hop;
	const struct shell *shell;
	uint32_t count = 0;

	LIST_FOREACH(hop, &entry->hops, of_session)
		count++;
	LIST_FOREACH(shell, &entry->shells, of_session)
		count += hop_is_open(&shell->hop, now);
	return count;
}

static void
count_hops(void *arg, struct hop_count *ret_count)
{
	const struct shell *shell = arg;
	const struct session_entry *entry;
	struct hop_count count = { .session = count_hops_in(shell->entry) };

	for (entry = session_table_first_of(shell->guard->sessions,
	         shell->entry->session.account);
	     entry != NULL; entry = session_table_next_of(entry))
		count.account += count_hops_in(entry);
	*ret_count = count;
}

/* A process' new declaration replaces that of its other connections. */
static void
withdraw_others(struct shell *shell)
{
	struct shell *other;

	if (shell->hop.state != HOP_DECLARED || shell->entry == NULL)
		return;
	LIST_FOREACH(other, &shell->entry->shells, of_session)
		if (other != shell && other->hop.state == HOP_DECLARED &&
		    process_equal(&other->peer.chain[0], &shell->peer.chain[0]))
			hop_clear(&other->hop);
}

static void
answer_line(struct shell *shell, const char *line, size_t len)
{
	struct guard *guard = shell->guard;
	bool has_session = shell->entry != NULL && !shell->entry->ending;
	const struct request request = {
		.config = &guard->config,
		.agent_socket = guard->agent_socket,
		.view = guard->view,
		.view_error = guard->view_error,
		.session = has_session ? &shell->entry->session : NULL,
		.unrecorded = shell->unrecorded,
		.hop = &shell->hop,
		.audit = guard->audit,
		.last_use = guard->last_use,
		.visits = guard->visits,
		.host_keys = guard->host_keys,
		.notice = notices_line(guard),
		.now = bucket_now(),
		.charge = charge,
		.change_keys = change_keys,
		.certify = certify,
		.list_sessions = list_sessions,
		.count_hops = count_hops,
		.arg = shell,
	};
	struct reply reply;

	/* An earlier request is not answered yet: keep the order. */
	if (shell->change != NULL)
		reply = reply_bad(&request, "One request at a time.");
	else
		reply = request_answer(&request, line, len);
	if (reply.later)
		return; /* key_change.c answers */
	shell_tell(shell, reply.line);
	if (shell->hop.state != HOP_SIGNED)
		live_hop_release(guard, shell);
	withdraw_others(shell);
	if (reply.close)
		stream_finish(shell->stream);
}

static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	struct shell *shell = arg;
	const uint8_t *end = memchr(in.data, '\n', in.len);

	(void)stream;
	if (end == NULL && in.len < GUARD_REQUEST_MAX)
		return 0;
	if (end == NULL) {
		shell_tell(shell,
		    reply_refusal(GUARD_EXIT_FAULT, "bad-request",
		        "The request is too long.",
		        shell->entry != NULL ? &shell->entry->session : NULL)
		        .line);
		stream_finish(shell->stream);
		return (ssize_t)in.len;
	}
	answer_line(shell, (const char *)in.data, (size_t)(end - in.data));
	return end - in.data + 1;
}

/* Whatever is between the shell and the monitor belongs to the session. */
static void
join_session(struct shell *shell, struct session_entry *entry)
{
	shell->entry = entry;
	LIST_INSERT_HEAD(&entry->shells, shell, of_session);
	for (size_t i = 0; i + 1 < shell->peer.chain_len; i++)
		if (process_list_add(&entry->members, &shell->peer.chain[i]) <
		    0)
			log_about(OF_SESSION(&entry->session), LOG_WARNING,
			    "no memory to note a process");
}

static void
note_stranger(struct shell *shell, int fd, int error)
{
	unsigned uid = (unsigned)shell->client->uid;

	shell->unrecorded = error == ENS_E_NOTFOUND &&
	    peer_is_below_sshd(fd, peer_ticks());
	if (shell->unrecorded)
		log_error("sshd let uid %u in without pam_enscale, so there is "
		          "no record of the session: `enscalectl doctor` looks "
		          "at its PAM service",
		    uid);
	else
		log_info("no session for a peer of uid %u: %s", uid,
		    error_text(error));
}

void
guard_socket_accepted(int fd, struct client *client, void *arg)
{
	static const struct stream_handler prototype = {
		.data = on_data,
		.closed = on_closed,
		.in_max = GUARD_REQUEST_MAX,
		.out_max = OUT_MAX,
	};
	struct guard *guard = arg;
	struct session_entry *entry;
	struct shell *shell = calloc(1, sizeof(*shell));
	int r;

	r = shell == NULL ? -ENOMEM : 0;
	if (r == 0) {
		shell->handler = prototype;
		shell->handler.arg = shell;
		r = stream_new(guard->event, fd, &shell->handler,
		    &shell->stream);
	}
	if (r < 0) {
		log_warning("cannot accept a connection of a shell: %s",
		    error_text(r));
		close(fd);
		free(shell);
		admission_leave(&guard->admission, client);
		return;
	}
	shell->guard = guard;
	shell->client = client;
	LIST_INSERT_HEAD(&guard->shells, shell, all);
	notices_tell(guard, shell);
	r = peer_identify(fd, peer_ticks(), guard->config.uid_base,
	    guard->sessions, &shell->peer, &entry);
	if (r == 0)
		join_session(shell, entry);
	else
		note_stranger(shell, fd, r);
}

void
guard_socket_session_over(struct session_entry *entry)
{
	struct shell *shell;

	while ((shell = LIST_FIRST(&entry->shells)) != NULL) {
		LIST_REMOVE(shell, of_session);
		shell->entry = NULL;
		hop_clear(&shell->hop);
	}
}

int
guard_socket_open(struct guard *guard)
{
	const struct listener_options options = {
		.path = guard->guard_socket,
		.admission = &guard->admission,
		.uid_min = guard->config.uid_base,
		.uid_max = guard->config.uid_base + ACCOUNT_ID_MAX,
		.accepted = guard_socket_accepted,
		.arg = guard,
	};

	return listener_new(guard->event, &options, &guard->guard_listener);
}

void
guard_socket_close(struct guard *guard)
{
	struct shell *shell;

	listener_free(guard->guard_listener);
	guard->guard_listener = NULL;
	while ((shell = LIST_FIRST(&guard->shells)) != NULL)
		free_shell(shell);
}

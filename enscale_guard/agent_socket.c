/*
 * Connections of ssh. A connection's hop is found through its ancestors: the
 * process that declared the hop must be one of them. It refuses to look further
 * than the peer's own session.
 */
#include <config.h>

#include "enscale_guard/agent_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/agent.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"

#define FRAME_HEAD 4 /* the length in front of a message */

struct agent_peer {
	struct guard *guard;
	struct client *client;
	struct stream *stream;
	struct stream_handler handler;
	struct peer peer;
	struct session_entry *entry; /* NULL: none, or it is over */
	struct agent *agent;
	struct agent_surroundings surroundings;
	LIST_ENTRY(agent_peer) all;
};

static void
free_peer(struct agent_peer *peer)
{
	LIST_REMOVE(peer, all);
	admission_leave(&peer->guard->admission, peer->client);
	agent_free(peer->agent);
	stream_free(peer->stream);
	free(peer);
}

/* ---- the agent's surroundings ------------------------------------------ */

/* The nearest ancestor that has an open hop. */
static struct shell *
find_shell(const struct agent_peer *peer)
{
	uint64_t now = bucket_now();
	struct shell *shell;

	if (peer->entry == NULL || peer->entry->ending)
		return NULL;
	for (size_t i = 1; i + 1 < peer->peer.chain_len; i++)
		LIST_FOREACH(shell, &peer->entry->shells, of_session)
			if (hop_is_open(&shell->hop, now) &&
			    process_equal(&shell->peer.chain[0],
			        &peer->peer.chain[i]))
				return shell;
	return NULL;
}

static int
find_hop(void *arg, struct agent_hop *ret_hop)
{
	const struct agent_peer *peer = arg;
	const struct shell *shell = find_shell(peer);

	if (shell == NULL)
		return ENS_E_NOTFOUND;
	*ret_hop = (struct agent_hop){
		.id = shell->hop.id,
		.node = shell->hop.node,
		.forward_agent = shell->hop.forward_agent,
		.session = peer->entry->session,
	};
	return 0;
}

static const struct view *
get_view(void *arg, int *ret_error)
{
	const struct agent_peer *peer = arg;

	*ret_error = peer->guard->view_error;
	return peer->guard->view;
}

static int
certify(void *arg, const struct cert_request *request,
    struct wire_writer *writer)
{
	const struct agent_peer *peer = arg;
	struct shell *shell = find_shell(peer);
	int r;

	if (!admission_charge(peer->client, ADMISSION_COST_SIGN))
		return -EAGAIN;
	r = agent_socket_certify(peer->guard, &peer->entry->session, request,
	    writer);
	if (r == 0 && shell != NULL)
		shell->hop.certified = time(NULL);
	return r;
}

int
agent_socket_certify(struct guard *guard, const struct session *session,
    const struct cert_request *request, struct wire_writer *writer)
{
	uint64_t serial;
	int r;

	r = signer_certify(guard->signer, request, writer, &serial);
	if (r == -EPIPE || r == -ETIMEDOUT) {
		log_error("lost the signer: %s", error_text(r));
		sd_event_exit(guard->event, EXIT_FAILURE);
	}
	if (r < 0)
		return r;
	audit_event(guard->audit, AUDIT_EVENT_CERTIFICATE, session,
	    &(struct audit_fields){ .node = request->node,
	        .serial = (int64_t)serial,
	        .forward_agent = (request->flags & CERT_FORWARD_AGENT) != 0,
	        .native = (request->flags & CERT_FORWARD_PORTS) != 0,
	        .lifetime = request->lifetime });
	return 0;
}

static int
use_hop(void *arg, const struct agent_hop *hop)
{
	struct agent_peer *peer = arg;
	struct shell *shell = find_shell(peer);
	int r;

	if (shell == NULL || shell->hop.id != hop->id)
		return ENS_E_STALE;
	r = live_hop_add(peer->guard, shell, &peer->peer.chain[0]);
	if (r < 0)
		return r;
	hop_sign(&shell->hop);
	/* A person would not want to go back to a script's node. */
	if (peer->guard->last_use != NULL && shell->entry->session.node == 0)
		last_use_enter(peer->guard->last_use,
		    shell->entry->session.account, shell->hop.node);
	return 0;
}

static void
refused(void *arg, char rule, int error, const struct agent_hop *hop,
    const struct policy_answer *answer)
{
	struct agent_peer *peer = arg;
	struct shell *shell = find_shell(peer);
	const char rule_text[] = { rule, '\0' };
	const char *reason;

	admission_charge(peer->client, ADMISSION_COST_REFUSED);
	if (answer != NULL && shell != NULL && hop != NULL &&
	    shell->hop.id == hop->id)
		hop_refuse(&shell->hop, answer);
	reason = answer != NULL ? policy_verdict_text(answer->verdict)
	                        : error_text(error);
	if (peer->entry == NULL) {
		log_info("agent: rule (%s) refuses a peer of uid %u: %s",
		    rule_text, (unsigned)peer->client->uid, reason);
		return;
	}
	audit_event(peer->guard->audit, AUDIT_EVENT_AGENT_REFUSED,
	    &peer->entry->session,
	    &(struct audit_fields){ .rule = rule_text,
	        .reason = reason,
	        .node = hop != NULL ? hop->node : 0 });
}

/* ---- the connection ----------------------------------------------------- */

static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	struct agent_peer *peer = arg;
	AUTO(wire_write_free) struct wire_writer reply;
	struct wire_reader reader;
	struct bytes message;
	bool keep;
	uint32_t len;
	int r;

	if (in.len < FRAME_HEAD)
		return 0;
	wire_read_init(&reader, in.data, in.len);
	len = wire_read_u32(&reader);
	if (len == 0 || len > AGENT_MESSAGE_MAX)
		return ENS_E_LIMIT;
	if (reader.left < len)
		return 0;
	message = wire_read_bytes(&reader, len);
	wire_write_init_growing(&reply, AGENT_MESSAGE_MAX);
	keep = agent_handle(peer->agent, message, &reply);
	r = reply.error;
	if (r == 0)
		r = stream_write(stream, reply.data, reply.len);
	if (r < 0)
		return r;
	if (!keep)
		stream_finish(stream);
	return (ssize_t)(FRAME_HEAD + len);
}

static void
on_closed(struct stream *stream, void *arg)
{
	(void)stream;
	free_peer(arg);
}

static void
identify(struct agent_peer *peer, int fd)
{
	struct session_entry *entry;

	if (peer_identify(fd, peer_ticks(), peer->guard->config.uid_base,
	        peer->guard->sessions, &peer->peer, &entry) == 0)
		peer->entry = entry;
}

void
agent_socket_accepted(int fd, struct client *client, void *arg)
{
	struct guard *guard = arg;
	struct agent_peer *peer = calloc(1, sizeof(*peer));
	int r = peer == NULL ? -ENOMEM : 0;

	if (r == 0) {
		peer->guard = guard;
		peer->client = client;
		peer->surroundings = (struct agent_surroundings){
			.find_hop = find_hop,
			.view = get_view,
			.certify = certify,
			.sign = use_hop,
			.refused = refused,
			.arg = peer,
			.max_age = guard->config.offline_max_age,
			.lifetime = guard->config.cert_lifetime,
		};
		peer->handler = (struct stream_handler){
			.data = on_data,
			.closed = on_closed,
			.arg = peer,
			.in_max = FRAME_HEAD + AGENT_MESSAGE_MAX,
			.out_max = FRAME_HEAD + AGENT_MESSAGE_MAX,
		};
		r = agent_new(&peer->surroundings, &peer->agent);
	}
	if (r == 0)
		r = stream_new(guard->event, fd, &peer->handler, &peer->stream);
	if (r < 0) {
		log_warning("cannot accept a connection of ssh: %s",
		    error_text(r));
		close(fd);
		if (peer != NULL)
			agent_free(peer->agent);
		free(peer);
		admission_leave(&guard->admission, client);
		return;
	}
	LIST_INSERT_HEAD(&guard->agents, peer, all);
	stream_set_deadline(peer->stream,
	    bucket_now() + AGENT_SECONDS * BUCKET_SECOND);
	identify(peer, fd);
}

void
agent_socket_session_over(struct guard *guard,
    const struct session_entry *entry)
{
	struct agent_peer *peer;

	LIST_FOREACH(peer, &guard->agents, all)
		if (peer->entry == entry)
			peer->entry = NULL;
}

int
agent_socket_open(struct guard *guard)
{
	const struct listener_options options = {
		.path = guard->agent_socket,
		.admission = &guard->admission,
		.uid_min = guard->config.uid_base,
		.uid_max = guard->config.uid_base + ACCOUNT_ID_MAX,
		.accepted = agent_socket_accepted,
		.arg = guard,
	};

	return listener_new(guard->event, &options, &guard->agent_listener);
}

void
agent_socket_close(struct guard *guard)
{
	struct agent_peer *peer;

	listener_free(guard->agent_listener);
	guard->agent_listener = NULL;
	while ((peer = LIST_FIRST(&guard->agents)) != NULL)
		free_peer(peer);
}

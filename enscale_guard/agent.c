/*
 * One hop's conversation with the agent. It refuses everything that the rules
 * in agent.h do not name, and gives one signature in its life.
 */
#include <config.h>

#include "enscale_guard/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/host_key.h"

#define SSH_MSG_USERAUTH_REQUEST 50
#define METHOD_PUBLICKEY         "publickey"
#define METHOD_HOSTBOUND         "publickey-hostbound-v00@openssh.com"
#define COMMENT                  "enscale"

enum agent_state {
	AGENT_FRESH = 0, /* waits for its session-bind */
	AGENT_BOUND,     /* waits to be asked for identities */
	AGENT_LISTED,    /* waits for its sign request */
	AGENT_SPENT,     /* gives nothing more */
};

struct agent {
	const struct agent_surroundings *around; /* borrowed */
	enum agent_state state;
	struct agent_hop hop;
	size_t session_id_len;
	uint8_t session_id[AGENT_SESSION_ID_MAX];
	size_t host_key_len;
	uint8_t host_key[KEY_BLOB_MAX];
	size_t cert_len;
	uint8_t cert[CERT_BLOB_MAX];
	EVP_PKEY *key; /* of this connection, until it is used */
};

static void
free_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void
wipe(struct agent *agent)
{
	EVP_PKEY_free(agent->key); /* libcrypto clears the private part */
	agent->key = NULL;
	agent->state = AGENT_SPENT;
}

int
agent_new(const struct agent_surroundings *surroundings,
    struct agent **ret_agent)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (agent == NULL)
		return -ENOMEM;
	agent->around = surroundings;
	*ret_agent = agent;
	return 0;
}

void
agent_free(struct agent *agent)
{
	if (agent == NULL)
		return;
	wipe(agent);
	OPENSSL_cleanse(agent, sizeof(*agent));
	free(agent);
}

/* ---- refusing --------------------------------------------------------- */

static int
refuse(struct agent *agent, char rule, int error,
    const struct policy_answer *answer)
{
	agent->around->refused(agent->around->arg, rule, error,
	    agent->hop.id != 0 ? &agent->hop : NULL, answer);
	return error;
}

/* ---- rules (b), (c), (f) ---------------------------------------------- */

/* *ret_answer is filled in whenever a rule of policy was asked. */
static int
judge(struct agent *agent, char rule, struct policy_answer *ret_answer)
{
	const struct agent_hop *hop = &agent->hop;
	const struct policy_question question = {
		.account = hop->session.account,
		.fingerprint = hop->session.fingerprint,
		.address = hop->session.address,
		.node = hop->node,
		.now = time(NULL),
		.max_age = agent->around->max_age,
	};
	const struct view *view;
	int open_error = 0;

	view = agent->around->view(agent->around->arg, &open_error);
	policy_judge(view, open_error, &question, ret_answer);
	if (ret_answer->verdict != POLICY_ALLOWED)
		return refuse(agent, rule, ENS_E_DENIED, ret_answer);
	return 0;
}

static bool
is_host_key_of(const struct node_record *node, struct bytes host_key)
{
	struct bytes cursor = node->host_keys, blob;

	while (node_record_next_host_key(&cursor, &blob) == 0)
		if (bytes_equal(blob, host_key))
			return true;
	return false;
}

/* Is the hop that was bound still open, and still the same? */
static int
check_hop(struct agent *agent, char rule)
{
	struct agent_hop hop;
	int r;

	r = agent->around->find_hop(agent->around->arg, &hop);
	if (r == 0 && hop.id != agent->hop.id)
		r = ENS_E_STALE;
	return r < 0 ? refuse(agent, rule, r, NULL) : 0;
}

/* ---- (a) session-bind -------------------------------------------------- */

struct bind {
	struct bytes host_key, session_id, signature;
};

static int
parse_bind(struct wire_reader *reader, struct bind *ret_bind)
{
	struct bind bind;
	uint8_t is_forwarding;

	bind.host_key = wire_read_string(reader);
	bind.session_id = wire_read_string(reader);
	bind.signature = wire_read_string(reader);
	is_forwarding = wire_read_u8(reader);
	if (wire_read_end(reader) != 0)
		return ENS_E_CORRUPT;
	if (bind.session_id.len < AGENT_SESSION_ID_MIN ||
	    bind.session_id.len > AGENT_SESSION_ID_MAX ||
	    bind.host_key.len > KEY_BLOB_MAX)
		return ENS_E_LIMIT;
	if (is_forwarding != 0)
		return ENS_E_DENIED;
	*ret_bind = bind;
	return 0;
}

static int
bind_session(struct agent *agent, struct wire_reader *reader)
{
	struct policy_answer answer;
	struct bind bind;
	int r;

	if (agent->state != AGENT_FRESH)
		return refuse(agent, 'a', ENS_E_PROTOCOL, NULL);
	r = parse_bind(reader, &bind);
	if (r < 0)
		return refuse(agent, 'a', r, NULL);
	r = agent->around->find_hop(agent->around->arg, &agent->hop);
	if (r < 0)
		return refuse(agent, 'b', r, NULL);
	r = judge(agent, 'c', &answer);
	if (r < 0)
		return r;
	/* Cheap checks come first: the signature is verified last. */
	if (!is_host_key_of(&answer.node, bind.host_key))
		return refuse(agent, 'b', ENS_E_DENIED, NULL);
	r = host_key_verify(bind.host_key, bind.signature, bind.session_id);
	if (r < 0)
		return refuse(agent, 'a', r, NULL);
	memcpy(agent->session_id, bind.session_id.data, bind.session_id.len);
	agent->session_id_len = bind.session_id.len;
	memcpy(agent->host_key, bind.host_key.data, bind.host_key.len);
	agent->host_key_len = bind.host_key.len;
	agent->state = AGENT_BOUND;
	return 0;
}

static int
handle_extension(struct agent *agent, struct wire_reader *reader,
    struct wire_writer *reply)
{
	struct bytes name = wire_read_string(reader);
	int r;

	if (!bytes_equal_text(name, "session-bind@openssh.com"))
		return refuse(agent, 'h', ENS_E_PROTOCOL, NULL);
	r = bind_session(agent, reader);
	if (r < 0)
		return r;
	wire_write_u8(reply, SSH_AGENT_SUCCESS);
	return 0;
}

/* ---- (d) one certificate ----------------------------------------------- */

static int
make_certificate(struct agent *agent)
{
	struct cert_request request = {
		.account = agent->hop.session.account,
		.node = agent->hop.node,
		.flags = agent->hop.forward_agent ? CERT_FORWARD_AGENT : 0,
		.lifetime = agent->around->lifetime,
	};
	struct wire_writer key, writer;
	int r;

	agent->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (agent->key == NULL)
		return ENS_E_CRYPTO;
	wire_write_init(&key, request.key, sizeof(request.key));
	r = cert_write_public_key(agent->key, &key);
	if (r != 0)
		return r;
	request.key_len = (uint32_t)key.len;
	memcpy(request.session, agent->hop.session.id, sizeof(request.session));
	memcpy(request.fingerprint, agent->hop.session.fingerprint,
	    sizeof(request.fingerprint));
	wire_write_init(&writer, agent->cert, sizeof(agent->cert));
	r = agent->around->certify(agent->around->arg, &request, &writer);
	if (r == 0)
		r = writer.error;
	if (r == 0)
		agent->cert_len = writer.len;
	return r;
}

static int
list_identities(struct agent *agent, struct wire_reader *reader,
    struct wire_writer *reply)
{
	struct policy_answer answer;
	int r;

	if (wire_read_end(reader) != 0)
		return refuse(agent, 'h', ENS_E_CORRUPT, NULL);
	if (agent->state == AGENT_FRESH) {
		/* Not bound to any connection: there is nothing for it, and
		 * a session-bind would come too late. */
		agent->state = AGENT_SPENT;
		wire_write_u8(reply, SSH_AGENT_IDENTITIES_ANSWER);
		wire_write_u32(reply, 0);
		return 0;
	}
	if (agent->state != AGENT_BOUND)
		return refuse(agent, 'd', ENS_E_PROTOCOL, NULL);
	r = check_hop(agent, 'd');
	if (r == 0)
		r = judge(agent, 'c', &answer);
	if (r < 0)
		return r;
	r = make_certificate(agent);
	if (r < 0)
		return refuse(agent, 'd', r, NULL);
	agent->state = AGENT_LISTED;
	wire_write_u8(reply, SSH_AGENT_IDENTITIES_ANSWER);
	wire_write_u32(reply, 1);
	wire_write_string(reply, agent->cert, agent->cert_len);
	wire_write_cstring(reply, COMMENT);
	return 0;
}

/* ---- (e), (f), (g) one signature --------------------------------------- */

static int
check_sign_data(const struct agent *agent, struct bytes data,
    const char *system_user)
{
	const struct bytes cert = { agent->cert, agent->cert_len };
	const struct bytes session_id = { agent->session_id,
		agent->session_id_len };
	const struct bytes host_key = { agent->host_key, agent->host_key_len };
	struct wire_reader reader;
	struct bytes method;
	bool right = true, hostbound;

	/* Each read once and in order; the end is looked at last, so a cut
	 * message compares empty fields before it is refused. */
	wire_read_init(&reader, data.data, data.len);
	right &= bytes_equal(wire_read_string(&reader), session_id);
	right &= wire_read_u8(&reader) == SSH_MSG_USERAUTH_REQUEST;
	right &= bytes_equal_text(wire_read_string(&reader), system_user);
	right &= bytes_equal_text(wire_read_string(&reader), "ssh-connection");
	method = wire_read_string(&reader);
	hostbound = bytes_equal_text(method, METHOD_HOSTBOUND);
	right &= hostbound || bytes_equal_text(method, METHOD_PUBLICKEY);
	right &= wire_read_u8(&reader) == 1;
	right &= bytes_equal_text(wire_read_string(&reader), CERT_TYPE_NAME);
	right &= bytes_equal(wire_read_string(&reader), cert);
	if (hostbound)
		right &= bytes_equal(wire_read_string(&reader), host_key);
	if (wire_read_end(&reader) != 0)
		return ENS_E_CORRUPT;
	return right ? 0 : ENS_E_DENIED;
}

static int
make_signature(struct agent *agent, struct bytes data,
    uint8_t ret_signature[ED25519_SIGNATURE_LEN])
{
	AUTO(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = ED25519_SIGNATURE_LEN;

	if (ctx == NULL)
		return -ENOMEM;
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, agent->key) != 1 ||
	    EVP_DigestSign(ctx, ret_signature, &len, data.data, data.len) !=
	        1 ||
	    len != ED25519_SIGNATURE_LEN)
		return ENS_E_CRYPTO;
	return 0;
}

static int
sign(struct agent *agent, struct wire_reader *reader, struct wire_writer *reply)
{
	uint8_t signature[ED25519_SIGNATURE_LEN];
	struct policy_answer answer;
	struct bytes cert, data;
	uint32_t flags;
	size_t place;
	int r;

	if (agent->state != AGENT_LISTED)
		return refuse(agent, 'e', ENS_E_PROTOCOL, NULL);
	cert = wire_read_string(reader);
	data = wire_read_string(reader);
	flags = wire_read_u32(reader);
	if (wire_read_end(reader) != 0 || flags != 0 ||
	    !bytes_equal(cert, (struct bytes){ agent->cert, agent->cert_len }))
		return refuse(agent, 'e', ENS_E_DENIED, NULL);
	r = check_hop(agent, 'f');
	if (r == 0)
		r = judge(agent, 'f', &answer);
	if (r < 0)
		return r;
	/* The system user is the node's of this moment. */
	r = check_sign_data(agent, data, answer.node.system_user);
	if (r < 0)
		return refuse(agent, 'e', r, NULL);
	r = make_signature(agent, data, signature);
	if (r == 0)
		r = agent->around->sign(agent->around->arg, &agent->hop);
	if (r < 0)
		return refuse(agent, 'g', r, NULL);
	wipe(agent);
	wire_write_u8(reply, SSH_AGENT_SIGN_RESPONSE);
	place = wire_write_begin_string(reply);
	wire_write_cstring(reply, "ssh-ed25519");
	wire_write_string(reply, signature, sizeof(signature));
	wire_write_end_string(reply, place);
	return 0;
}

/* ---- (h) --------------------------------------------------------------- */

static int
handle(struct agent *agent, struct bytes message, struct wire_writer *reply)
{
	struct wire_reader reader;

	wire_read_init(&reader, message.data, message.len);
	switch (wire_read_u8(&reader)) {
	case SSH_AGENTC_EXTENSION:
		return handle_extension(agent, &reader, reply);
	case SSH_AGENTC_REQUEST_IDENTITIES:
		return list_identities(agent, &reader, reply);
	case SSH_AGENTC_SIGN_REQUEST:
		return sign(agent, &reader, reply);
	default:
		return refuse(agent, 'h', ENS_E_PROTOCOL, NULL);
	}
}

bool
agent_handle(struct agent *agent, struct bytes message,
    struct wire_writer *reply)
{
	size_t place = wire_write_begin_string(reply);
	int r;

	r = handle(agent, message, reply);
	if (r < 0) {
		wipe(agent);
		if (reply->error == 0)
			reply->len = place;
		wire_write_u8(reply, SSH_AGENT_FAILURE);
	}
	wire_write_end_string(reply, place);
	return r == 0;
}
